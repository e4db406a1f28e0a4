//! Several relays share a window in Redis, and an event that reaches more than one is published once.

use cadrelay::event::provider::Provider;
use cadrelay::shared::{life, protocol};
use cadrelay::spool::window::IdKey;
use reqwest::Method;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use support::notification::Notification;
use support::redis::Redis;
use support::relay::{Builder, Relay, cadrelay};
use support::waiting::eventually;
use tokio::task::spawn_blocking;

#[tokio::test]
async fn an_event_that_reaches_two_replicas_at_once_is_published_once() {
    let redis = Redis::start().await;
    let one = sharing(&redis).start().await;
    let two = beside(&one, &redis).start().await;

    for seed in 0..100 {
        let notification = Notification::onshape(seed);
        let (first, second) = tokio::join!(one.post(&notification), two.post(&notification));
        let mut told = [first.receipt(), second.receipt()];
        told.sort();
        assert_eq!(told, ["accepted", "duplicate"], "event {seed}");
    }

    assert_eq!(published(&one, &two).await, (100, 100));
    for relay in [&one, &two] {
        assert_eq!(relay.metrics().await.sum("cadrelay_dedup_degraded_total"), 0.0);
        assert_eq!(relay.ready().await.1["dedup"], "shared");
    }
}

#[tokio::test]
async fn another_replicas_claim_is_waited_for_and_then_answered_503_and_never_duplicate() {
    let redis = Redis::start().await;
    let relay = sharing(&redis).start().await;
    let (killed, alive) = (Notification::onshape(1), Notification::onshape(2));
    // A replica was killed between its claim and its commit; another stands still there.
    redis.command(&["SET", &key(&killed), "?another", "PX", "1500"]).await;
    redis.command(&["SET", &key(&alive), "?another", "PX", "60000"]).await;

    let began = Instant::now();
    let (taken_over, refused) = tokio::join!(relay.post(&killed), relay.post(&alive));

    taken_over.assert_accepted();
    refused.assert_problem(503);
    assert!(refused.header("retry-after").is_some());
    // APS gives up after six seconds.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    redis.command(&["DEL", &key(&alive)]).await;
    relay.post(&alive).await.assert_accepted();
}

#[tokio::test]
async fn a_copy_that_was_stored_while_redis_was_away_is_withdrawn_if_another_was_published() {
    let redis = Redis::start().await;
    let mut one = sharing(&redis).set("dedup.shared_hold", "'1h'").start().await;
    let two = beside(&one, &redis).start().await;
    let notifications: Vec<_> = (0..50).map(Notification::onshape).collect();

    // The first is killed between commit and confirmation.
    redis.pause();
    for notification in &notifications {
        one.post(notification).await.assert_accepted();
    }
    assert_eq!(one.metrics().await.sum("cadrelay_dedup_degraded_total"), 50.0);
    assert_eq!(one.ready().await, (true, one.ready().await.1));
    assert_eq!(one.ready().await.1["dedup"], "degraded");
    one.kill();
    redis.resume();
    up(&two).await;
    for notification in &notifications {
        two.post(notification).await.assert_accepted();
    }
    two.drained().await;
    one.restart().await;

    one.drained().await;
    let metrics = one.metrics().await;
    assert_eq!(metrics.sum("cadrelay_dedup_withdrawn_total"), 50.0);
    assert_eq!(metrics.sum("cadrelay_spool_recovered"), 50.0);
    assert_eq!(metrics.sum("cadrelay_published_total"), 0.0);
    assert_eq!(published(&one, &two).await, (50, 50));
    one.post(&notifications[0]).await.assert_duplicate();
}

