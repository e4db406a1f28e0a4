//! Partitions are added to a topic under load: what holds of the order then, and what does not.

use crate::oracle::{self, Load, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::kafka::Received;
use support::kafka::three::Cluster;
use support::waiting::{eventually, within};

/// A key's partition is its hash over their number, so most keys move. What was written before stays in
/// the old partition: a consumer that is further in the new one than in the old reads a key's events
/// out of order. Within a partition the order holds, and `ce_sequence` still tells it over all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn partitions_added_under_load_lose_nothing_and_the_sequence_still_tells_the_order() {
    let cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka())
        // The client looks for new partitions this often; every five minutes otherwise.
        .set("kafka.client.\"topic.metadata.refresh.interval.ms\"", "'500'")
        .start()
        .await;
    let topic = relay.topic("onshape.document");
    let posting = Load::of(oracle::seed()).start(relay.sender());
    posting.answered(2_000).await;
    // The answers do not wait for the topic; what adds partitions does.
    within(PATIENCE, "the topic has records", async || {
        let published =
            relay.metrics().await.get("cadrelay_published_total", &[("topic", &*topic)]);
        (published > 0.0).then_some(())
    })
    .await;

    cluster.pause();
    posting.answered(1_000).await;
    cluster.resume();
    cluster.add_partitions(&topic, MORE).await;
    eventually("records come to the new partitions", async || {
        posting.answered(500).await;
        let used = partitions(&oracle::read(cluster.kafka(), &topic).await);
        (used.len() > 3).then_some(())
    })
    .await;
    posting.answered(2_000).await;

    let mut ledger = posting.finish().await;
    relay.drained().await;
    oracle::assert_books_balance(&relay.metrics().await);
    let topics = oracle::read(cluster.kafka(), &relay.topic("")).await;
    let run = "three brokers: partitions added";
    ledger.fault("partitions_added", MORE as u64 - 3);
    let as_read = Verdict::of(run, &ledger, &topics);
    let moved = keys_in_several_partitions(&topics);
    ledger.figure("documents_in_two_partitions", moved as u128);
    ledger.figure("reordered_as_read", as_read.reordered.into());

    let apart = Verdict::of(run, &ledger, &each_partition(&topics));
    apart.note();
    apart.assert_holds();
    let by_sequence = Verdict::of(run, &ledger, &in_sequence(topics));
    by_sequence.assert_holds();
    assert!(moved > 0, "no document's partition changed: nothing was tested");
}

fn partitions(topics: &[Vec<Received>]) -> BTreeSet<i32> {
    topics.iter().flatten().map(|record| record.partition).collect()
}

fn keys_in_several_partitions(topics: &[Vec<Received>]) -> usize {
    let mut places: BTreeMap<(&str, &[u8]), BTreeSet<i32>> = BTreeMap::new();
    let ordered = topics.iter().flatten().filter(|record| !record.topic.ends_with("quarantine"));
    for record in ordered {
        let key = record.key.as_deref().expect("events have a key");
        places.entry((&record.topic, key)).or_default().insert(record.partition);
    }
    places.values().filter(|partitions| partitions.len() > 1).count()
}

/// Splits the records that a consumer reads by partition.
fn each_partition(topics: &[Vec<Received>]) -> Vec<Vec<Received>> {
    let mut apart: BTreeMap<(String, i32), Vec<Received>> = BTreeMap::new();
    for record in topics.iter().flatten() {
        let place = (record.topic.clone(), record.partition);
        apart.entry(place).or_default().push(record.clone());
    }
    apart.into_values().collect()
}

/// Each topic as the relay took its events.
fn in_sequence(mut topics: Vec<Vec<Received>>) -> Vec<Vec<Received>> {
    for records in &mut topics {
        records.sort_by_cached_key(|record| record.header("ce_sequence").map(str::to_owned));
    }
    topics
}

/// Of three that the test's relay makes.
const MORE: usize = 12;
/// The first topics of a cluster on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
