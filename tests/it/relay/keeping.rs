//! Subscriptions with `keep = true` stay as they are declared, and everybody can see it.

use crate::relay::workflows::{
    CHANGED, DOCUMENT, FOLDER, address_of_its_own, changed, simulator, version_added,
};
use cadrelay::event::provider::Provider;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::kafka::Kafka;
use support::provider::{SECRETS, Simulator};
use support::relay::{Builder, Metrics, Relay};
use support::waiting::eventually;

const NOBODY: &str = "http://127.0.0.1:1";
const SERIES: [&str; 5] = [
    "cadrelay_subscription_up",
    "cadrelay_subscription_dropped_events",
    "cadrelay_subscription_last_ping_timestamp_seconds",
    "cadrelay_subscription_repairs_total",
    "cadrelay_subscription_errors_total",
];

/// A relay that keeps a subscription at each provider, and declares one that it leaves alone.
pub fn keeping(listen: &str) -> Builder {
    let subscriptions = format!(
        "[ {{ name = 'docs', provider = 'onshape', source = 'onshape', keep = true,
              events = ['{CHANGED}'], scope = {{ documentId = '{DOCUMENT}' }} }},
           {{ name = 'plant', provider = 'aps', source = 'aps', keep = true,
              events = ['dm.version.added'], scope = {{ folder = '{FOLDER}' }} }},
           {{ name = 'loose', provider = 'aps', source = 'aps',
              events = ['extraction.finished'], scope = {{ workflow = 'w' }} }} ]"
    );
    Relay::builder()
        .set("http.listen", &format!("'{listen}'"))
        .set("http.public_url", &format!("'http://{listen}'"))
        .set("keeper.interval", "'1s'")
        .set("subscriptions", &subscriptions.replace('\n', " "))
}

/// The same, where no provider answers: all series, and no other process.
pub fn keeping_in_vain() -> Builder {
    let builder = keeping("127.0.0.1:0");
    let builder = SECRETS.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
    builder.env("ONSHAPE_BASE_URL", NOBODY).env("APS_BASE_URL", NOBODY)
}

/// With the credentials that the simulators know.
pub fn with_access(builder: Builder, onshape: &Simulator, aps: &Simulator) -> Builder {
    let bases = [("ONSHAPE_BASE_URL", &onshape.url), ("APS_BASE_URL", &aps.url)];
    let builder = SECRETS.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
    bases.iter().fold(builder, |builder, (name, url)| builder.env(name, url))
}

pub fn of(metrics: &Metrics, series: &str, subscription: &str) -> f64 {
    metrics.get(&format!("cadrelay_subscription_{series}"), &[("subscription", subscription)])
}

pub fn repairs(metrics: &Metrics, subscription: &str, action: &str) -> f64 {
    let labels = [("subscription", subscription), ("action", action)];
    metrics.get("cadrelay_subscription_repairs_total", &labels)
}

pub fn hooks(simulator: &Simulator, provider: Provider) -> Vec<Value> {
    let list = simulator.webhook(&["list", "--provider", provider.as_str()]).json();
    list.as_array().expect("a list").clone()
}

async fn subscription(relay: &Relay, name: &str) -> Value {
    let told = relay.ask("/api/subscriptions").await.json();
    let rows = told["subscriptions"].as_array().expect("a list");
    rows.iter().find(|row| row["subscription"] == name).expect("it is kept").clone()
}

#[tokio::test]
async fn a_hook_that_is_gone_is_made_anew_and_its_ping_comes_back_through_the_relay() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    let builder = keeping(&address_of_its_own()).kafka(Kafka::shared().await);
    let relay = with_access(builder, &onshape, &aps).start().await;
    let is_up_since = async |name: &str, ping: f64| {
        eventually(&format!("{name} is up, pinged after {ping}"), async || {
            let metrics = relay.metrics().await;
            let pinged = of(&metrics, "last_ping_timestamp_seconds", name);
            (of(&metrics, "up", name) == 1.0 && pinged > ping).then_some((metrics, pinged))
        })
        .await
    };

    let (metrics, pinged) = is_up_since("docs", 0.0).await;
    assert_eq!(repairs(&metrics, "docs", "create"), 1.0);
    is_up_since("plant", -1.0).await;
    let gone = hooks(&onshape, Provider::Onshape)[0]["id"].as_str().unwrap().to_owned();
    onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    eventually("it is made anew", async || {
        (repairs(&relay.metrics().await, "docs", "create") == 2.0).then_some(())
    })
    .await;
    let (metrics, _) = is_up_since("docs", pinged + 1.0).await;

    let made = hooks(&onshape, Provider::Onshape);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_ne!(made[0]["id"], gone);
    assert_eq!(hooks(&aps, Provider::Aps).len(), 1, "the one that is not kept is not made");
    assert_eq!(of(&metrics, "errors_total", "docs"), 0.0);
    assert_eq!(of(&metrics, "dropped_events", "docs"), 0.0);
    let known = subscription(&relay, "docs").await;
    assert_eq!(known["hooks"], json!([made[0]["id"]]));
    assert_eq!(known["provider"], "onshape");
    assert_eq!(known["repairs"], json!({ "create": 2 }));
    assert_eq!(subscription(&relay, "plant").await["up"], true);
    eventually("the new hook's ping is in Kafka", async || {
        let records = relay.read_to_end("onshape.lifecycle").await;
        let mut values = records.iter().map(|record| record.json());
        values
            .any(|value| value["event"] == "webhook.ping" && value["webhookId"] == made[0]["id"])
            .then_some(())
    })
    .await;
    assert_eq!(onshape.happen(&changed()), 1);
    assert_eq!(relay.consume("onshape.document", 1).await[0].key_text(), DOCUMENT);
}

