//! Replicas that share a window, while the brokers of their Kafka are restarted one after the other.

use crate::replicas::found::{found, note};
use crate::replicas::posting::{LONG, Posting};
use crate::replicas::{beside, sharing};
use support::kafka::three::{Cluster, NODES};
use support::redis::Redis;
use support::waiting::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_of_which_one_is_killed_while_three_brokers_roll_publish_each_event_once() {
    let (mut cluster, redis) = (Cluster::start().await, Redis::start().await);
    let first = sharing(cluster.kafka(), &redis).start().await;
    let second = beside(cluster.kafka(), &redis, &first).start().await;
    let mut replicas = [first, second];
    let posting = Posting::start_endless(&replicas);
    posting.answered(500).await;

    for (at, id) in NODES.into_iter().enumerate() {
        // The broker stops with a batch of both replicas before it.
        cluster.pause();
        posting.answered(1_000).await;
        cluster.resume();
        let killed = at % 2;
        cluster.node(id).stop().await;
        replicas[killed].kill();
        posting.answered(300).await;
        replicas[killed].restart().await;
        posting.answered(300).await;
        cluster.node(id).restart().await;
        cluster.whole().await;
    }
    let told = posting.stop().await;
    for relay in &replicas {
        within(LONG, "the spool is empty", async || {
            (relay.metrics().await.sum("cadrelay_spool_pending") == 0.0).then_some(())
        })
        .await;
    }
    let at_once = found(cluster.kafka(), &replicas).await;
    let again = Posting::start(&replicas, 0..AGAIN).finish().await;

    let after = found(cluster.kafka(), &replicas).await;
    let faults = [("brokers_rolled", 3), ("replicas_killed", 3), ("redelivered", AGAIN)];
    note("replicas while brokers roll", told.events, &faults, &after);
    assert_eq!((told.unexpected, again.unexpected), (0, 0));
    assert!(told.events > 4_000, "{told:?}");
    assert_eq!((at_once.ids, at_once.records), (told.events, told.events));
    assert_eq!((after.ids, after.records), (told.events, told.events));
    assert_eq!((after.degraded, after.unconfirmed), (0, 0));
}

/// The events that are posted again in the end, to both replicas.
const AGAIN: u64 = 2_000;
