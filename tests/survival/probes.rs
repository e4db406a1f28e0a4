//! The probes answer while the disk or Kafka stands still.

use crate::faults::{Fault, Faults};
use crate::large;
use std::time::Duration;
use support::kafka::Kafka;
use support::notification::Notification;
use support::relay::Relay;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_does_not_keep_the_probes_from_answering() {
    let faults = Faults::new();
    let relay = faults.apply(Relay::builder()).start().await;
    relay.kafka_goes_away();
    // A lane keeps its newest six megabytes in memory, so the oldest of these are on the disk alone.
    for seed in 0..LARGE {
        relay.post(&large::notification(seed, 800_000)).await.assert_accepted();
    }

    faults.order(Fault::Hang, 1);
    let sender = relay.sender();
    let waiting = tokio::spawn(async move { sender.post(&Notification::onshape(1)).await });
    each_answers(&relay).await;
    let metrics = relay.metrics().await;
    assert!(!waiting.is_finished(), "the disk does not hang");
    faults.mend();

    waiting.await.expect("no panic").expect("an answer").assert_accepted();
    let topic = relay.topic("onshape.document");
    let oldest = metrics.get("cadrelay_spool_oldest_seconds", &[("topic", &topic)]);
    assert!(oldest > 0.0, "the age of the oldest record is not known");
    relay.kafka_comes_back();
    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len() as u64, LARGE + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_hangs_does_not_keep_the_probes_from_answering() {
    let kafka = Kafka::start().await;
    let relay = Relay::builder().kafka(&kafka).start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;

    kafka.pause();
    let mut reads = JoinSet::new();
    for _ in 0..5 {
        let url = format!("http://{}/api/quarantine", relay.admin());
        reads.spawn(async move { reqwest::get(url).await.map(|answer| answer.status()) });
    }
    each_answers(&relay).await;

    assert!(reads.try_join_next().is_none(), "a read of the quarantine did not wait for Kafka");
    kafka.resume();
    reads.join_all().await;
}

/// Asks every probe many times.
async fn each_answers(relay: &Relay) {
    for _ in 0..TIMES {
        for path in ["/livez", "/readyz", "/metrics", "/api/status"] {
            let answer = timeout(DEADLINE, relay.ask(path)).await;
            let answer = answer.unwrap_or_else(|_| panic!("{path} waits for what hangs"));
            assert_eq!(answer.status, 200, "{path}");
        }
    }
}

const LARGE: u64 = 12;
const TIMES: usize = 50;
/// A hanging part hangs until the test mends it.
const DEADLINE: Duration = Duration::from_secs(20);
