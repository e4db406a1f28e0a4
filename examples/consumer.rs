//! Consumes cadrelay's topics: handles each event once, and keeps the order of events about one
//! thing.
//!
//! ```text
//! cargo run --example consumer -- --brokers localhost:9092 --group my-team --database consumer.db
//! ```
//!
//! The id of an event is stored in the same batch as its work, so that neither a crash nor a
//! rebalance makes the work happen twice.

use clap::Parser;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use rdkafka::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "localhost:9092")]
    brokers: String,
    #[arg(long, default_value = "cadrelay-example")]
    group: String,
    /// A regular expression.
    #[arg(long, default_value = r"^cad\.(onshape|aps)\..*|^cad\.quarantine$")]
    topics: String,
    #[arg(long, default_value = "consumer.db")]
    database: PathBuf,
}

/// The part of an event that this consumer reads; schemas/ has all of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    source: String,
    occurred_at: Option<String>,
    received_at: String,
    subject: Option<String>,
    /// The reason for the quarantine, in a quarantined record.
    reason: Option<String>,
}

/// The record of the structured encoding.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    data: Event,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // At SIGTERM or Ctrl-C, the current record is finished and committed, and the consumer leaves
    // the group.
    let runtime = tokio::runtime::Runtime::new()?;
    let stopping = runtime.spawn(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            stopped = tokio::signal::ctrl_c() => stopped,
        }
    });

    let work = Work::open(&options)?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", options.brokers)
        .set("group.id", options.group)
        // Without this, a consumer also sees the records of aborted transactions.
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        // The longest time until a new topic is found.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .create()?;
    consumer.subscribe(&[&options.topics])?;
    while !stopping.is_finished() {
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message?;
        work.handle(&message)?;
        consumer.commit_message(&message, CommitMode::Sync)?;
    }
    Ok(())
}

/// The store of the handled ids and of their results.
struct Work {
    database: Database,
    handled: Keyspace,
    latest: Keyspace,
}

impl Work {
    fn open(options: &Options) -> fjall::Result<Self> {
        let database = Database::builder(&options.database).open()?;
        let handled = database.keyspace("handled", KeyspaceCreateOptions::default)?;
        let latest = database.keyspace("latest", KeyspaceCreateOptions::default)?;
        Ok(Self { database, handled, latest })
    }

    /// Does the work of one record, once.
    fn handle(&self, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        let Envelope { kind, data: event } = read(message)?;
        let id = format!("{} {}", event.source, event.id);
        if self.handled.contains_key(&id)? {
            return Ok(());
        }
        let at = event.occurred_at.as_deref().unwrap_or(&event.received_at);
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.handled, id, "");
        // Replace this by your own work. The example stores the last event of each thing, and
        // prints it.
        batch.insert(&self.latest, message.key().unwrap_or_default(), format!("{kind} {at}"));
        batch.commit()?;
        // Providers add events without notice: an unknown type is not an error.
        let about = event.reason.or(event.subject).unwrap_or_default();
        println!("{at} {kind} {} {about}", event.id);
        Ok(())
    }
}

/// Reads a record of either encoding: only the binary one has `ce_` headers.
fn read(message: &BorrowedMessage<'_>) -> anyhow::Result<Envelope> {
    let value = message.payload().unwrap_or_default();
    let header = |name: &str| {
        let headers = message.headers()?;
        headers.iter().find(|header| header.key == name)?.value
    };
    match header("ce_type") {
        Some(kind) => Ok(Envelope {
            kind: String::from_utf8(kind.to_owned())?,
            data: serde_json::from_slice(value)?,
        }),
        None => Ok(serde_json::from_slice(value)?),
    }
}
