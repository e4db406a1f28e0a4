//! A consumer learns from the topic itself that it may have missed something: once, and from when to
//! when.

use crate::relay::books::assert_balances;
use crate::relay::keeping::{hooks, keeping, of, repairs, with_access};
use crate::relay::openapi::Description;
use crate::relay::workflows::{DOCUMENT, address_of_its_own, changed, simulator};
use cadrelay::event::provider::Provider;
use jiff::Timestamp;
use serde_json::{Value, json};
use support::kafka::{Kafka, Received};
use support::notification::Notification;
use support::provider::Simulator;
use support::relay::Relay;
use support::tools::project;
use support::waiting::eventually;

/// A relay that keeps a subscription at each provider, and both of them.
struct World {
    onshape: Simulator,
    aps: Simulator,
    relay: Relay,
}

impl World {
    /// Starts it, and waits until both subscriptions were seen to hear.
    async fn new() -> Self {
        let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
        let builder = keeping(&address_of_its_own()).kafka(Kafka::shared().await);
        let relay = with_access(builder, &onshape, &aps).start().await;
        let world = Self { onshape, aps, relay };
        world.both_hear().await;
        world
    }

    async fn both_hear(&self) {
        eventually("both subscriptions are up", async || {
            let metrics = self.relay.metrics().await;
            ["docs", "plant"].iter().all(|name| of(&metrics, "up", name) == 1.0).then_some(())
        })
        .await;
    }

    fn hook(&self, provider: Provider) -> String {
        let simulator = match provider {
            Provider::Onshape => &self.onshape,
            Provider::Aps => &self.aps,
        };
        hooks(simulator, provider)[0]["id"].as_str().expect("an id").to_owned()
    }

    /// The gaps in a topic, once there are so many.
    async fn gaps(&self, topic: &str, count: usize) -> Vec<Received> {
        eventually(&format!("{count} gaps in {topic}"), async || {
            let gaps = gaps(&self.relay.read_to_end(topic).await);
            (gaps.len() >= count).then_some(gaps)
        })
        .await
    }

    /// Waits until the relay has the place of a gap in Kafka on its disk, where a kill does not reach it.
    async fn place_is_kept(&self, gap: &Received) {
        let event = format!("/api/events/{}", gap.header("ce_id").expect("an id"));
        eventually("the relay knows where the gap lies", async || {
            let lives = self.relay.ask(&event).await.json();
            lives["events"][0]["offset"].is_i64().then_some(())
        })
        .await;
        // The frame of the next commit takes it to the disk, before the answer.
        self.relay.post(&Notification::onshape(1)).await.assert_accepted();
    }

    /// Starts anew twice, so that what was told once could be told again, and has both looked at.
    async fn restart_twice(&mut self) {
        for _ in 0..2 {
            self.relay.restart().await;
            self.both_hear().await;
        }
    }
}

/// The gaps among some records.
pub fn gaps(records: &[Received]) -> Vec<Received> {
    let is_gap =
        |record: &&Received| record.header("ce_type") == Some("com.cadrelay.subscription.gap");
    records.iter().filter(is_gap).cloned().collect()
}

/// Fails the test unless a record is a gap as schemas/ describe it.
#[track_caller]
fn assert_described(gap: &Received) {
    let read = |name: &str| -> Value {
        let text = std::fs::read(project().join("schemas").join(name)).expect("a schema");
        serde_json::from_slice(&text).expect("a schema is JSON")
    };
    let headers: serde_json::Map<String, Value> = gap
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
        .collect();
    let mut of_headers = read("asyncapi.json")["components"]["messages"]["gap"]["headers"].clone();
    of_headers["additionalProperties"] = false.into();
    let mut of_value = read("gap.json");
    of_value["additionalProperties"] = false.into();
    for (schema, found) in [(of_value, gap.json()), (of_headers, headers.into())] {
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let faults: Vec<_> = validator.iter_errors(&found).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}\n{found}");
    }
}

fn attribute(gap: &Received, name: &str) -> Value {
    gap.json()["attributes"][name].clone()
}

