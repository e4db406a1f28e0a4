//! Reads our topics as a consumer would: only committed records, without a group.

use crate::kafka::client::{self, Context, Error};
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use crate::kafka::tls_alerts::{self, TlsAlerts};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The place to begin in topics that exist already.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum From {
    /// With the oldest record that is still there.
    Beginning,
    /// With the records that come from now on.
    End,
}

/// One record as a consumer gets it.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// The key.
    pub key: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The value as it was written, or its text if it is not JSON.
    pub value: Box<RawValue>,
}

/// Reads topics, and those that are created later.
pub struct Tail {
    consumer: BaseConsumer<TlsAlerts>,
    settings: Settings,
    topics: Vec<String>,
    from: From,
    assigned: BTreeSet<(String, i32)>,
    missing: Vec<String>,
    looked: Option<Instant>,
}

impl Tail {
    /// Opens a reader of the given topics, or of all of ours if none is given.
    pub fn open(settings: Settings, topics: Vec<String>, from: From) -> Result<Self, Error> {
        let consumer = client::reader(&settings)?
            .create_with_context(TlsAlerts::of(Context::of(&settings)))
            .map_err(Error::refused(&settings))?;
        Ok(Self {
            consumer,
            settings,
            topics,
            from,
            assigned: BTreeSet::new(),
            missing: Vec::new(),
            looked: None,
        })
    }

    /// True once a broker has answered.
    pub fn has_reached_a_broker(&self) -> bool {
        self.looked.is_some()
    }

    /// The wanted topics that the brokers did not list when they were last asked: those that were
    /// given, or the prefix of ours with a `*` if there is none of them.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns the next record, if one comes within a moment.
    ///
    /// An error does not end the reader: the client goes on looking for brokers that are away.
    pub fn poll(&mut self) -> Result<Option<Seen>, Trouble> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            self.look()?;
        }
        let message = match self.consumer.poll(POLL) {
            None => return Ok(None),
            Some(Err(error)) => return Err(Trouble::of(&error)),
            Some(Ok(message)) => message,
        };
        let headers = message.headers().map(|headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                .collect()
        });
        let payload = message.payload().unwrap_or_default();
        Ok(Some(Seen {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: text(message.key().unwrap_or_default()),
            headers: headers.unwrap_or_default(),
            value: serde_json::from_slice(payload).unwrap_or_else(|_| quoted(payload)),
        }))
    }

    /// Assigns new partitions. A partition that appears after the first look is read from its
    /// beginning.
    fn look(&mut self) -> Result<(), Trouble> {
        let first = self.looked.is_none();
        let metadata = self.ask();
        if !first {
            // A broker that is away is asked again later, not at once.
            self.looked = Some(Instant::now());
        }
        let metadata = metadata?;
        self.looked = Some(Instant::now());
        self.missing = self.missing_in(&metadata);
        let mut added = TopicPartitionList::new();
        for topic in metadata.topics() {
            if !self.wants(topic.name()) {
                continue;
            }
            for partition in topic.partitions() {
                let place = (topic.name().to_owned(), partition.id());
                if !self.assigned.insert(place) {
                    continue;
                }
                let offset = match self.from {
                    From::End if first => Offset::End,
                    From::End | From::Beginning => Offset::Beginning,
                };
                drop(added.add_partition_offset(topic.name(), partition.id(), offset));
            }
        }
        if added.count() > 0
            && let Err(error) = self.consumer.incremental_assign(&added)
        {
            tracing::warn!(error = %error, "cannot read further partitions");
        }
        Ok(())
    }

    /// Asks a broker for all topics. A refused log-in is reported as such.
    fn ask(&self) -> Result<Metadata, Trouble> {
        self.consumer.fetch_metadata(None, ASK).map_err(|error| match self.looked {
            // No partition is assigned yet, so this skips no record.
            None => tls_alerts::why_not(&self.consumer, &error),
            Some(_) => Trouble::of(&error),
        })
    }

    fn missing_in(&self, metadata: &Metadata) -> Vec<String> {
        let is_there = |topic: &str| metadata.topics().iter().any(|found| found.name() == topic);
        match &self.topics[..] {
            [] if metadata.topics().iter().any(|topic| self.wants(topic.name())) => Vec::new(),
            [] => vec![format!("{}*", self.settings.topic_prefix)],
            topics => topics.iter().filter(|topic| !is_there(topic)).cloned().collect(),
        }
    }

    fn wants(&self, topic: &str) -> bool {
        if self.topics.is_empty() {
            let ours = topic.starts_with(&self.settings.topic_prefix)
                || self.settings.topics.values().any(|name| name == topic);
            ours && topic != self.settings.topic_names().positions()
        } else {
            self.topics.iter().any(|wanted| wanted == topic)
        }
    }
}

fn quoted(payload: &[u8]) -> Box<RawValue> {
    serde_json::value::to_raw_value(&text(payload)).expect("a text is JSON")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("topics", &self.topics).finish_non_exhaustive()
    }
}

const POLL: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A broker that is up answers within milliseconds. Nothing is read meanwhile.
const ASK: Duration = Duration::from_secs(1);
