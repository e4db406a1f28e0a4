//! The disk of a replica that never comes back is published by another machine, once.

use crate::oracle::{self, Load};
use crate::replicas::posting::LONG;
use crate::replicas::{beside, sharing};
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use support::kafka::Kafka;
use support::process::launch;
use support::redis::Redis;
use support::relay::{Relay, cadrelay};
use support::waiting::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replicas_backlog_is_handed_over_once_also_by_hand_overs_that_are_killed() {
    let (mut kafka, redis) = (Kafka::start().await, Redis::start().await);
    let mut dead = sharing(&kafka, &redis).start().await;
    let alive = beside(&kafka, &redis, &dead).start().await;
    let posting = Load::of(oracle::seed()).start(dead.sender());

    posting.answered(200).await;
    kafka.kill();
    posting.answered(BACKLOG).await;
    let mut ledger = posting.finish().await;
    let instance = dead.status().await["instance"].as_str().expect("its name").to_owned();
    let pending = dead.metrics().await.sum("cadrelay_spool_pending") as u64;
    dead.kill();
    kafka.restart().await;
    let spool = dead.dir().join("spool");
    let mut killed = 0;
    let handed_over = loop {
        // The sign of life of the killed relay would be waited for.
        redis.command(&["DEL", &format!("cadrelay:alive:{instance}")]).await;
        let half_way = async {
            match killed < KILLS {
                true => written(&kafka, &dead).await,
                false => std::future::pending().await,
            }
        };
        match hand_over(&alive, &spool, half_way).await {
            Some(handed_over) => break handed_over,
            None => killed += 1,
        }
    };
    let again = hand_over(&alive, &spool, std::future::pending()).await.expect("it ends");
    let after = Load::of(oracle::seed() + 1).start(alive.sender());
    after.answered(200).await;
    ledger.add(after.finish().await);

    ledger.fault("handovers_killed_half_way", killed);
    ledger.fault("handed_over", pending);
    ledger.fault("handed_over_by_the_last", handed_over.published);
    assert!(pending > 1_000, "{pending}");
    assert_eq!((handed_over.pending, again.published, again.pending), (0, 0, 0));
    alive.drained().await;
    let verdict = oracle::judge_topics("spool handed over", &kafka, &dead.topic(""), &ledger).await;
    verdict.assert_holds();
    assert!(killed > 0, "each came to its end before it was killed");
    // A relay that comes back after all finds nothing to do.
    dead.restart().await;
    assert_eq!(dead.metrics().await.sum("cadrelay_spool_recovered"), 0.0);
}

/// Waits until records are written to a topic: the first of a transaction, before it is committed.
async fn written(kafka: &Kafka, relay: &Relay) {
    let mut settings = kafka.client();
    let client: BaseConsumer =
        settings.set("isolation.level", "read_uncommitted").create().expect("a client");
    let (client, topic) = (Arc::new(client), relay.topic("onshape.document"));
    let end = async || {
        let (client, topic) = (Arc::clone(&client), topic.clone());
        let look = move || {
            let end = |partition| {
                let ends = client.fetch_watermarks(&topic, partition, Duration::from_secs(10));
                // A broker that has just started may not know the partition yet.
                ends.map_or(0, |(_, end)| end)
            };
            (0..3).map(end).sum::<i64>()
        };
        tokio::task::spawn_blocking(look).await.expect("the look does not panic")
    };
    let before = end().await;
    // A transaction is over within a tenth of a second, so there is no pause between two looks.
    while end().await == before {}
}

/// Hands a directory over, and kills the hand-over at a moment unless it has ended before.
async fn hand_over(
    by: &Relay,
    spool: &Path,
    moment: impl Future<Output = ()>,
) -> Option<HandedOver> {
    let mut command = cadrelay();
    command.args(["spool", "hand-over", "--config"]).arg(by.config()).arg("--dir").arg(spool);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = launch(command).expect("it runs");
    let ended =
        async { within(LONG, "it ends", async || process.try_wait().expect("its state")).await };
    let status = tokio::select! {
        status = ended => status,
        () = moment => {
            process.kill().and_then(|()| process.wait()).expect("it can be killed");
            return None;
        }
    };
    assert!(status.success(), "{status}");
    let shown = process.stdout.take().expect("it is piped");
    Some(serde_json::from_reader(shown).expect("JSON"))
}

/// The result of a hand-over.
#[derive(Debug, serde::Deserialize)]
struct HandedOver {
    published: u64,
    pending: u64,
}

/// Several batches, so that a hand-over can be killed between two.
const BACKLOG: u64 = 6_000;
/// The number of hand-overs that are killed when Kafka has their first records.
const KILLS: u64 = 3;
