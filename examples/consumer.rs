//! Consumes cadrelay's topics: each event once, in order for each thing.
//!
//! ```text
//! cargo run --example consumer -- localhost:9092 my-team
//! ```
//!
//! Prints one line an event. Remembers what it has printed for as long as it runs; a consumer whose
//! work outlives it keeps `(source, id)` in the transaction that does the work.

use rdkafka::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::time::Duration;

/// What this consumer reads of an event; the schemas in schemas/ have all of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    source: String,
    event: String,
    occurred_at: Option<String>,
    received_at: String,
    subject: Option<String>,
    /// The body as the provider posted it, to be parsed by those who need more.
    raw: Option<Box<RawValue>>,
    /// The same in Base64, where a strict parser would not read it.
    raw_base64: Option<String>,
}

/// The record of the structured encoding.
#[derive(Deserialize)]
struct Envelope {
    data: Event,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "localhost:9092".to_owned());
    let group = arguments.next().unwrap_or_else(|| "cadrelay-example".to_owned());
    let mut left: Option<u64> = arguments.next().map(|count| count.parse()).transpose()?;

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        // Without this a consumer also sees what an aborted transaction left behind.
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()?;
    consumer.subscribe(&[r"^cad\.(onshape|aps)\..*"])?;

    let mut printed = HashSet::new();
    while left != Some(0) {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        let message = message?;
        let event = read(&message)?;
        if printed.insert((event.source.clone(), event.id.clone())) {
            print(&event);
        }
        consumer.commit_message(&message, CommitMode::Async)?;
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// Reads a record of either encoding: only the binary one has `ce_` headers.
fn read(message: &BorrowedMessage<'_>) -> serde_json::Result<Event> {
    let value = message.payload().unwrap_or_default();
    let is_binary =
        message.headers().is_some_and(|headers| headers.iter().any(|header| header.key == "ce_id"));
    if is_binary {
        serde_json::from_slice(value)
    } else {
        serde_json::from_slice::<Envelope>(value).map(|envelope| envelope.data)
    }
}

fn print(event: &Event) {
    let at = event.occurred_at.as_deref().unwrap_or(&event.received_at);
    let subject = event.subject.as_deref().unwrap_or_default();
    let raw = event.raw.as_ref().map(|raw| raw.get().len());
    let bytes =
        raw.or(event.raw_base64.as_ref().map(|text| text.len() / 4 * 3)).unwrap_or_default();
    println!("{at} {} {subject} ({bytes} bytes)", event.event);
}
