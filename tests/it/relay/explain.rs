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
    let output = cadrelay()
        .arg("explain")
        .args(words)
        .arg("--config")
        .arg(relay.config())
        .output()
        .expect("the command starts");
    let code = output.status.code().expect("an exit code");
    (serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), code)
}
