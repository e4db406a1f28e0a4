//! The keeper follows a reload: what is kept, and how often, changes without a restart, or not at all.

use crate::relay::keeping::{hooks, keeping, of, repairs, with_access};
use crate::relay::reload::reload;
use crate::relay::workflows::{address_of_its_own, simulator};
use cadrelay::event::provider::Provider;
use serde_json::Value;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn subscriptions_and_the_keeper_change_at_a_reload() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    // It would not look again within the test, if a reload did not make it look.
    let builder = keeping(&address_of_its_own()).set("keeper.interval", "'1h'");
    let relay = with_access(builder, &onshape, &aps).start().await;
    eventually("the first look is over", async || {
        (hooks(&onshape, Provider::Onshape).len() + hooks(&aps, Provider::Aps).len() == 2)
            .then_some(())
    })
    .await;

    let changed = reload(&relay, |text| {
        let plain = "name = 'loose', provider = 'aps', source = 'aps',";
        text.replace("['onshape.model.lifecycle.changed']", "['onshape.revision.created']")
            .replace("name = 'plant'", "name = 'works'")
            .replace(plain, &format!("{plain} keep = true,"))
    })
    .await;

    assert_eq!(changed["event"], "reloaded", "{changed}");
    assert_eq!(changed["keys"], "subscriptions");
    eventually("the new ones are made", async || {
        (hooks(&aps, Provider::Aps).len() >= 2).then_some(())
    })
    .await;
    let at_onshape = eventually("the hook has the new event", async || {
        let hook = hooks(&onshape, Provider::Onshape).remove(0);
        (hook["events"] == serde_json::json!(["onshape.revision.created"])).then_some(hook)
    })
    .await;
    let metrics = relay.metrics().await;
    assert_eq!(repairs(&metrics, "docs", "create"), 1.0, "counters go on: {at_onshape}");
    let names =
        metrics.of("cadrelay_subscription_up").map(|(labels, _)| labels["subscription"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["docs", "loose", "works"]);

    let off = reload(&relay, |text| {
        text.replace("keeper.interval = '1h'", "keeper.interval = '2h'\nkeeper.enabled = false")
    })
    .await;
    assert_eq!(off["keys"], "keeper.interval,keeper.enabled");
    assert_eq!(relay.ask("/api/subscriptions").await.json()["keeper"], "off");
    assert_eq!(relay.metrics().await.of("cadrelay_subscription_up").count(), 0);
    let on = reload(&relay, |text| text.replace("keeper.enabled = false", "")).await;
    assert_eq!(on["keys"], "keeper.enabled");
    eventually("it looks again", async || {
        let metrics = relay.metrics().await;
        (of(&metrics, "up", "works") == 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reload_that_the_keeper_cannot_follow_changes_nothing() {
    let (onshape, aps) = (simulator(Provider::Onshape), simulator(Provider::Aps));
    let builder = with_access(keeping(&address_of_its_own()), &onshape, &aps);
    let relay = builder.env("APS_CLIENT_ID", "").set("subscriptions", "[]").start().await;
    let one = |provider: &str, event: &str, scope: &str| {
        format!(
            "subscriptions = [ {{ name = 'new', provider = '{provider}', source = '{provider}', \
             keep = true, events = ['{event}'], scope = {{ {scope} }} }} ]"
        )
    };
    let at_onshape = one("onshape", "onshape.revision.created", "documentId = 'd'");
    let at_aps = one("aps", "dm.version.added", "folder = 'f'");

    let refused =
        reload(&relay, |text| text.replace("subscriptions = []", &at_aps) + &source()).await;
    assert_eq!(refused["event"], "reload_refused");
    let reason = refused["reason"].as_str().expect("a reason");
    assert!(reason.contains("subscriptions: ") && reason.contains("APS_CLIENT_ID"), "{reason}");
    assert_eq!(sources(&relay).await, ["aps", "onshape"], "all or nothing");
    let half = reload(&relay, |text| {
        let text = text.replace(&at_aps, &at_onshape);
        text.replace("kafka.partitions = 3", "kafka.partitions = 4")
    })
    .await;
    assert_eq!(half["event"], "reload_refused");
    assert!(half["reason"].as_str().expect("a reason").contains("kafka.partitions"));
    assert_eq!(relay.metrics().await.of("cadrelay_subscription_up").count(), 0);
    let whole =
        reload(&relay, |text| text.replace("kafka.partitions = 4", "kafka.partitions = 3")).await;

    assert_eq!((&whole["event"], &whole["keys"]), (&"reloaded".into(), &"subscriptions".into()));
    assert_eq!(sources(&relay).await, ["aps", "late", "onshape"]);
    eventually("the hook is made", async || {
        (hooks(&onshape, Provider::Onshape).len() == 1).then_some(())
    })
    .await;
}

fn source() -> String {
    "[[sources]]\nname = 'late'\nprovider = 'onshape'\nproof = { hmac = ['x'] }\n".to_owned()
}

async fn sources(relay: &Relay) -> Vec<String> {
    let told = relay.ask("/api/sources").await.json();
    let names = told["sources"].as_array().expect("a list").iter();
    names.map(|one: &Value| one["name"].as_str().expect("a name").to_owned()).collect()
}