#[tokio::test]
async fn a_hook_that_was_gone_is_told_once_whatever_kills_come_between() {
    let mut world = World::new().await;
    let before = Timestamp::now();
    let gone = world.hook(Provider::Onshape);

    world.onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    eventually("it is made anew", async || {
        (repairs(&world.relay.metrics().await, "docs", "create") == 2.0).then_some(())
    })
    .await;
    // It is lost, and not yet seen to hear again.
    world.relay.restart().await;
    let first = world.gaps("onshape.lifecycle", 1).await.remove(0);
    world.place_is_kept(&first).await;
    world.relay.restart().await;
    world.both_hear().await;
    world.restart_twice().await;

    let told = world.gaps("onshape.lifecycle", 1).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (gap, value) = (&told[0], told[0].json());
    assert_eq!(gap.key_text(), "docs");
    assert_eq!(gap.header("ce_specversion"), Some("1.0"));
    assert_eq!(gap.header("ce_source"), Some("/cadrelay/subscriptions/docs"));
    assert_eq!(gap.header("ce_subject"), Some("subscriptions/docs"));
    assert_eq!(gap.header("ce_id"), value["id"].as_str());
    assert_eq!(value["provider"], "onshape");
    assert_eq!(value["source"], "onshape");
    assert_eq!(value["group"], "lifecycle");
    assert_eq!(value["raw"], json!({}));
    assert_eq!(value["attributes"]["subscription"], "docs");
    assert_eq!(value["attributes"]["why"], "hook_missing");
    assert_eq!(value["attributes"]["scope"], json!({ "documentId": DOCUMENT }));
    let at = |name: &str| attribute(gap, name).as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(at("from") < at("to"), "{value}");
    assert!(at("from") <= Timestamp::now() && before < at("to"), "{value}");
    assert_described(gap);
    // Whoever asks this relay is told the same, and what to do.
    let answer = world.relay.ask("/api/subscriptions").await;
    Description::of(&world.relay).await.check("get", "/api/subscriptions", &answer);
    let listed = answer.json();
    for list in [&listed["gaps"], &listed["subscriptions"][0]["gaps"]] {
        // A busy machine may drop a ping between the kills, which is a gap of its own.
        let missing = list.as_array().unwrap().iter().filter(|gap| gap["why"] == "hook_missing");
        let missing: Vec<&Value> = missing.collect();
        assert_eq!(missing.len(), 1, "{list}");
        assert_eq!(missing[0]["id"], value["id"]);
        assert_eq!(missing[0]["whatToDo"].as_str().unwrap().split(' ').next(), Some("Read"));
    }
    assert_eq!(listed["subscriptions"][1]["gaps"], json!([]), "the other one missed nothing");
    // It was never posted, so it cannot be posted again.
    let replay = format!("/api/events/{}/replay", value["id"].as_str().unwrap());
    let refused = world.relay.request(reqwest::Method::POST, world.relay.admin(), &replay).await;
    refused.assert_problem(409);
    assert_eq!(refused.json()["title"], "Not posted");
    assert_balances(&world.relay.metrics().await);
}

#[tokio::test]
async fn a_hook_that_was_inactive_and_one_that_was_changed_are_told_once_each() {
    let mut world = World::new().await;
    let hook = world.hook(Provider::Aps);
    let update = async |world: &World, change: &[&str]| {
        let arguments = [&["update", "--provider", "aps", &hook][..], change].concat();
        world.aps.webhook(&arguments).json();
    };

    update(&world, &["--status", "inactive"]).await;
    world.gaps("aps.other", 1).await;
    update(&world, &["--filter", "$.none"]).await;
    world.gaps("aps.other", 2).await;
    world.restart_twice().await;

    let told = world.gaps("aps.other", 2).await;
    let why: Vec<_> = told.iter().map(|gap| attribute(gap, "why")).collect();
    assert_eq!(why, ["hook_inactive", "hook_changed"]);
    assert!(told.iter().all(|gap| gap.key_text() == "plant"));
    told.iter().for_each(assert_described);
    let metrics = world.relay.metrics().await;
    assert_balances(&metrics);
    assert_eq!(metrics.of("cadrelay_gaps_total").count(), 6, "every cause from zero");
}

#[tokio::test]
async fn what_onshape_gave_up_on_is_told_once_with_how_many() {
    let mut world = World::new().await;

    world.relay.kill();
    let before = world.onshape.deliveries().len();
    assert_eq!(world.onshape.happen(&changed()), 1);
    world.onshape.wait_for_deliveries(before + 1);
    world.relay.restart().await;
    world.gaps("onshape.lifecycle", 1).await;
    world.both_hear().await;
    world.restart_twice().await;

    let told = world.gaps("onshape.lifecycle", 1).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(attribute(&told[0], "why"), "dropped_events");
    assert_eq!(attribute(&told[0], "dropped"), 1);
    assert_described(&told[0]);
}

#[tokio::test]
async fn nothing_is_told_where_nothing_was_missed() {
    let mut world = World::new().await;

    for _ in 0..2 {
        world.relay.restart().await;
        world.both_hear().await;
        assert_eq!(world.relay.metrics().await.sum("cadrelay_gaps_total"), 0.0);
    }
}