#[tokio::test]
async fn without_redis_events_are_accepted_and_published_and_others_learn_of_them_when_it_is_back()
{
    let mut redis = Redis::start().await;
    let one = sharing(&redis).set("dedup.shared_hold", "'10ms'").start().await;
    let two = beside(&one, &redis).set("dedup.shared_hold", "'10ms'").start().await;
    let notifications: Vec<_> = (0..40).map(Notification::onshape).collect();

    redis.stop();
    for notification in &notifications {
        one.post(notification).await.assert_accepted();
    }
    // These reach both while nobody can be asked.
    for notification in &notifications[..10] {
        two.post(notification).await.assert_accepted();
    }
    one.drained().await;
    two.drained().await;
    redis.launch().await;

    for relay in [&one, &two] {
        up(relay).await;
    }
    let repeats = async || {
        let mut sum = 0.0;
        for relay in [&one, &two] {
            sum += relay.metrics().await.sum("cadrelay_dedup_repeats_total");
        }
        sum
    };
    eventually("the repeats are counted", async || (repeats().await == 10.0).then_some(())).await;
    eventually("all are known", async || (redis.keys().await >= 40).then_some(())).await;
    for notification in &notifications {
        two.post(notification).await.assert_duplicate();
    }
    assert_eq!(published(&one, &two).await, (50, 40));
    let unconfirmed = one.metrics().await.sum("cadrelay_dedup_unconfirmed_total")
        + two.metrics().await.sum("cadrelay_dedup_unconfirmed_total");
    assert_eq!(unconfirmed, 50.0);
}

#[tokio::test]
async fn a_redis_without_room_counts_as_away() {
    let redis = Redis::start_with(&["--maxmemory", "1"]).await;
    let relay = sharing(&redis).set("dedup.shared_hold", "'10ms'").start().await;

    relay.post(&Notification::onshape(1)).await.assert_accepted();

    relay.drained().await;
    assert_eq!(relay.logged("shared_window_away").await["trouble"], "its memory is full");
    assert_eq!(relay.ready().await.1["dedup"], "degraded");
    assert_eq!(relay.metrics().await.sum("cadrelay_dedup_degraded_total"), 1.0);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    up(&relay).await;
}

#[tokio::test]
async fn a_redis_that_evicts_is_said_when_the_connection_is_made() {
    let evicting = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let redis = Redis::start_with(&evicting).await;
    let relay = sharing(&redis).start().await;

    let said = relay.logged("shared_window_evicts").await;

    assert_eq!(said["level"], "WARN");
    assert!(said["message"].as_str().expect("a text").contains("noeviction"), "{said}");
    assert_eq!(relay.ready().await.1["dedup"], "shared");
}

#[tokio::test]
async fn a_commit_that_fails_takes_its_claim_back() {
    let redis = Redis::start().await;
    let one = sharing(&redis).set("spool.max_bytes", "'1B'").start().await;
    let two = beside(&one, &redis).start().await;
    one.kafka_goes_away();
    one.post(&Notification::onshape(1)).await.assert_accepted();
    let notification = Notification::onshape(2);

    one.post(&notification).await.assert_problem(503);

    let began = Instant::now();
    two.post(&notification).await.assert_accepted();
    assert!(began.elapsed() < protocol::CLAIM_LASTS, "it waited for the claim to end");
    one.kafka_comes_back();
}

#[tokio::test]
async fn a_repeat_that_this_replica_remembers_costs_no_round_trip() {
    let redis = Redis::start().await;
    let relay = sharing(&redis).start().await;
    let notification = Notification::onshape(1);
    relay.post(&notification).await.assert_accepted();
    relay.drained().await;

    redis.pause();
    let began = Instant::now();
    relay.post(&notification).await.assert_duplicate();

    assert!(began.elapsed() < Duration::from_secs(20), "it asked Redis");
    assert_eq!(relay.metrics().await.sum("cadrelay_dedup_degraded_total"), 0.0);
    redis.resume();
}

#[tokio::test]
async fn what_a_dead_replicas_disk_holds_is_published_once_and_not_while_the_replica_lives() {
    let redis = Redis::start().await;
    let mut dead = sharing(&redis).start().await;
    let alive = beside(&dead, &redis).start().await;
    let (spool, copy) = (dead.dir().join("spool"), alive.dir().join("copy"));
    let notifications: Vec<_> = (0..1_000).map(Notification::onshape).collect();
    dead.kafka_goes_away();
    post_all(&dead, &notifications).await;

    let copied = Command::new("cp").arg("-a").arg(&spool).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    let here = hand_over(&alive, &spool).await;
    assert_eq!((here.code, here.mentions("in use by another process")), (1, true), "{here:?}");
    let elsewhere = hand_over(&alive, &copy).await;
    assert_eq!((elsewhere.code, elsewhere.mentions("lives")), (1, true), "{elsewhere:?}");
    dead.kill();
    dead.kafka_comes_back();
    let first = hand_over(&alive, &spool).await;
    let again = hand_over(&alive, &spool).await;

    assert_eq!((first.code, first.figure("published")), (0, 1_000), "{first:?}");
    assert_eq!((again.code, again.figure("published")), (0, 0), "{again:?}");
    dead.restart().await;
    assert_eq!(dead.metrics().await.sum("cadrelay_spool_recovered"), 0.0);
    assert_eq!(published(&dead, &alive).await, (1_000, 1_000));
    alive.post(&notifications[0]).await.assert_duplicate();
}

