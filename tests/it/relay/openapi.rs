//! The answers of the admin API are as its own description says.

use regex::Regex;
use serde_json::{Value, json};
use support::notification::Notification;
use support::relay::{Answer, Relay};
use support::waiting::eventually;

/// The description that a relay gives of its own API.
pub struct Description(Value);

impl Description {
    pub async fn of(relay: &Relay) -> Self {
        Self(relay.ask("/api/openapi.json").await.json())
    }

    /// Fails the test unless the answer's status, type and body are described for the path.
    #[track_caller]
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        let operation = &self.0["paths"][path][method];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {path} does not describe {}", answer.status);
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let schema = &response["content"][kind]["schema"];
        assert!(schema.is_object(), "{method} {path} does not describe {kind}: {answer:?}");
        if kind.ends_with("json") {
            let mut schema = schema.clone();
            schema["components"] = self.0["components"].clone();
            let validator = jsonschema::validator_for(&schema).expect("the schema is one");
            let body = answer.json();
            let faults: Vec<String> = validator
                .iter_errors(&body)
                .map(|fault| format!("{} at {}", fault, fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{method} {path}: {faults:?}\n{body}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_as_described_and_every_route_is_tried() {
    let relay = Relay::builder()
        .source("name = 'onshape'\nprovider = 'onshape'\nproof = 'none'")
        .source("name = 'plant'\nprovider = 'aps'\nproof = 'none'")
        .start()
        .await;
    let description = Description::of(&relay).await;
    let id = relay.post(&Notification::onshape(1)).await.id();
    relay.post(&Notification::onshape(2)).await.assert_accepted();
    relay.post(&Notification::bare("onshape", "no JSON")).await;
    let odd = relay.post(&Notification::bare("plant", r#"{"odd":true}"#)).await.id();
    relay.drained().await;

    let mut tried = Vec::new();
    for (method, path, given) in [
        ("get", "/livez", "/livez".to_owned()),
        ("get", "/readyz", "/readyz".to_owned()),
        ("get", "/metrics", "/metrics".to_owned()),
        ("get", "/api/status", "/api/status".to_owned()),
        ("get", "/api/sources", "/api/sources".to_owned()),
        ("get", "/api/throughput", "/api/throughput".to_owned()),
        ("get", "/api/events", "/api/events?limit=2".to_owned()),
        ("get", "/api/events", "/api/events?limit=much".to_owned()),
        ("get", "/api/events/stream", "/api/events/stream?limit=much".to_owned()),
        ("get", "/api/events/{id}", format!("/api/events/{id}")),
        ("get", "/api/events/{id}", "/api/events/never".to_owned()),
        ("get", "/api/events/{id}/raw", format!("/api/events/{id}/raw")),
        ("get", "/api/events/{id}/raw", "/api/events/never/raw".to_owned()),
        ("post", "/api/events/{id}/replay", format!("/api/events/{id}/replay")),
        ("post", "/api/events/{id}/replay", "/api/events/never/replay".to_owned()),
        ("post", "/api/events/{id}/replay", format!("/api/events/{odd}/replay")),
        ("get", "/api/spool/stat", "/api/spool/stat".to_owned()),
        ("get", "/api/spool/records", "/api/spool/records".to_owned()),
        ("get", "/api/spool/records", "/api/spool/records?limit=much".to_owned()),
        ("get", "/api/spool/verify", "/api/spool/verify".to_owned()),
        ("get", "/api/quarantine", "/api/quarantine".to_owned()),
        ("get", "/api/quarantine", "/api/quarantine?reason=nope".to_owned()),
        ("get", "/api/quarantine", "/api/quarantine?limit=much".to_owned()),
        ("post", "/api/quarantine/{id}/replay", "/api/quarantine/x/replay?offset=much".to_owned()),
        ("post", "/api/events/{id}/replay", "/api/events/x/replay?source=a&source=b".to_owned()),
        ("post", "/api/quarantine/{id}/replay", format!("/api/quarantine/{odd}/replay")),
        ("post", "/api/quarantine/{id}/replay", "/api/quarantine/never/replay".to_owned()),
        ("get", "/api/subscriptions", "/api/subscriptions".to_owned()),
    ] {
        let verb = method.to_uppercase().parse().expect("a method");
        let answer = relay.request(verb, relay.admin(), &given).await;
        description.check(method, path, &answer);
        tried.push((method, path));
    }

    let paths = description.0["paths"].as_object().expect("paths");
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            assert!(
                tried.contains(&(method.as_str(), path.as_str())),
                "{method} {path} is untried"
            );
        }
    }
}

#[tokio::test]
async fn no_time_of_an_answer_is_finer_than_a_millisecond() {
    let relay = Relay::builder().start().await;
    let id = relay.post(&Notification::onshape(1)).await.id();
    relay.post(&Notification::onshape(1)).await.assert_duplicate();
    relay.drained().await;
    relay.kafka_goes_away();
    relay.post(&Notification::onshape(2)).await.assert_accepted();
    // The first sample of the throughput has been taken, too.
    eventually("the throughput has an end", async || {
        let ends = relay.ask("/api/throughput").await.json()["end"].is_string();
        ends.then_some(())
    })
    .await;
    let finer = Regex::new(r"\d\d:\d\d:\d\d\.\d{4,}").expect("a pattern");
    let time = Regex::new(r"\d\d:\d\d:\d\d").expect("a pattern");

    for path in [
        "/readyz",
        "/api/status",
        "/api/sources",
        "/api/throughput",
        "/api/events",
        &format!("/api/events/{id}"),
        "/api/spool/stat",
        "/api/spool/records",
    ] {
        let body = relay.ask(path).await.body;

        assert!(time.is_match(&body), "{path} has no time: {body}");
        assert!(!finer.is_match(&body), "{path}: {body}");
    }
}

#[tokio::test]
async fn without_the_token_every_route_answers_as_described() {
    let relay = Relay::builder().set("admin.token", "'t0ken-of-the-api-1234'").start().await;
    let text = relay.ask_with_token("/api/openapi.json", "t0ken-of-the-api-1234").await;
    let description = Description(text.json());

    for (path, operations) in description.0["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let verb = method.to_uppercase().parse().expect("a method");
            let given = path.replace("{id}", "some");
            let answer = relay.request(verb, relay.admin(), &given).await;
            let is_probe = matches!(path.as_str(), "/livez" | "/readyz");
            assert_eq!(answer.status, if is_probe { 200 } else { 401 }, "{method} {path}");
            description.check(method, path, &answer);
        }
    }
    assert_eq!(description.0["openapi"], json!("3.1.0"));
}
