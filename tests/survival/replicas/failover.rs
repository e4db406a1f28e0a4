//! Redis fails over to a replica that is behind, so that confirmations are lost.
//!
//! The replica cannot know a confirmation that was lost, so an event is published again if another relay
//! than the one that stored it receives it again. Each scenario posts every event to both relays at the
//! same moment, and in the end all of them again: more redeliveries than any provider makes.

use crate::replicas::found::{Found, counted, found, note};
use crate::replicas::posting::{Posting, SENDERS, Told};
use crate::replicas::{beside_at, sharing_at};
use support::kafka::Kafka;
use support::redis::several::{Cluster, Watched};
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_that_loses_writes_loses_no_event_and_repeats_only_those_whose_confirmation_is_lost()
 {
    let (kafka, mut redis) = (Kafka::shared().await, Watched::start().await);
    let replicas = two_sharing(kafka, &redis.url()).await;
    Posting::start(&replicas, 0..BEFORE).finish().await;

    redis.replica.cut_off().await;
    let posting = Posting::start(&replicas, BEFORE..EVENTS);
    posting.answered(LOST).await;
    let (known, copied) = (redis.master.keys().await, redis.replica.keys().await);
    redis.master.stop();
    // An event of which any answer came before this moment has its confirmation in doubt.
    let in_doubt = posting.done() + SENDERS;
    redis.failed_over().await;
    let told = posting.finish().await;
    let at_once = found(kafka, &replicas).await;
    let (again, after) = all_again(kafka, &replicas).await;

    let figures = [
        ("keys_lost", known - copied),
        ("confirmations_in_doubt", in_doubt),
        ("repeats_at_once", at_once.repeats()),
        ("repeats_after_redelivery", after.repeats()),
    ];
    note("redis failed over with lost writes", EVENTS, &figures, &after);
    assert_eq!((told.unexpected, again.unexpected), (0, 0));
    assert_eq!(after.ids, EVENTS, "an event was lost");
    assert!(known - copied >= LOST, "no write was lost: nothing was tested");
    assert!(after.degraded > 0, "nothing was accepted without Redis");
    // Redis was back before the hold of 15 s was over.
    assert_eq!(after.unconfirmed, 0);
    assert!(at_once.repeats() <= SENDERS, "more than was under way at the moment of the death");
    assert!(after.repeats() > 0, "a lost confirmation has no effect: nothing was tested");
    assert!(after.repeats() <= in_doubt, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_of_a_replica_that_is_not_behind_repeats_only_what_was_under_way() {
    let (kafka, mut redis) = (Kafka::shared().await, Watched::start().await);
    let replicas = two_sharing(kafka, &redis.url()).await;

    let posting = Posting::start(&replicas, 0..EVENTS);
    posting.answered(BEFORE).await;
    redis.master.stop();
    redis.failed_over().await;
    let told = posting.finish().await;
    let (again, after) = all_again(kafka, &replicas).await;

    note("redis failed over", EVENTS, &[("repeats", after.repeats())], &after);
    assert_eq!((told.unexpected, again.unexpected), (0, 0));
    assert_eq!(after.ids, EVENTS, "an event was lost");
    assert!(after.degraded > 0, "nothing was accepted without Redis");
    assert!(after.repeats() <= SENDERS, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_loses_a_master_with_a_replica_and_one_without_loses_no_event() {
    let (kafka, mut redis) = (Kafka::shared().await, Cluster::start().await);
    let replicas = two_sharing(kafka, &redis.url()).await;

    let posting = Posting::start(&replicas, 0..EVENTS / 2);
    posting.answered(BEFORE).await;
    redis.masters[0].stop();
    redis.failed_over().await;
    let first = posting.finish().await;
    let failed_over = counted(&replicas, "degraded").await;
    shared_again(&replicas).await;
    let posting = Posting::start(&replicas, EVENTS / 2..EVENTS);
    posting.answered(BEFORE).await;
    // Nobody has the slots of this one: the cluster answers nothing until it is started again, empty.
    let forgotten = redis.masters[1].keys().await;
    redis.masters[1].stop();
    posting.answered(500).await;
    redis.masters[1].launch().await;
    redis.whole().await;
    let second = posting.finish().await;
    let at_once = found(kafka, &replicas).await;
    let (again, after) = all_again(kafka, &replicas).await;

    let figures = [
        ("accepted_without_redis_until_the_failover", failed_over),
        ("keys_lost", forgotten),
        ("repeats_at_once", at_once.repeats()),
        ("repeats_after_redelivery", after.repeats()),
    ];
    note("cluster lost two masters", EVENTS, &figures, &after);
    assert_eq!(first.unexpected + second.unexpected + again.unexpected, 0);
    assert_eq!(after.ids, EVENTS, "an event was lost");
    assert!(failed_over > 0, "nobody noticed the first death");
    for relay in &replicas {
        let lines = relay.log_lines();
        let away = lines.iter().filter(|line| line["event"] == "shared_window_away").count();
        assert!((1..=MOST_NOTICES).contains(&away), "{away} notices of two outages");
    }
    assert!(forgotten > BEFORE / 3, "no write was lost: nothing was tested");
    assert!(at_once.repeats() <= 2 * SENDERS + at_once.unconfirmed, "{at_once:?}");
    assert!(after.repeats() <= forgotten + 2 * SENDERS + at_once.unconfirmed, "{after:?}");
}

/// Two relays that publish to the same topics and share this Redis.
async fn two_sharing(kafka: &Kafka, url: &str) -> [Relay; 2] {
    let first = sharing_at(kafka, url).start().await;
    let second = beside_at(kafka, url, &first).start().await;
    [first, second]
}

/// Posts all events again once both relays reach Redis, and finds what was published.
async fn all_again(kafka: &Kafka, replicas: &[Relay]) -> (Told, Found) {
    shared_again(replicas).await;
    let again = Posting::start(replicas, 0..EVENTS).finish().await;
    (again, found(kafka, replicas).await)
}

/// Waits until both relays reach Redis.
async fn shared_again(replicas: &[Relay]) {
    for relay in replicas {
        eventually("the shared window is there", async || {
            (relay.ready().await.1["dedup"] == "shared").then_some(())
        })
        .await;
    }
}

const EVENTS: u64 = 10_000;
/// While a part of a cluster is away the relay connects again and again, at growing pauses.
const MOST_NOTICES: usize = 14;
/// The events before the fault.
const BEFORE: u64 = 2_000;
/// The events whose confirmation is lost, at least.
const LOST: u64 = 2_000;
