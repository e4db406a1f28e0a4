//! A relay that was away, or refused, for longer than a provider repeats says so to consumers.

use crate::faults::{Fault, Faults};
use crate::oracle;
use support::kafka::{Kafka, Received};
use support::notification::Notification;
use support::relay::{Builder, Relay};
use support::waiting::eventually;

const HOUR: i64 = 3600;

/// A relay whose clock can be moved.
fn relay(faults: &Faults) -> Builder {
    oracle::unproven(faults.apply(Relay::builder()))
}

async fn gaps(relay: &Relay, topic: &str) -> Vec<Received> {
    let records = relay.read_to_end(topic).await.into_iter();
    records
        .filter(|record| record.header("ce_type") == Some("com.cadrelay.subscription.gap"))
        .collect()
}

/// Seconds from one moment to the other.
fn length(gap: &Received) -> i64 {
    let at = |name: &str| -> jiff::Timestamp {
        gap.json()["attributes"][name].as_str().expect("a time").parse().expect("a time")
    };
    at("to").duration_since(at("from")).as_secs()
}

/// The gap that this run tells, which is the first record of its topic.
async fn told(relay: &Relay, topic: &str) -> Received {
    let gap = relay.consume(topic, 1).await.remove(0);
    assert_eq!(relay.metrics().await.sum("cadrelay_gaps_total"), 1.0);
    gap
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_was_down_for_longer_than_the_provider_repeats_says_so_once() {
    let faults = Faults::new();
    let mut relay = relay(&faults).kafka(Kafka::shared().await).start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;

    relay.restart().await;
    relay.kill();
    faults.order(Fault::ClockOffset, HOUR);
    relay.restart().await;
    let gap = told(&relay, "onshape.lifecycle").await;
    for _ in 0..3 {
        relay.restart().await;
        relay.post(&Notification::onshape(1)).await.assert_duplicate();
    }
    relay.drained().await;

    assert_eq!(gap.key_text(), "onshape");
    assert_eq!(gap.json()["attributes"]["why"], "relay_down");
    assert!((HOUR - 60..HOUR + 300).contains(&length(&gap)), "{} s", length(&gap));
    assert_eq!(gaps(&relay, "onshape.lifecycle").await.len(), 1);
    assert_eq!(relay.metrics().await.sum("cadrelay_gaps_total"), 0.0, "this run tells none");
    assert!(relay.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_refused_for_longer_than_the_provider_repeats_says_so_once() {
    let faults = Faults::new();
    let mut relay = relay(&faults).set("spool.max_bytes", "'1MiB'").start().await;
    relay.kafka_goes_away();

    let mut number = 0;
    while relay.post(&Notification::onshape(number)).await.status == 200 {
        number += 1;
        assert!(number < 10_000, "the spool is never full");
    }
    faults.order(Fault::ClockOffset, HOUR);
    assert_eq!(relay.post(&Notification::onshape(number)).await.status, 503);
    relay.kafka_comes_back();
    eventually("it takes notifications again", async || {
        number += 1;
        (relay.post(&Notification::onshape(number)).await.status == 200).then_some(())
    })
    .await;
    let gap = told(&relay, "onshape.lifecycle").await;
    relay.restart().await;
    relay.post(&Notification::onshape(number)).await.assert_duplicate();
    relay.drained().await;

    assert_eq!(gap.json()["attributes"]["why"], "relay_refused");
    assert!((HOUR - 60..HOUR + 300).contains(&length(&gap)), "{} s", length(&gap));
    assert_eq!(gaps(&relay, "onshape.lifecycle").await.len(), 1);
}
