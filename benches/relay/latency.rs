//! Measures a sender's wait at a fixed rate, from the time at which its request was due.

use crate::load::{Round, fixed_rate};
use crate::median::median;
use crate::requests::{Requests, Shape};
use crate::servers::{Bare, drained, nowhere, relay};
use std::net::SocketAddr;
use std::sync::Arc;
use support::kafka::Kafka;

/// Milliseconds, a value per round.
#[derive(Debug, Default)]
pub struct Waits {
    pub p50: Vec<f64>,
    pub p99: Vec<f64>,
    pub p999: Vec<f64>,
}

/// The bare server, the relay with Kafka, and the relay without.
#[derive(Debug, Default)]
pub struct Latency {
    pub bare: Waits,
    pub up: Waits,
    pub away: Waits,
}

/// Measures the three servers in turn, `rounds` rounds each.
pub async fn measure(rate: u32, seconds: u32, rounds: usize) -> Latency {
    let kafka = Kafka::start_measured().await;
    let bare = Bare::start();
    let up = relay(1).kafka(&kafka).start().await;
    let away = relay(1).kafka_with(nowhere()).start().await;
    let mut latency = Latency::default();
    for round in 0..=rounds {
        let post = async |to: SocketAddr| {
            // The first round of each server warms up.
            let seconds = if round == 0 { 1 } else { seconds };
            let requests = Arc::new(Requests::make((rate * seconds) as usize, SHAPE));
            let posted = fixed_rate(&requests, to, CONNECTIONS, rate).await;
            assert_eq!(posted.failed, 0, "everything is answered 200");
            posted
        };
        let rounds = [post(bare.address).await, post(up.ingest()).await, post(away.ingest()).await];
        drained(&up).await;
        if round > 0 {
            let [bare, up, away] = rounds;
            latency.bare.add(&bare);
            latency.up.add(&up);
            latency.away.add(&away);
        }
    }
    latency
}

impl Waits {
    fn add(&mut self, round: &Round) {
        self.p50.push(round.quantile(0.5));
        self.p99.push(round.quantile(0.99));
        self.p999.push(round.quantile(0.999));
    }
}

impl Latency {
    /// Writes the waits as a table.
    pub fn table(&self, rate: u32) -> String {
        let mut table = format!(
            "At {rate} a second over {CONNECTIONS} connections, 1 KiB, in ms, medians of the rounds:\n\n\
             | | p50 | p99 | p99.9 |\n|---|--:|--:|--:|\n"
        );
        let rows = [
            ("bare", &self.bare),
            ("relay, Kafka up", &self.up),
            ("relay, Kafka away", &self.away),
        ];
        for (name, waits) in rows {
            let [p50, p99, p999] = [&waits.p50, &waits.p99, &waits.p999].map(|all| median(all));
            table.push_str(&format!("| {name} | {p50:.2} | {p99:.2} | {p999:.2} |\n"));
        }
        table
    }
}

const CONNECTIONS: usize = 64;
const SHAPE: Shape = Shape { size: 1024, redeliveries: 0, sources: 1 };