#[tokio::test]
async fn a_copy_that_another_replica_published_is_withdrawn_by_a_hand_over() {
    let redis = Redis::start().await;
    let mut dead = sharing(&redis).set("dedup.shared_hold", "'1h'").start().await;
    let alive = beside(&dead, &redis).start().await;
    let notifications: Vec<_> = (0..50).map(Notification::onshape).collect();
    redis.pause();
    post_all(&dead, &notifications).await;
    dead.kill();
    redis.resume();
    up(&alive).await;
    post_all(&alive, &notifications).await;
    alive.drained().await;

    let done = hand_over(&alive, &dead.dir().join("spool")).await;

    assert_eq!((done.code, done.figure("withdrawn")), (0, 50), "{done:?}");
    assert_eq!(done.figure("published"), 0);
    assert_eq!(dead.read_to_end("onshape.document").await.len(), 50);
}

#[tokio::test]
async fn a_hand_over_counts_apart_what_was_in_kafka_already() {
    let mut relay = Relay::builder().start().await;
    let notifications: Vec<_> = (0..1_000).map(Notification::onshape).collect();
    relay.kafka_goes_away();
    post_all(&relay, &notifications).await;
    let (spool, copy) = (relay.dir().join("spool"), relay.dir().join("copy"));
    let copied = Command::new("cp").arg("-a").arg(&spool).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    relay.kafka_comes_back();
    relay.drained().await;
    assert!(relay.terminate().await.success());

    let done = hand_over(&relay, &copy).await;

    assert_eq!(
        (done.code, done.figure("published"), done.figure("found")),
        (0, 0, 1_000),
        "{done:?}"
    );
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 1_000);
}

#[tokio::test]
async fn a_hand_over_says_why_it_does_nothing() {
    let mut redis = Redis::start().await;
    let mut relay = sharing(&redis).start().await;
    let spool = relay.dir().join("spool");
    assert!(relay.terminate().await.success());

    let nowhere = hand_over(&relay, &relay.dir().join("nowhere")).await;
    // A relay that stopped takes its sign of life back: nobody waits for its end.
    let stopped = hand_over(&relay, &spool).await;
    redis.stop();
    let unknown = hand_over(&relay, &spool).await;

    assert_eq!((nowhere.code, nowhere.mentions("there is no spool in")), (4, true), "{nowhere:?}");
    assert_eq!((stopped.code, stopped.figure("published")), (0, 0), "{stopped:?}");
    assert!(stopped.took < life::LASTS, "{stopped:?}");
    assert_eq!((unknown.code, unknown.mentions("dedup.shared")), (5, true), "{unknown:?}");
}

#[tokio::test]
async fn a_record_that_one_replica_replayed_is_not_published_by_another_also_after_the_window() {
    let redis = Redis::start().await;
    let mut one = sharing(&redis).source(PLANT).start().await;
    let mut two = beside(&one, &redis).source(PLANT).start().await;
    let (soon, late) = (one.post(&odd(1)).await.id(), one.post(&odd(2)).await.id());
    one.drained().await;
    for relay in [&mut one, &mut two] {
        let text = fs::read_to_string(relay.config()).expect("the configuration");
        let assume = "assume = { system = 'data', event = 'dm.version.added' }";
        fs::write(relay.config(), text.replace(PLANT, &format!("{PLANT}\n{assume}")))
            .expect("it is written");
        relay.restart().await;
        up(relay).await;
    }

    let (first, again) = (replay(&one, &soon).await, replay(&two, &soon).await);
    assert_eq!(replay(&one, &late).await, "published");
    one.drained().await;
    // The window is over: the ids are gone, and what is kept apart from it is not.
    let forget = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
    redis.command(&["EVAL", forget, "0", &format!("cadrelay:{}", "?".repeat(22))]).await;
    let after_the_window = replay(&two, &late).await;

    assert_eq!((first.as_str(), again.as_str()), ("published", "duplicate"));
    assert_eq!(after_the_window, "duplicate");
    two.drained().await;
    assert_eq!(one.read_to_end("aps.data").await.len(), 2);
}

