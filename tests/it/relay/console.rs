//! The console shows a person how the relay is, in a real browser.

use serde_json::Value;
use std::fs;
use std::process::Command;
use support::notification::Notification;
use support::relay::{Builder, Relay};
use support::tools::{project, succeed, tool};
use tokio::task::spawn_blocking;

fn open_sources() -> Builder {
    let source = |name: &str, provider: &str| {
        format!("name = '{name}'\nprovider = '{provider}'\nproof = 'none'")
    };
    Relay::builder().source(&source("open", "onshape")).source(&source("plant", "aps"))
}

/// Plays a scenario of tests/console/check.mjs, on a wide and on a narrow screen.
async fn look(relay: &Relay, scenario: &str, token: &str) {
    let modules = tool("CADRELAY_CONSOLE_MODULES", ".cache/console", "tests/tools/console");
    let mut node = Command::new("node");
    node.arg(project().join("tests/console/check.mjs"))
        .arg(scenario)
        .arg(format!("http://{}", relay.admin()))
        .arg(token)
        .env("CADRELAY_CONSOLE_MODULES", modules);
    spawn_blocking(move || succeed(&mut node)).await.expect("the look ends");
}

async fn with_some_events() -> Relay {
    let relay = open_sources().start().await;
    for seed in 0..12 {
        relay.post(&Notification::onshape(seed).to("open")).await.assert_accepted();
        relay.post(&Notification::aps(seed).to("plant")).await.assert_accepted();
    }
    relay
}

#[tokio::test]
async fn a_fresh_relay_says_that_nothing_has_come_and_what_to_try() {
    look(&open_sources().start().await, "fresh", "").await;
}

#[tokio::test]
async fn the_list_is_live_and_what_a_sender_wrote_stays_text() {
    look(&with_some_events().await, "live", "").await;
}

#[tokio::test]
async fn a_search_is_kept_in_an_address_that_can_be_shared() {
    look(&with_some_events().await, "search", "").await;
}

#[tokio::test]
async fn typing_while_answers_are_slow_leaves_no_stream_open() {
    look(&with_some_events().await, "typing", "").await;
}

#[tokio::test]
async fn keys_move_open_close_and_pause() {
    look(&with_some_events().await, "keyboard", "").await;
}

#[tokio::test]
async fn an_outage_is_the_first_sentence() {
    let relay = with_some_events().await;
    relay.drained().await;
    relay.kafka_goes_away();
    let waiting = r#"{"messageId":"waiting-1","event":"onshape.model.lifecycle.changed"}"#;
    relay.post(&Notification::bare("open", waiting)).await.assert_accepted();

    look(&relay, "outage", "").await;
}

#[tokio::test]
async fn what_is_in_quarantine_is_shown_with_its_reason_and_replayed() {
    let relay = open_sources().start().await;
    relay.post(&Notification::bare("plant", r#"{"odd":true}"#)).await.assert_quarantined();
    relay.drained().await;

    look(&relay, "quarantine", "").await;
}

#[tokio::test]
async fn a_row_stays_under_the_mouse_that_aims_at_it() {
    look(&with_some_events().await, "aiming", "").await;
}

#[tokio::test]
async fn a_refused_notification_says_why_and_shows_no_body() {
    let relay = open_sources()
        .source("name = 'acme'\nprovider = 'onshape'\nproof = { hmac = ['k3y-of-acme'] }")
        .start()
        .await;
    relay.post(&Notification::onshape(1).to("acme")).await.assert_problem(401);

    look(&relay, "refused", "").await;
}

#[tokio::test]
async fn an_id_that_is_older_than_the_list_is_found_in_the_window() {
    let relay = open_sources().set("admin.recent_events", "20").start().await;
    let body = r#"{"messageId":"long-ago","event":"onshape.model.lifecycle.changed"}"#;
    relay.post(&Notification::bare("open", body)).await.assert_accepted();
    relay.drained().await;
    // The list is written in batches; each ask ends one.
    for seed in 0..60 {
        relay.post(&Notification::onshape(seed).to("open")).await.assert_accepted();
        relay.ask("/api/events?limit=1").await;
    }
    assert_eq!(relay.ask("/api/events?id=long-ago").await.json()["events"], serde_json::json!([]));

    look(&relay, "older", "").await;
}

#[tokio::test]
async fn a_gap_is_shown_among_the_subscriptions_and_in_the_timeline_of_a_document() {
    let mut relay = with_some_events().await;
    relay.terminate().await;
    // The last sign of life was long ago: the relay was down for longer than Onshape repeats.
    let file = relay.dir().join("spool/gaps.json");
    let mut known: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    known["alive"] = "2026-01-01T00:00:00Z".into();
    fs::write(&file, known.to_string()).unwrap();
    relay.restart().await;

    look(&relay, "gaps", "").await;
}

#[tokio::test]
async fn a_token_guards_the_console_and_is_kept_out_of_its_cookie() {
    let token = "t0ken-of-the-console-55aa";
    let relay = open_sources().set("admin.token", &format!("'{token}'")).start().await;

    let page = relay.ask("/console").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Sign in"), "{page:?}");
    relay.ask("/api/events").await.assert_problem(401);
    look(&relay, "signin", token).await;
    assert!(!relay.log().contains(token));
}

#[tokio::test]
async fn the_console_loads_nothing_from_elsewhere_and_is_small() {
    let relay = open_sources().start().await;
    let page = relay.ask("/console").await;
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));

    let mut bytes = page.body.len();
    let mut names = vec!["console.css", "console.js", "icon.svg"];
    names.extend([
        "api.js",
        "dom.js",
        "events.js",
        "gaps.js",
        "life.js",
        "empty.js",
        "overview.js",
        "lists.js",
        "format.js",
    ]);
    for name in names {
        let part = relay.ask(&format!("/console/{name}")).await;
        assert_eq!(part.status, 200, "{name}");
        // The name space of SVG is a name, not an address.
        let text = part.body.replace("http://www.w3.org/2000/svg", "");
        let text = text.replace("http://127.0.0.1:8080", "");
        assert!(!text.contains("http://") && !text.contains("https://"), "{name} names an address");
        bytes += part.body.len();
    }
    assert!(bytes < 1 << 20, "{bytes}");
    relay.ask("/console/../secret").await.assert_problem(404);
}
