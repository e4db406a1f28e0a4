//! Redis stands still, is killed, and is started empty, under load.

use crate::replicas::found::{found, note};
use crate::replicas::posting::Posting;
use crate::replicas::{EVENTS, beside, sharing};
use support::kafka::Kafka;
use support::redis::Redis;
use support::relay::Builder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_stopped_and_paused_loses_nothing_and_its_repeats_are_counted() {
    let (kafka, mut redis) = (Kafka::shared().await, Redis::start().await);
    let hold = |builder: Builder| builder.set("dedup.shared_hold", "'100ms'");
    let quick = |builder: Builder| hold(builder).set("dedup.shared_deadline", "'100ms'");
    let first = quick(sharing(kafka, &redis)).start().await;
    let second = quick(beside(kafka, &redis, &first)).start().await;
    let replicas = [first, second];
    let posting = Posting::start(&replicas, 0..EVENTS);

    posting.answered(EVENTS / 8).await;
    redis.pause();
    posting.answered(EVENTS / 8).await;
    redis.resume();
    posting.answered(EVENTS / 8).await;
    redis.stop();
    posting.answered(EVENTS / 8).await;
    // The spool is empty now.
    redis.launch().await;

    let told = posting.finish().await;
    let found = found(kafka, &replicas).await;
    let repeats = found.repeats();
    note("redis paused, stopped, empty", EVENTS, &[("repeats", repeats)], &found);
    assert_eq!(told.unexpected, 0);
    assert_eq!(found.ids, EVENTS, "an event was lost");
    // Each was published once without a confirmation, or its confirmation was lost with Redis.
    assert!(repeats <= found.unconfirmed + EVENTS / 2, "{found:?}");
    assert!(found.degraded > 0, "nothing was accepted without Redis");
}
