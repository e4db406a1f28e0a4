//! Of several replicas one looks after the subscriptions at a time, and another follows when it dies.

use crate::relay::gaps::gaps;
use crate::relay::keeping::{hooks, keeping, of, with_access};
use crate::relay::reload::reload;
use crate::relay::workflows::{address_of_its_own, simulator};
use cadrelay::event::provider::Provider;
use jiff::Timestamp;
use serde_json::Value;
use std::time::{Duration, Instant};
use support::provider::Simulator;
use support::redis::Redis;
use support::relay::{Builder, Relay};
use support::waiting::{eventually, within};

#[tokio::test]
async fn one_replica_makes_the_hooks_and_when_it_dies_another_follows_within_two_intervals() {
    let scene = Scene::set().await;
    let (one, other) = tokio::join!(scene.replica().start(), scene.replica().start());
    let mut replicas = [one, other];
    let keeper = scene.keeper_among(&replicas).await;
    let idle = 1 - keeper;

    // The pings come through a third replica, as behind a balancer.
    for name in ["docs", "plant"] {
        eventually("the subscription is up", async || {
            (of(&replicas[keeper].metrics().await, "up", name) == 1.0).then_some(())
        })
        .await;
    }
    assert_eq!(scene.made().await, 1);
    assert_eq!(hooks(&scene.aps, Provider::Aps).len(), 1);
    assert_eq!(kept_by(&replicas[idle]).await, "elsewhere");
    let metrics = replicas[idle].metrics().await;
    assert_eq!(metrics.of("cadrelay_subscription_up").count(), 0, "its alert would fire");
    let gone = hooks(&scene.onshape, Provider::Onshape)[0]["id"].as_str().unwrap().to_owned();
    replicas[keeper].kill();
    let died = Instant::now();
    scene.onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    within(INTERVAL * 2, "the other makes it anew", async || {
        (scene.made().await == 2).then_some(())
    })
    .await;

    println!("followed after {:?}", died.elapsed());
    // The one that comes back finds the other at work.
    replicas[keeper].restart().await;
    assert_eq!(kept_by_somebody(&replicas[keeper]).await, "elsewhere");
    assert_eq!(kept_by(&replicas[idle]).await, "here");
    // Stopped in order, it lets the next one begin at once.
    assert!(replicas[idle].terminate().await.success());
    eventually("it is followed", async || {
        let mut notices =
            replicas[keeper].log_lines().into_iter().filter(|line| line["event"] == "keeper");
        notices.next_back().filter(|line| line["keeper"] == "here")
    })
    .await;
    assert_eq!(hooks(&scene.onshape, Provider::Onshape).len(), 1);
    assert_eq!(scene.made().await, 2);
}

#[tokio::test]
async fn a_replica_that_stood_still_and_lost_its_lease_changes_nothing_when_it_goes_on() {
    let scene = Scene::set().await;
    let (one, other) = tokio::join!(scene.replica().start(), scene.replica().start());
    let replicas = [one, other];
    let keeper = scene.keeper_among(&replicas).await;
    let (paused, follower) = (&replicas[keeper], &replicas[1 - keeper]);
    eventually("the hook is made", async || (scene.made().await == 1).then_some(())).await;

    paused.signal(libc::SIGSTOP);
    eventually("another follows", async || (kept_by(follower).await == "here").then_some(())).await;
    eventually("it knows the hook", async || {
        (of(&follower.metrics().await, "up", "docs") == 1.0).then_some(())
    })
    .await;
    let gone = hooks(&scene.onshape, Provider::Onshape)[0]["id"].as_str().unwrap().to_owned();
    // Both have a look to do now, and a hook to make.
    scene.onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    paused.signal(libc::SIGCONT);
    eventually("the hook is made anew", async || (scene.made().await == 2).then_some(())).await;

    eventually("it knows that it lost its lease", async || {
        (kept_by(paused).await == "elsewhere").then_some(())
    })
    .await;
    assert_eq!(repairs_of_docs(paused), 1, "the first hook alone is its work");
    assert_eq!(repairs_of_docs(follower), 1);
    assert_eq!(hooks(&scene.onshape, Provider::Onshape).len(), 1);
    assert_eq!(scene.made().await, 2);
}

#[tokio::test]
async fn without_redis_nobody_makes_a_hook_and_when_it_is_back_somebody_does() {
    let mut scene = Scene::set().await;
    let relay = scene.replica().set("keeper.interval", "'1s'").start().await;
    eventually("the hook is made", async || (scene.made().await == 1).then_some(())).await;
    let gone = hooks(&scene.onshape, Provider::Onshape)[0]["id"].as_str().unwrap().to_owned();

    scene.redis.stop();
    eventually("nobody keeps", async || (kept_by(&relay).await == "unknown").then_some(())).await;
    scene.onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    let began = Instant::now();
    eventually("some intervals pass", async || {
        (began.elapsed() > Duration::from_secs(4)).then_some(())
    })
    .await;
    let made_meanwhile = scene.made().await;
    let notices = relay.log_lines();
    scene.redis.launch().await;
    eventually("the hook is made anew", async || (scene.made().await == 2).then_some(())).await;

    assert_eq!(made_meanwhile, 1);
    assert!(notices.iter().any(|line| line["event"] == "keeper" && line["keeper"] == "unknown"));
    assert!(relay.ready().await.0);
    assert_eq!(kept_by(&relay).await, "here");
}

