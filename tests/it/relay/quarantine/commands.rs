//! `cadrelay quarantine list|replay`, as scripts use them.

use super::{command, payload_only, plant, said, signed};
use serde_json::{Value, json};
use std::fs;
use support::kafka::Kafka;

#[tokio::test]
async fn the_list_is_of_what_is_asked_for_and_needs_no_relay() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka)
        .source("name = 'mill'\nprovider = 'onshape'\nproof = { hmac = ['s3cret-of-mill'] }")
        .start()
        .await;
    let hook = relay.post(&payload_only(1)).await.id();
    let json = relay.post(&signed("plant", "\u{feff} odd ")).await.id();
    let event = relay.post(&signed("mill", "{\"a\": 1}")).await.id();
    relay.drained().await;
    relay.terminate().await;

    let list = async |words: &[&str]| command(&relay, "list", words, false).await;
    let ids = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().expect("a list");
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let (all, code) = list(&[]).await;
    assert_eq!((ids(&all), code), (vec![hook.clone(), json.clone(), event.clone()], 0));
    assert_eq!(
        (&all[1]["reason"], &all[1]["source"], &all[1]["provider"], &all[1]["bytes"]),
        (&json!("not_json"), &json!("plant"), &json!("aps"), &json!("\u{feff} odd ".len()))
    );
    assert_eq!(all[0]["verified"], "hmac");
    assert_eq!(ids(&list(&["--reason", "no_hook"]).await.0), [hook]);
    assert_eq!(ids(&list(&["--source", "mill"]).await.0), [event.as_str()]);
    assert_eq!(ids(&list(&["--id", &json]).await.0), [json.as_str()]);
    assert_eq!(ids(&list(&["--limit", "2"]).await.0), [json, event]);
    assert_eq!(list(&["--reason", "too_deep"]).await, (json!([]), 0));
    assert_eq!(list(&["--reason", "bad_mood"]).await.1, 2);
    let text = said(&relay, "list", &["--output", "csv"]).await;
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[tokio::test]
async fn the_commands_end_with_the_number_that_says_why() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).start().await;
    let empty = command(&relay, "list", &[], false).await;
    assert_eq!(empty, (json!([]), 0));
    relay.post(&payload_only(1)).await.assert_quarantined();
    relay.post(&payload_only(2)).await.assert_quarantined();
    relay.drained().await;

    let code = async |words: &[&str]| command(&relay, "replay", words, true).await.1;
    assert_eq!(code(&["--url"]).await, 2);
    assert_eq!(code(&["--all", "--id", "x", "--url"]).await, 2);
    assert_eq!(code(&["--all", "--url"]).await, 2);
    assert_eq!(code(&["--id", "never", "--url"]).await, 4);
    assert_eq!(code(&["--reason", "not_json", "--yes", "--url"]).await, 0);
    let (rehearsed, code) =
        command(&relay, "replay", &["--reason", "no_hook", "--dry-run", "--url"], true).await;
    assert_eq!((rehearsed[1]["outcome"].as_str(), code), (Some("still_quarantined"), 1));

    relay.terminate().await;
    let nobody = ["--all", "--yes", "--url", "http://127.0.0.1:1"];
    assert_eq!(command(&relay, "replay", &nobody, false).await.1, 5);
    let text = fs::read_to_string(relay.config()).expect("the configuration");
    let nowhere = text.replace(&kafka.brokers(), "127.0.0.1:1");
    fs::write(relay.config(), nowhere).expect("it is written");
    assert_eq!(command(&relay, "list", &[], false).await.1, 5);
}
