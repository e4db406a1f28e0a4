//! One spool used twice: at the same time, from an older copy, or as two clones.

use crate::oracle::{self, Load};
use std::path::Path;
use std::process::Command;
use support::kafka::Kafka;
use support::relay::{Builder, Relay};
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_relay_on_the_same_spool_does_not_start_and_the_first_goes_on() {
    let kafka = Kafka::shared().await;
    let relay = oracle::relay(kafka).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(100).await;
    let (status, log) = beside(kafka, &relay, &relay.dir().join("spool")).start_in_vain().await;
    posting.answered(100).await;

    assert!(!status.success());
    assert!(log.contains("in use by another process"), "{log}");
    let ledger = posting.finish().await;
    oracle::judge("spool opened twice", kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_restored_from_an_older_copy_publishes_nothing_twice_and_loses_nothing_new() {
    let mut kafka = Kafka::start().await;
    let mut relay = oracle::relay(&kafka).start().await;
    let seed = oracle::seed();

    // The copy holds records that wait: the original publishes them later, in the copy's absence.
    let before = Load::of(seed).start(relay.sender());
    before.answered(200).await;
    kafka.kill();
    before.answered(oracle::A_BATCH).await;
    let mut ledger = before.finish().await;
    relay.kill();
    let copy = relay.dir().join("copy");
    copy_spool(&relay.dir().join("spool"), &copy);
    relay.restart().await;
    let between = Load::of(seed + 1).start(relay.sender());
    between.answered(200).await;
    kafka.restart().await;
    between.answered(200).await;
    ledger.add(between.finish().await);
    relay.drained().await;
    relay.kill();
    let restored = beside(&kafka, &relay, &copy).start().await;
    let after = Load::of(seed + 2).start(restored.sender());
    after.answered(300).await;
    ledger.add(after.finish().await);

    ledger.fault("restored_copies", 1);
    restored.drained().await;
    oracle::judge_topics("spool restored from an older copy", &kafka, &relay.topic(""), &ledger)
        .await
        .assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clones_of_one_spool_at_once_fence_each_other_and_stay_exactly_once() {
    let mut kafka = Kafka::start().await;
    let mut relay = oracle::relay(&kafka).start().await;
    let seed = oracle::seed();
    let before = Load::of(seed).start(relay.sender());
    before.answered(200).await;
    kafka.kill();
    before.answered(oracle::A_BATCH).await;
    let mut ledger = before.finish().await;
    relay.kill();
    let copy = relay.dir().join("copy");
    copy_spool(&relay.dir().join("spool"), &copy);
    kafka.restart().await;

    // Each goes on with events of its own; what both hold is published by whoever comes first.
    relay.restart().await;
    let clone = beside(&kafka, &relay, &copy).start().await;
    let slow =
        |seed| Load { senders: 2, pause: std::time::Duration::from_millis(20), ..Load::of(seed) };
    let (one, other) = (slow(seed + 1).start(relay.sender()), slow(seed + 2).start(clone.sender()));
    one.answered(200).await;
    other.answered(200).await;
    // Neither keeps the other from publishing for good, while both have something to publish.
    for relay in [&relay, &clone] {
        let published = async || relay.metrics().await.sum("cadrelay_published_total");
        let before = published().await;
        eventually("its turn comes", async || (published().await > before).then_some(())).await;
    }
    ledger.add(one.finish().await);
    ledger.add(other.finish().await);

    relay.drained().await;
    clone.drained().await;
    ledger.fault("clones", 1);
    let fenced = |metrics: support::relay::Metrics| {
        let labels = [("reason", "fenced")];
        metrics.get("cadrelay_kafka_producer_restarts_total", &labels) as u64
    };
    let fences = fenced(relay.metrics().await) + fenced(clone.metrics().await);
    ledger.fault("fenced", fences);
    oracle::judge("two clones at once", &kafka, &relay, &ledger).await.assert_holds();
    assert!(fences > 0, "nobody was fenced");
}

/// A relay on another directory that publishes to the same topics.
fn beside(kafka: &Kafka, relay: &Relay, spool: &Path) -> Builder {
    oracle::relay(kafka)
        .set("kafka.topic_prefix", &format!("'{}'", relay.topic("")))
        .set("spool.dir", &format!("'{}'", spool.display()))
}

fn copy_spool(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status();
    assert!(status.expect("cp runs").success());
}