#[tokio::test]
async fn a_gap_that_begins_when_the_replica_that_keeps_dies_is_told_once_by_the_next_one() {
    let scene = Scene::set().await;
    let (one, other) = tokio::join!(scene.replica().start(), scene.replica().start());
    let mut replicas = [one, other];
    let keeper = scene.keeper_among(&replicas).await;
    eventually("the replicas know that the subscription hears", async || {
        let proof = scene.redis.command(&["GET", "cadrelay:proof:docs"]).await;
        (proof.contains("\"heard\":\"") && proof.contains("\"lost\":null")).then_some(())
    })
    .await;

    replicas[keeper].kill();
    let died = Timestamp::now();
    let gone = hooks(&scene.onshape, Provider::Onshape)[0]["id"].as_str().unwrap().to_owned();
    scene.onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    let told = eventually("the next one tells the gap", async || {
        let gaps = gaps(&scene.front.read_to_end("onshape.lifecycle").await);
        (!gaps.is_empty()).then_some(gaps)
    })
    .await;
    // The one that comes back has the same proof in its file, and is not asked.
    replicas[keeper].restart().await;
    assert_eq!(kept_by_somebody(&replicas[keeper]).await, "elsewhere");
    assert!(replicas[1 - keeper].terminate().await.success());
    eventually("it is followed", async || {
        (kept_by(&replicas[keeper]).await == "here").then_some(())
    })
    .await;
    eventually("it has looked", async || {
        (of(&replicas[keeper].metrics().await, "up", "docs") == 1.0).then_some(())
    })
    .await;

    let attributes = &told[0].json()["attributes"];
    assert_eq!(
        (&attributes["subscription"], &attributes["why"]),
        (&"docs".into(), &"hook_missing".into())
    );
    let from: Timestamp = attributes["from"].as_str().expect("a time").parse().expect("a time");
    assert!(from <= died, "{from} {died}");
    assert_eq!(gaps(&scene.front.read_to_end("onshape.lifecycle").await).len(), 1);
}

#[tokio::test]
async fn a_reload_that_shortens_the_interval_shortens_the_lease_and_nobody_else_takes_it() {
    let scene = Scene::set().await;
    let relay = scene.replica().set("keeper.interval", "'5m'").start().await;
    eventually("it keeps", async || (kept_by(&relay).await == "here").then_some(())).await;
    let left = async || {
        let answer = scene.redis.command(&["PTTL", "cadrelay:keeper"]).await;
        answer.trim().trim_start_matches(':').parse::<i64>().expect("milliseconds")
    };
    assert!(left().await > 2_000);

    let shorter = |text: String| text.replace("keeper.interval = '5m'", "keeper.interval = '2s'");
    assert_eq!(reload(&relay, shorter).await["level"], "INFO");

    eventually("the lease is as long as the interval", async || {
        (1..=2_000).contains(&left().await).then_some(())
    })
    .await;
    let lost = |line: &Value| line["event"] == "keeper" && line["keeper"] != "here";
    assert_eq!(kept_by(&relay).await, "here");
    assert_eq!(relay.log_lines().iter().filter(|line| lost(line)).count(), 0);
}

/// The providers, a Redis, and a replica that does not keep, through which all notifications come.
struct Scene {
    onshape: Simulator,
    aps: Simulator,
    redis: Redis,
    front: Relay,
    address: String,
}

impl Scene {
    async fn set() -> Self {
        let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
        let (redis, address) = (Redis::start().await, address_of_its_own());
        let front = keeping(&address).set("keeper.enabled", "false");
        let front = sharing(front, &redis).start().await;
        Self { onshape, aps, redis, front, address }
    }

    fn replica(&self) -> Builder {
        let builder = keeping(&self.address)
            .set("http.listen", "'127.0.0.1:0'")
            .set("kafka.brokers", &format!("'{}'", self.front.brokers()))
            .set("keeper.interval", &format!("'{}s'", INTERVAL.as_secs()));
        with_access(sharing(builder, &self.redis), &self.onshape, &self.aps)
    }

    /// Which of them looks after the subscriptions, once one does.
    async fn keeper_among(&self, replicas: &[Relay; 2]) -> usize {
        eventually("one of them keeps", async || {
            let mut active = Vec::new();
            for relay in replicas {
                active.push(relay.metrics().await.sum("cadrelay_keeper_active"));
            }
            assert!(active.iter().sum::<f64>() < 2.0, "both do");
            active.iter().position(|active| *active == 1.0)
        })
        .await
    }

    /// The number of hooks ever made at Onshape: each is tried once by a `webhook.register`.
    async fn made(&self) -> usize {
        let deliveries = self.onshape.deliveries();
        deliveries.iter().filter(|one| one["event"] == "webhook.register").count()
    }
}

fn sharing(builder: Builder, redis: &Redis) -> Builder {
    builder.set("dedup.shared", &format!("'{}'", redis.url())).set("dedup.shared_deadline", "'2s'")
}

async fn kept_by(relay: &Relay) -> String {
    let told = relay.ask("/api/subscriptions").await.json();
    told["keeper"].as_str().expect("a word").to_owned()
}

async fn kept_by_somebody(relay: &Relay) -> String {
    eventually("it knows who keeps", async || {
        let keeper = kept_by(relay).await;
        (keeper != "unknown").then_some(keeper)
    })
    .await
}

fn repairs_of_docs(relay: &Relay) -> usize {
    let lines = relay.log_lines();
    lines.iter().filter(|line| line["action"] == "create" && line["subscription"] == "docs").count()
}

/// A lease lasts as long.
const INTERVAL: Duration = Duration::from_secs(5);
