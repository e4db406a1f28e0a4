//! Whoever asks what became of an event is told.

use serde_json::Value;
use support::notification::Notification;
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

fn explained(relay: &Relay, words: &[&str]) -> (String, i32) {
    let output = cadrelay()
        .arg("explain")
        .args(words)
        .arg("--config")
        .arg(relay.config())
        .output()
        .expect("the command starts");
    let code = output.status.code().expect("an exit code");
    (String::from_utf8(output.stdout).expect("text"), code)
}
