//! Quarantined bodies and records are put through the relay again after their cause was removed.

mod commands;
mod listener;
mod refused;
mod understood;

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample::ids::Ids;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use support::kafka::Kafka;
use support::notification::{self, Notification};
use support::relay::{Answer, Builder, Relay, cadrelay};
use tokio::task::spawn_blocking;

/// A relay whose source has payload-only hooks, and does not know yet what they are.
pub fn plant(kafka: &Kafka) -> Builder {
    Relay::builder().kafka(kafka).source(PLANT)
}

/// Says what the payloads are, and starts the relay again.
pub async fn understand(relay: &mut Relay) {
    let text = fs::read_to_string(relay.config()).expect("the configuration");
    let assume = "assume = { system = 'data', event = 'dm.version.added' }";
    fs::write(relay.config(), text.replace(PLANT, &format!("{PLANT}\n{assume}")))
        .expect("it is written");
    assert_eq!(relay.terminate().await.code(), Some(0));
    relay.restart().await;
}

/// A payload without its hook and without a time: only its delivery tells it from others like it.
pub fn payload_only(seed: u64) -> Notification {
    let body = format!(r#" {{"ext": "txt", "name": "{seed}.txt", "version": "1"}}"#);
    signed("plant", &body)
        .with("x-adsk-delivery-id", &format!("delivery-{seed}"))
        .with("traceparent", TRACE)
}

pub fn signed(source: &str, body: &str) -> Notification {
    let (provider, secret) = match source {
        "plant" => (Provider::Aps, "s3cret-of-plant"),
        _ => (Provider::Onshape, "s3cret-of-mill"),
    };
    Notification::bare(source, body).signed(provider, secret)
}

/// An event of more than a topic with `max.message.bytes = 20000` takes, also compressed.
pub fn large(seed: u64) -> Notification {
    let mut event = Notification::onshape(seed);
    let mut body: Value = serde_json::from_slice(&event.body).expect("JSON");
    body["data"] = Ids::new(seed).hex(60_000).into();
    event.body = body.to_string().into_bytes();
    let secret = notification::secret(Provider::Onshape);
    event.signed(Provider::Onshape, secret)
}

pub async fn replay(relay: &Relay, id: &str, query: &str) -> Answer {
    let path = format!("/api/quarantine/{id}/replay{query}");
    relay.request(Method::POST, relay.admin(), &path).await
}

/// The outcome of each record, by the relay's answer.
#[track_caller]
pub fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let replays = answer.json()["replays"].as_array().cloned().expect("a list");
    replays.iter().map(|one| one["outcome"].as_str().expect("a text").to_owned()).collect()
}

/// Runs `cadrelay quarantine …` with the relay's configuration, and its address at the end if asked
/// for: what it says, and how it ended.
pub async fn command(relay: &Relay, verb: &str, words: &[&str], url: bool) -> (Value, i32) {
    let output = output(relay, verb, words, url).await;
    let code = output.status.code().expect("an exit code");
    (serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), code)
}

pub async fn said(relay: &Relay, verb: &str, words: &[&str]) -> String {
    String::from_utf8(output(relay, verb, words, false).await.stdout).expect("text")
}

pub async fn output(relay: &Relay, verb: &str, words: &[&str], url: bool) -> std::process::Output {
    let mut command = cadrelay();
    command.args(["quarantine", verb]).args(words);
    if url {
        command.arg(format!("http://{}", relay.admin()));
    }
    command.arg("--config").arg(relay.config());
    spawn_blocking(move || command.output().expect("the command starts"))
        .await
        .expect("the command does not panic")
}

pub const PLANT: &str = "name = 'plant'\nprovider = 'aps'\nproof = { hmac = ['s3cret-of-plant'] }";
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
