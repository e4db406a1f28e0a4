//! Several replicas share a window in Redis, and all receive every event at the same moment.

mod away;
mod brokers;
mod failover;
mod found;
mod handed_over;
mod memory;
mod posting;

use crate::faults::{Fault, Faults};
use crate::oracle::{self, dice::Dice};
use crate::replicas::found::{found, note};
use crate::replicas::posting::Posting;
use std::time::Instant;
use support::kafka::Kafka;
use support::redis::Redis;
use support::relay::{Builder, Relay};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_ids_posted_to_two_replicas_at_the_same_moment_are_each_published_once() {
    at_the_same_moment(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_ids_posted_to_three_replicas_at_the_same_moment_are_each_published_once() {
    at_the_same_moment(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_die_between_claim_and_commit_and_behind_it_publish_each_event_once() {
    let (kafka, redis) = (Kafka::shared().await, Redis::start().await);
    let faults = [Faults::new(), Faults::new()];
    let first = faults[0].apply(sharing(kafka, &redis)).start().await;
    let second = faults[1].apply(beside(kafka, &redis, &first)).start().await;
    let mut replicas = [first, second];
    let posting = Posting::start(&replicas, 0..EVENTS);
    let mut dice = Dice::of(oracle::seed(), "deaths around commits");

    let mut deaths = 0;
    while !posting.is_over() {
        let at = deaths as usize % 2;
        // Before its frame is written: the claim is made, and nothing is stored. Behind it: the record is
        // stored, and neither answered nor confirmed.
        let fault = if dice.percent(50) { Fault::KillBefore } else { Fault::KillAfter };
        faults[at].order_next(fault, 1 + dice.below(30));
        let died = tokio::select! {
            _ = replicas[at].ended() => true,
            () = posting.over() => false,
        };
        faults[at].mend();
        if died {
            replicas[at].restart().await;
            deaths += 1;
        }
    }

    let told = posting.finish().await;
    let found = found(kafka, &replicas).await;
    note("replicas die around commits", EVENTS, &[("deaths", deaths)], &found);
    assert!(deaths > 5, "{deaths} deaths");
    assert_eq!(told.unexpected, 0);
    assert_eq!((found.ids, found.records), (EVENTS, EVENTS));
}

async fn at_the_same_moment(count: usize) {
    let (kafka, redis) = (Kafka::shared().await, Redis::start().await);
    let mut replicas = vec![sharing(kafka, &redis).start().await];
    while replicas.len() < count {
        replicas.push(beside(kafka, &redis, &replicas[0]).start().await);
    }
    let began = Instant::now();

    let told = Posting::start(&replicas, 0..EVENTS).finish().await;

    let found = found(kafka, &replicas).await;
    let took = began.elapsed().as_millis() as u64;
    let memory = redis.figure("used_memory").await / redis.keys().await.max(1);
    let name = format!("{count} replicas at the same moment");
    note(&name, EVENTS, &[("milliseconds", took), ("redis_bytes_an_id", memory)], &found);
    assert_eq!(told.unexpected, 0);
    assert_eq!(told.accepted, EVENTS, "each is accepted by one");
    assert_eq!((found.ids, found.records), (EVENTS, EVENTS));
    assert_eq!(found.degraded, 0);
}

fn sharing(kafka: &Kafka, redis: &Redis) -> Builder {
    sharing_at(kafka, &redis.url())
}

fn beside(kafka: &Kafka, redis: &Redis, first: &Relay) -> Builder {
    beside_at(kafka, &redis.url(), first)
}

/// A relay that shares its window in the Redis of this URL.
fn sharing_at(kafka: &Kafka, url: &str) -> Builder {
    // A busy machine answers late.
    oracle::relay(kafka)
        .set("dedup.shared", &format!("'{url}'"))
        .set("dedup.shared_deadline", "'2s'")
}

/// Another one that publishes to the topics of the first.
fn beside_at(kafka: &Kafka, url: &str, first: &Relay) -> Builder {
    sharing_at(kafka, url).set("kafka.topic_prefix", &format!("'{}'", first.topic("")))
}

const EVENTS: u64 = 10_000;
