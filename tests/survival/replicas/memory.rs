//! Redis has less memory than the window needs: it forgets ids, or takes no more.

use crate::replicas::found::{counted, found, note};
use crate::replicas::posting::Posting;
use crate::replicas::{EVENTS, beside, sharing};
use support::kafka::Kafka;
use support::redis::Redis;
use support::waiting::eventually;

/// Nothing tells the relay that an id was evicted, so its readiness stays good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_evicts_loses_no_event_and_repeats_only_what_it_has_forgotten() {
    let kafka = Kafka::shared().await;
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let first = sharing(kafka, &redis).start().await;
    let second = beside(kafka, &redis, &first).start().await;
    let replicas = [first, second];
    redis.limit_memory(ROOM).await;

    let told = Posting::start(&replicas, 0..EVENTS).finish().await;
    let at_once = found(kafka, &replicas).await;
    let kept = redis.keys().await;
    let newest = Posting::start(&replicas, EVENTS - SOME..EVENTS).finish().await;
    let of_newest = found(kafka, &replicas).await.repeats() - at_once.repeats();
    let oldest = Posting::start(&replicas, 0..SOME).finish().await;

    let after = found(kafka, &replicas).await;
    let of_oldest = after.repeats() - at_once.repeats() - of_newest;
    let figures = [
        ("evicted", redis.figure("evicted_keys").await),
        ("kept", kept),
        ("repeats_at_once", at_once.repeats()),
        ("repeats_of_the_newest", of_newest),
        ("repeats_of_the_oldest", of_oldest),
    ];
    note("redis evicts", EVENTS, &figures, &after);
    assert_eq!(told.unexpected + newest.unexpected + oldest.unexpected, 0);
    assert_eq!(after.ids, EVENTS, "an event was lost");
    assert!(kept < EVENTS / 2, "it had room for {kept}: nothing was tested");
    // The newest ids are the last to go.
    assert!(at_once.repeats() < EVENTS / 100, "{at_once:?}");
    assert!(of_newest < SOME / 10, "{of_newest}");
    assert!(of_oldest > SOME / 2 && of_oldest <= SOME, "{of_oldest}");
    assert_eq!((after.degraded, after.unconfirmed), (0, 0));
    for relay in &replicas {
        assert_eq!(relay.ready().await.1["dedup"], "shared");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full_counts_as_away_until_it_has_room_and_each_repeat_is_counted() {
    let kafka = Kafka::shared().await;
    let redis = Redis::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let first = sharing(kafka, &redis).set("dedup.shared_hold", "'100ms'").start().await;
    let second = beside(kafka, &redis, &first).set("dedup.shared_hold", "'100ms'").start().await;
    let replicas = [first, second];
    redis.limit_memory(ROOM).await;

    let posting = Posting::start(&replicas, 0..EVENTS);
    for relay in &replicas {
        relay.logged("shared_window_away").await;
    }
    posting.answered(EVENTS / 4).await;
    for relay in &replicas {
        let (is_ready, body) = relay.ready().await;
        assert_eq!((is_ready, &body["dedup"]), (true, &"degraded".into()));
        assert_eq!(relay.logged("shared_window_away").await["trouble"], "its memory is full");
    }
    let kept = redis.keys().await;
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let told = posting.finish().await;

    let found = found(kafka, &replicas).await;
    let repeats = found.repeats();
    // A full Redis forgets nothing, so the relays find every repeat themselves.
    eventually("every repeat is counted", async || {
        (counted(&replicas, "repeats").await >= repeats).then_some(())
    })
    .await;
    note("redis full", EVENTS, &[("kept", kept), ("repeats", repeats)], &found);
    assert_eq!(told.unexpected, 0);
    assert_eq!(found.ids, EVENTS, "an event was lost");
    assert!(kept < EVENTS / 2, "it had room for {kept}: nothing was tested");
    assert!(found.degraded >= EVENTS / 4, "{found:?}");
    assert!(repeats > 0, "{found:?}");
    assert_eq!(counted(&replicas, "repeats").await, repeats);
}

/// The events that are posted again: fewer than there is room for.
const SOME: u64 = 500;
/// Room for some thousand ids.
const ROOM: u64 = 500_000;
