//! Several replicas share a window in Redis, and all receive every event at the same moment.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load, dice::Dice};
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::kafka::{Isolation, Kafka};
use support::notification::Notification;
use support::process::launch;
use support::redis::Redis;
use support::relay::{Builder, Relay, Sender, cadrelay};
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
    // The spool is empty now.
    redis.launch().await;

    let told = posting.finish().await;
    let found = found(kafka, &replicas).await;
    let repeats = found.records - found.ids;
    note("redis paused, stopped, empty", EVENTS, &[("repeats", repeats)], &found);
    assert_eq!(told.unexpected, 0);
    assert_eq!(found.ids, EVENTS, "an event was lost");
    // Each was published once without a confirmation, or its confirmation was lost with Redis.
    assert!(repeats <= found.unconfirmed + EVENTS / 2, "{found:?}");
    assert!(found.degraded > 0, "nothing was accepted without Redis");
}

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

/// The records that a consumer reads, and the counters of the replicas.
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
    // A busy machine answers late.
    oracle::relay(kafka)
        .set("dedup.shared", &format!("'{}'", redis.url()))
        .set("dedup.shared_deadline", "'2s'")
}

fn beside(kafka: &Kafka, redis: &Redis, first: &Relay) -> Builder {
    sharing(kafka, redis).set("kafka.topic_prefix", &format!("'{}'", first.topic("")))
}

const EVENTS: u64 = 10_000;
const SENDERS: u64 = 32;
/// Several batches, so that a hand-over can be killed between two.
const BACKLOG: u64 = 6_000;
/// The number of hand-overs that are killed when Kafka has their first records.
const KILLS: u64 = 3;
/// Long enough for ten thousand events on a busy machine.
const LONG: Duration = Duration::from_secs(300);
