//! Realistic notifications of both providers at a steady rate, for `cadrelay dev --simulate`.
//!
//! One in seven is a redelivery, and one in forty is a body that no provider should send.

use crate::event::provider::Provider;
use crate::providers::{catalog, sample};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Posts until it is dropped.
pub async fn run(relay: SocketAddr, rate: u32) {
    let client = reqwest::Client::new();
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let began = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    let mut former: Vec<Posting> = Vec::new();
    for number in 0_u64.. {
        ticks.tick().await;
        let seed = began.wrapping_add(number);
        let posting = match former.last() {
            Some(last) if number % 7 == 6 => last.clone(),
            _ => Posting::make(number, seed, Timestamp::now()),
        };
        let mut request = client
            .post(format!("http://{relay}/webhooks/{}", posting.provider))
            .header("content-type", "application/json")
            .body(posting.body.clone());
        if posting.provider == Provider::Aps {
            request = request.header("x-adsk-delivery-id", &posting.delivery);
        }
        if let Err(error) = request.send().await {
            tracing::warn!(error = %error, "a simulated notification found no relay");
        }
        former = vec![posting];
    }
}

#[derive(Clone, Debug)]
struct Posting {
    provider: Provider,
    body: Vec<u8>,
    delivery: String,
}

impl Posting {
    fn make(number: u64, seed: u64, now: Timestamp) -> Self {
        let provider = Provider::ALL[(number % 2) as usize];
        let entries = catalog::entries(provider);
        // Steps through the catalog in an order that mixes its groups.
        let entry = &entries[(number as usize / 2).wrapping_mul(7) % entries.len()];
        let body = if number % 40 == 39 {
            br#"["not", "a", "notification"]"#.to_vec()
        } else {
            sample::body(provider, entry.event, seed, now)
        };
        Self { provider, body, delivery: sample::aps_delivery_id(seed) }
    }
}
