//! Several replicas share a window in Redis, and get every event at the same moment.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, dice::Dice};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::kafka::{Isolation, Kafka};
use support::notification::Notification;
use support::redis::Redis;
use support::relay::{Builder, Relay, Sender};
use support::waiting::within;
use tokio::task::JoinSet;

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
    let posting = Posting::start(&replicas, EVENTS);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_stopped_and_paused_loses_nothing_and_its_repeats_are_counted() {
    let (kafka, mut redis) = (Kafka::shared().await, Redis::start().await);
    let hold = |builder: Builder| builder.set("dedup.shared_hold", "'100ms'");
    let quick = |builder: Builder| hold(builder).set("dedup.shared_deadline", "'100ms'");
    let first = quick(sharing(kafka, &redis)).start().await;
    let second = quick(beside(kafka, &redis, &first)).start().await;
    let replicas = [first, second];
    let posting = Posting::start(&replicas, EVENTS);

    posting.answered(EVENTS / 8).await;
    redis.pause();
    posting.answered(EVENTS / 8).await;
    redis.resume();
    posting.answered(EVENTS / 8).await;
    redis.stop();
    posting.answered(EVENTS / 8).await;
    // It is empty now.
    redis.launch().await;

    let told = posting.finish().await;
    let found = found(kafka, &replicas).await;
    let repeats = found.records - found.ids;
    note("redis paused, stopped, empty", EVENTS, &[("repeats", repeats)], &found);
    assert_eq!(told.unexpected, 0);
    assert_eq!(found.ids, EVENTS, "an event was lost");
    // Each was published once unconfirmed, or its confirmation was lost with Redis.
    assert!(repeats <= found.unconfirmed + EVENTS / 2, "{found:?}");
    assert!(found.degraded > 0, "nothing was accepted without Redis");
}

async fn at_the_same_moment(count: usize) {
    let (kafka, redis) = (Kafka::shared().await, Redis::start().await);
    let mut replicas = vec![sharing(kafka, &redis).start().await];
    while replicas.len() < count {
        replicas.push(beside(kafka, &redis, &replicas[0]).start().await);
    }
    let began = Instant::now();

    let told = Posting::start(&replicas, EVENTS).finish().await;

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

/// Posts of every event to all replicas at the same moment, again until each has answered 200.
struct Posting {
    senders: JoinSet<Told>,
    done: Arc<AtomicU64>,
    total: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    accepted: u64,
    /// Answers other than 200 and 503.
    unexpected: u64,
}

impl Posting {
    fn start(replicas: &[Relay], total: u64) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (done, replicas) = (Arc::clone(&done), replicas.iter().map(Relay::sender));
            let replicas: Vec<Sender> = replicas.collect();
            senders.spawn(async move {
                let mut told = Told::default();
                for seed in (sender..total).step_by(SENDERS as usize) {
                    let event = Notification::onshape(seed);
                    let posts = replicas.iter().map(|replica| deliver(replica, &event));
                    for one in join_all(posts).await {
                        told.accepted += one.accepted;
                        told.unexpected += one.unexpected;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                told
            });
        }
        Self { senders, done, total }
    }

    fn is_over(&self) -> bool {
        self.done.load(Ordering::Relaxed) == self.total
    }

    async fn over(&self) {
        within(LONG, "all events are answered", async || self.is_over().then_some(())).await;
    }

    async fn answered(&self, more: u64) {
        let target = self.done.load(Ordering::Relaxed) + more;
        let reached = async || (self.done.load(Ordering::Relaxed) >= target).then_some(());
        within(LONG, "more events are answered", reached).await;
    }

    async fn finish(mut self) -> Told {
        let mut told = Told::default();
        while let Some(one) = self.senders.join_next().await {
            let one = one.expect("a sender does not panic");
            told.accepted += one.accepted;
            told.unexpected += one.unexpected;
        }
        told
    }
}

/// Posts until it is answered 200.
async fn deliver(replica: &Sender, event: &Notification) -> Told {
    let mut told = Told::default();
    loop {
        match replica.post(event).await {
            Ok(answer) if answer.status == 200 => {
                told.accepted += u64::from(answer.receipt() == "accepted");
                return told;
            }
            Ok(answer) => told.unexpected += u64::from(answer.status != 503),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(outputs.iter_mut().filter_map(Option::take).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

/// What a consumer finds, and what the replicas count.
#[derive(Clone, Copy, Debug)]
struct Found {
    records: u64,
    ids: u64,
    withdrawn: u64,
    degraded: u64,
    unconfirmed: u64,
    told_repeats: u64,
}

async fn found(kafka: &Kafka, replicas: &[Relay]) -> Found {
    let mut found =
        Found { records: 0, ids: 0, withdrawn: 0, degraded: 0, unconfirmed: 0, told_repeats: 0 };
    for relay in replicas {
        relay.drained().await;
        let metrics = relay.metrics().await;
        oracle::assert_books_balance(&metrics);
        let counted = |name: &str| metrics.sum(&format!("cadrelay_dedup_{name}_total")) as u64;
        found.withdrawn += counted("withdrawn");
        found.degraded += counted("degraded");
        found.unconfirmed += counted("unconfirmed");
        found.told_repeats += counted("repeats");
    }
    let topic = replicas[0].topic("onshape.document");
    let mut times: HashMap<String, u64> = HashMap::new();
    for record in kafka.read_topic(&topic, Isolation::ReadCommitted).await {
        let id = record.header("ce_id").expect("an id").to_owned();
        *times.entry(id).or_default() += 1;
    }
    found.records = times.values().sum();
    found.ids = times.len() as u64;
    found
}

fn note(run: &str, events: u64, figures: &[(&str, u64)], found: &Found) {
    println!(
        "{}",
        serde_json::json!({ "run": run, "events": events, "figures": figures, "found": format!("{found:?}") })
    );
}

fn sharing(kafka: &Kafka, redis: &Redis) -> Builder {
    // A machine that does much else answers late.
    oracle::relay(kafka)
        .set("dedup.shared", &format!("'{}'", redis.url()))
        .set("dedup.shared_deadline", "'2s'")
}

fn beside(kafka: &Kafka, redis: &Redis, first: &Relay) -> Builder {
    sharing(kafka, redis).set("kafka.topic_prefix", &format!("'{}'", first.topic("")))
}

const EVENTS: u64 = 10_000;
const SENDERS: u64 = 32;
/// For ten thousand events on a machine that does much else.
const LONG: Duration = Duration::from_secs(300);
