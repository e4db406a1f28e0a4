//! The keeper makes good what a provider has lost, and sees its pings come back.

use cadrelay::webhooks::aps::region::Region;
use cadrelay::webhooks::existing::Clients;
use cadrelay::webhooks::keeper::{Assignment, Keeper, SubscriptionHealth};
use cadrelay::webhooks::plan::Action;
use cadrelay::webhooks::settings::{self, Subscription};
use cadrelay::webhooks::{aps, onshape};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;
use support::provider::{HOOK_SECRET, Inbox, SECRETS, Simulator};
use url::Url;

const INTERVAL: Duration = Duration::from_secs(300);

fn keeper(onshape_url: &str, aps_url: &str, inbox: &Inbox) -> Keeper {
    let subscriptions: Vec<Subscription> = serde_json::from_value(json!([
        { "name": "docs", "provider": "onshape", "url": inbox.url, "keep": true,
          "events": ["onshape.revision.created"], "scope": { "documentId": "d" } },
        { "name": "plant", "provider": "aps", "url": inbox.url, "keep": true,
          "events": ["dm.*"], "scope": { "folder": "f" } },
        { "name": "loose", "provider": "aps", "url": inbox.url,
          "events": ["extraction.*"], "scope": { "workflow": "w" } },
    ]))
    .unwrap();
    let declared = settings::resolve(&subscriptions, None, at(0), &mut Vec::new()).unwrap();
    let variable = |name: &str| {
        SECRETS.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    };
    let timeout = Duration::from_secs(5);
    let (onshape_url, aps_url) = (Url::parse(onshape_url).unwrap(), Url::parse(aps_url).unwrap());
    let credentials = onshape::credentials::Credentials::from_variables(variable).unwrap();
    let onshape = onshape::client::Client::new(&onshape_url, credentials, timeout).unwrap();
    let credentials = aps::credentials::Credentials::from_variables(variable).unwrap();
    let aps = aps::client::Client::new(&aps_url, credentials, Region::Us, timeout).unwrap();
    let clients = Clients { onshape: Some(onshape), aps: [(Region::Us, aps)].into() };
    Keeper::new(Assignment::new(declared, clients, INTERVAL))
}

fn of<'a>(health: &'a [SubscriptionHealth], name: &str) -> &'a SubscriptionHealth {
    health.iter().find(|health| health.subscription == name).unwrap()
}

/// The moment so many intervals after the first look.
fn at(intervals: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(300 * intervals)
}

#[tokio::test]
async fn what_is_missing_is_made_and_up_once_it_is_seen_and_its_ping_came_back() {
    let (onshape, aps) = (Simulator::start(&["onshape"]), Simulator::start(&["aps"]));
    let inbox = Inbox::open();
    let keeper = keeper(&onshape.url, &aps.url, &inbox);

    keeper.step(at(0)).await;
    assert_eq!(inbox.next().event(), "webhook.register");
    let health = keeper.health(at(0));
    assert_eq!(health.len(), 2, "the third is not kept");
    assert_eq!(of(&health, "docs").repairs, [(Action::Create, 1)].into());
    assert!(!of(&health, "docs").is_up, "it was not seen yet");

    keeper.step(at(1)).await;
    let ping = inbox.next();
    assert_eq!(ping.event(), "webhook.ping");
    assert!(of(&keeper.health(at(1)), "docs").is_up);
    assert!(of(&keeper.health(at(1)), "plant").is_up);
    assert!(!of(&keeper.health(at(2)), "docs").is_up, "the ping is overdue");
    keeper.saw_ping(ping.json()["webhookId"].as_str().unwrap(), at(1));
    let health = keeper.health(at(2));
    assert!(of(&health, "docs").is_up);
    assert_eq!(of(&health, "docs").last_ping, Some(at(1)));
    assert_eq!(of(&health, "docs").dropped_events, Some(0));
    assert_eq!(
        onshape.webhook(&["list", "--provider", "onshape"]).json().as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn what_went_inactive_or_away_is_repaired() {
    let (onshape, aps) = (Simulator::start(&["onshape"]), Simulator::start(&["aps"]));
    let inbox = Inbox::open();
    let keeper = keeper(&onshape.url, &aps.url, &inbox);
    keeper.step(at(0)).await;
    let id = |simulator: &Simulator, provider: &str| {
        let list = simulator.webhook(&["list", "--provider", provider]).json();
        list[0]["id"].as_str().unwrap().to_owned()
    };
    let (gone, silent) = (id(&onshape, "onshape"), id(&aps, "aps"));
    onshape.webhook(&["delete", "--provider", "onshape", &gone]).json();
    aps.webhook(&["update", "--provider", "aps", &silent, "--status", "inactive"]).json();

    keeper.step(at(1)).await;

    assert_ne!(id(&onshape, "onshape"), gone);
    let woken = aps.webhook(&["get", "--provider", "aps", &silent]).json();
    assert_eq!(woken["status"], "active");
    let health = keeper.health(at(1));
    assert_eq!(of(&health, "docs").repairs, [(Action::Create, 2)].into());
    assert_eq!(of(&health, "plant").repairs, [(Action::Create, 1), (Action::Update, 1)].into());
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_longer_and_longer_and_is_not_the_others_fault() {
    let aps = Simulator::start(&["aps"]);
    let inbox = Inbox::open();
    // It refuses every call at once, where nothing listens the client would try for seconds.
    let refusing = Simulator::start_with(&["onshape"], &[("ONSHAPE_SECRET_KEY", HOOK_SECRET)]);
    let keeper = keeper(&refusing.url, &aps.url, &inbox);

    for interval in 0..8 {
        keeper.step(at(interval)).await;
    }

    let health = keeper.health(at(8));
    assert_eq!(of(&health, "docs").errors, 4, "at the intervals 0, 1, 3 and 7");
    assert!(!of(&health, "docs").is_up);
    assert_eq!(of(&health, "plant").errors, 0);
    assert!(of(&health, "plant").is_up);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_looks_at_once_and_ends_when_it_is_told() {
    let (onshape, aps) = (Simulator::start(&["onshape"]), Simulator::start(&["aps"]));
    let inbox = Inbox::open();
    let keeper = keeper(&onshape.url, &aps.url, &inbox);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        keeper
            .run(async {
                let _ = stopped.await;
            })
            .await;
    });

    assert_eq!(inbox.next().event(), "webhook.register");
    stop.send(()).unwrap();

    running.await.unwrap();
}