const PLANT: &str = "name = 'plant'\nprovider = 'aps'\nproof = { hmac = ['s3cret-of-plant'] }";

/// A payload without its hook, which goes to quarantine until it is said what it is.
fn odd(number: usize) -> Notification {
    let body = format!(r#"{{"name":"{number}.txt","modifiedTime":"2026-11-25T20:00:00Z"}}"#);
    Notification::bare("plant", body).signed(Provider::Aps, "s3cret-of-plant")
}

/// What becomes of a record of the quarantine topic.
async fn replay(relay: &Relay, id: &str) -> String {
    let path = format!("/api/quarantine/{id}/replay");
    let answer = relay.request(Method::POST, relay.admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["replays"][0]["outcome"].as_str().expect("a text").to_owned()
}

/// Accepts them all, many at once.
async fn post_all(relay: &Relay, notifications: &[Notification]) {
    for some in notifications.chunks(50) {
        let posted = some.iter().map(|notification| relay.post(notification));
        futures_util::future::join_all(posted).await.iter().for_each(|answer| {
            answer.assert_accepted();
        });
    }
}

/// A hand-over that came to its end.
#[derive(Debug)]
struct HandedOver {
    code: i32,
    shown: String,
    said: String,
    took: Duration,
}

impl HandedOver {
    fn mentions(&self, words: &str) -> bool {
        self.said.contains(words)
    }

    fn figure(&self, name: &str) -> u64 {
        let shown: serde_json::Value = serde_json::from_str(&self.shown).expect("JSON");
        shown[name].as_u64().expect("a number")
    }
}

/// Hands a directory over, with a relay's configuration.
async fn hand_over(by: &Relay, dir: &Path) -> HandedOver {
    let mut command = cadrelay();
    command.args(["spool", "hand-over", "--config"]).arg(by.config()).arg("--dir").arg(dir);
    let began = Instant::now();
    let output =
        spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    HandedOver {
        code: output.status.code().expect("a code"),
        shown: String::from_utf8(output.stdout).expect("text"),
        said: String::from_utf8(output.stderr).expect("text"),
        took: began.elapsed(),
    }
}

/// A relay that shares its window.
pub(super) fn sharing(redis: &Redis) -> Builder {
    // A test machine answers late, and that is not what is tested.
    Relay::builder()
        .set("dedup.shared", &format!("'{}'", redis.url()))
        .set("dedup.shared_deadline", "'2s'")
}

/// Another that publishes to the same topics.
pub(super) fn beside(first: &Relay, redis: &Redis) -> Builder {
    sharing(redis).set("kafka.brokers", &format!("'{}'", first.brokers()))
}

async fn up(relay: &Relay) {
    eventually("the shared window is there", async || {
        (relay.ready().await.1["dedup"] == "shared").then_some(())
    })
    .await;
}

/// The number of records that a consumer reads, and of their events, once both relays are drained.
pub(super) async fn published(one: &Relay, two: &Relay) -> (usize, usize) {
    one.drained().await;
    two.drained().await;
    let records = one.read_to_end("onshape.document").await;
    let ids: HashSet<_> = records.iter().map(|record| record.header("ce_id")).collect();
    (records.len(), ids.len())
}

/// The key of an Onshape event's id in Redis.
fn key(notification: &Notification) -> String {
    let body: serde_json::Value = serde_json::from_slice(&notification.body).expect("JSON");
    let id = body["messageId"].as_str().expect("an id");
    protocol::key("cadrelay:", &IdKey::of_id("onshape", id))
}