#[tokio::test]
async fn a_hook_that_went_inactive_while_the_relay_was_down_is_woken_at_its_start() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    let builder = keeping(&address_of_its_own()).kafka(Kafka::shared().await);
    let mut relay = with_access(builder, &onshape, &aps).start().await;
    let plant_is = async |status: &str| {
        eventually(&format!("the hook is {status}"), async || {
            hooks(&aps, Provider::Aps).into_iter().find(|hook| hook["status"] == status)
        })
        .await
    };

    let hook = plant_is("active").await;
    relay.kill();
    for delivered in 1..=2 {
        assert_eq!(aps.happen(&version_added()), 1);
        aps.wait_for_deliveries(delivered);
    }
    plant_is("inactive").await;
    relay.restart().await;
    let woken = plant_is("active").await;

    assert_eq!(woken["id"], hook["id"]);
    assert_eq!(aps.happen(&version_added()), 1);
    let record = relay.consume("aps.data", 1).await.remove(0).json();
    assert_eq!(record["webhookId"], hook["id"]);
    let metrics = relay.metrics().await;
    assert_eq!(repairs(&metrics, "plant", "update"), 1.0);
    assert_eq!(repairs(&metrics, "plant", "create"), 0.0, "it was known again");
    assert_eq!(hooks(&onshape, Provider::Onshape).len(), 1);
}

#[tokio::test]
async fn every_kept_subscription_has_its_series_from_the_first_scrape() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    let relay = with_access(keeping(&address_of_its_own()), &onshape, &aps).start().await;

    let metrics = relay.metrics().await;

    for series in SERIES {
        let rows = if series.ends_with("repairs_total") { 6 } else { 2 };
        assert_eq!(metrics.of(series).count(), rows, "{series}");
    }
    let actions = metrics.of(SERIES[3]).map(|(labels, _)| labels["action"].clone());
    assert_eq!(actions.collect::<BTreeSet<_>>().len(), 3, "create, update and replace");
    let names = metrics.of(SERIES[0]).map(|(labels, _)| labels["subscription"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["docs", "plant"]);
}

#[tokio::test]
async fn a_provider_that_refuses_the_credentials_makes_nothing_unready() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    let builder = with_access(keeping(&address_of_its_own()), &onshape, &aps);
    let mut relay = builder.env("ONSHAPE_SECRET_KEY", "not-the-key-4716").start().await;

    let metrics = eventually("the refusal is counted", async || {
        let metrics = relay.metrics().await;
        (of(&metrics, "errors_total", "docs") > 0.0).then_some(metrics)
    })
    .await;

    assert_eq!(of(&metrics, "up", "docs"), 0.0);
    assert!(relay.ready().await.0);
    let known = subscription(&relay, "docs").await;
    assert!(known["lastError"].as_str().unwrap().contains("401"), "{known}");
    assert_eq!(known.get("lastPing"), None);
    assert!(relay.terminate().await.success());
    support::provider::assert_discreet(&relay.log());
    assert!(!relay.log().contains("not-the-key-4716"));
}

#[tokio::test]
async fn missing_credentials_stop_the_start_and_are_named() {
    let builder = keeping("127.0.0.1:0").env("ONSHAPE_ACCESS_KEY", "");

    let (status, log) = builder.start_in_vain().await;

    assert!(!status.success());
    assert!(log.contains("ONSHAPE_ACCESS_KEY is not set"), "{log}");
    assert!(log.contains("keep = true"), "{log}");
}

#[tokio::test]
async fn a_replica_that_is_not_to_keep_needs_no_credentials_and_has_no_series_but_says_what_is_to_be_kept()
 {
    let relay = keeping("127.0.0.1:0").set("keeper.enabled", "false").start().await;

    let metrics = relay.metrics().await;

    for series in SERIES {
        assert_eq!(metrics.of(series).count(), 0, "{series}");
    }
    // Somebody is to be told if the replica that keeps them is gone.
    assert_eq!(metrics.sum("cadrelay_keeper_subscriptions"), 2.0);
    assert_eq!(metrics.sum("cadrelay_keeper_active"), 0.0);
    let told = relay.ask("/api/subscriptions").await.json();
    assert_eq!(told, json!({ "keeper": "off", "subscriptions": [], "gaps": [] }));
}
