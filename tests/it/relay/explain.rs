//! Whoever asks what became of an event is told.

use cadrelay::event::provider::Provider;
use serde_json::Value;
use std::process::Command;
use support::notification::{Notification, secret};
use support::relay::{Relay, cadrelay};
use support::waiting::eventually;

#[tokio::test]
async fn an_event_is_pending_while_kafka_is_away_and_then_has_its_place_in_kafka() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    let id = relay.post(&Notification::onshape(1)).await.id();

    let life = &relay.ask(&format!("/api/events/{id}")).await.json()["events"][0];
    assert_eq!((&life["state"], &life["sequence"]), (&"pending".into(), &1.into()));
    assert_eq!(
        (&life["source"], &life["topic"]),
        (&"onshape".into(), &"cad.onshape.document".into())
    );
    assert!(life["acceptedAt"].is_string() && life["offset"].is_null(), "{life}");

    relay.kafka_comes_back();
    let record = relay.consume("onshape.document", 1).await.remove(0);
    let url = format!("http://{}", relay.admin());
    let life = eventually("its place is known", async || {
        let (lives, _) = explain(&relay, &[&id, "--url", &url]);
        (!lives[0]["offset"].is_null()).then(|| lives[0].clone())
    })
    .await;
    assert_eq!(life["state"], "committed");
    assert_eq!(
        (&life["partition"], &life["offset"]),
        (&record.partition.into(), &record.offset.into())
    );

    relay.terminate().await;
    assert_eq!(explain(&relay, &[&id]), (Value::Array(vec![life]), 0));
}

#[tokio::test]
async fn what_went_to_quarantine_is_known_by_the_id_of_its_receipt() {
    let relay =
        Relay::builder().source("name = 'plant'\nprovider = 'aps'\nproof = 'none'").start().await;
    let id = relay.post(&Notification::bare("plant", r#"{"odd":true}"#)).await.id();

    let life = &relay.ask(&format!("/api/events/{id}")).await.json()["events"][0];

    assert_eq!((&life["id"], &life["topic"]), (&id.into(), &"cad.quarantine".into()));
}

#[tokio::test]
async fn each_redelivery_is_told_with_its_time_running_and_stopped() {
    let mut relay = Relay::builder().start().await;
    let notification = Notification::onshape(1);
    let id = relay.post(&notification).await.id();
    relay.post(&notification).await.assert_duplicate();
    relay.post(&notification).await.assert_duplicate();
    let url = format!("http://{}", relay.admin());

    let running = eventually("all three are among the recent decisions", async || {
        let (lives, _) = explain(&relay, &[&id, "--url", &url]);
        (lives[0]["duplicates"] == 2).then(|| lives[0].clone())
    })
    .await;
    relay.terminate().await;
    let stopped = explain(&relay, &[&id]).0[0].clone();
    let table = explained(&relay, &[&id, "--output", "table"]).0;

    for life in [&running, &stopped] {
        let deliveries = life["deliveries"].as_array().expect("a list");
        let outcomes: Vec<_> = deliveries.iter().map(|delivery| &delivery["outcome"]).collect();
        assert_eq!(outcomes, ["accepted", "duplicate", "duplicate"], "{life}");
        assert!(deliveries.iter().all(|delivery| delivery["at"].is_string()), "{life}");
    }
    let told = table.lines().filter(|line| line.contains("outcome=duplicate")).count();
    assert_eq!(told, 2, "{table}");
}

#[tokio::test]
async fn a_document_has_its_last_events_running_and_stopped() {
    let mut relay = Relay::builder().start().await;
    let id = relay.post(&Notification::onshape(7)).await.id();
    let secret = secret(Provider::Onshape);
    let found = relay.ask(&format!("/api/events?id={id}")).await.json();
    let document = found["events"][0]["document"].as_str().expect("a document").to_owned();
    let odd = Notification::bare("onshape", format!("{{\"documentId\":\"{document}\",,}}"));
    let odd = relay.post(&odd.signed(Provider::Onshape, secret)).await.id();
    for seed in 1_000..2_000 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    relay.drained().await;
    let url = format!("http://{}", relay.admin());

    let (running, code) = explain(&relay, &[&document, "--url", &url]);
    assert_eq!(code, 0, "{running}");
    relay.terminate().await;
    let (stopped, code) = explain(&relay, &[&document]);
    assert_eq!((&stopped, code), (&running, 0));

    let events = running.as_array().expect("a list");
    let of = |field: &str| -> Vec<_> { events.iter().map(|event| event[field].clone()).collect() };
    assert_eq!(of("id"), [odd, id], "newest first: {running}");
    assert_eq!(of("outcome"), ["quarantined", "accepted"]);
    assert_eq!(of("state"), ["quarantined", "committed"]);
    assert_eq!(events[1]["event"], "onshape.model.lifecycle.changed");
    assert!(events.iter().all(|event| event["at"].is_string()), "{running}");
}

#[tokio::test]
async fn what_is_neither_an_id_nor_a_document_is_told_with_what_was_searched() {
    let mut relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let oldest = relay.ask("/api/events").await.json()["oldest"].clone();
    let day = oldest.as_str().expect("a time").split('T').next().expect("a day").to_owned();
    let url = format!("http://{}", relay.admin());

    let running = failed(&relay, &["a/b never", "--url", &url]);
    relay.terminate().await;
    let stopped = failed(&relay, &["a/b never"]);

    for (said, code) in [running, stopped] {
        assert_eq!(code, 4, "{said}");
        for part in ["\"a/b never\"", "dedup.window (3d)", "recent decisions, back to", &day] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[tokio::test]
async fn an_id_that_never_came_is_not_found() {
    let mut relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let url = format!("http://{}", relay.admin());

    relay.ask("/api/events/never").await.assert_problem(404);
    assert_eq!(explain(&relay, &["a/b never", "--url", &url]).1, 4);
    relay.terminate().await;
    assert_eq!(explain(&relay, &["never"]).1, 4);
}

/// Runs `cadrelay explain` with the relay's configuration: what it says, and how it ended.
fn explain(relay: &Relay, words: &[&str]) -> (Value, i32) {
    let (said, code) = explained(relay, words);
    (serde_json::from_str(&said).unwrap_or(Value::Null), code)
}

/// What it says on stderr, and how it ended.
fn failed(relay: &Relay, words: &[&str]) -> (String, i32) {
    let output = command(relay, words).output().expect("the command starts");
    let code = output.status.code().expect("an exit code");
    (String::from_utf8(output.stderr).expect("text"), code)
}

fn command(relay: &Relay, words: &[&str]) -> Command {
    let mut command = cadrelay();
    command.arg("explain").args(words).arg("--config").arg(relay.config());
    command
}

fn explained(relay: &Relay, words: &[&str]) -> (String, i32) {
    let output = command(relay, words).output().expect("the command starts");
    let code = output.status.code().expect("an exit code");
    (String::from_utf8(output.stdout).expect("text"), code)
}
