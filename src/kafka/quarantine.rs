//! Reads committed records: the whole quarantine topic, or the record at one place of any topic.
//!
//! # Promises
//! - A missing topic is empty. If Kafka does not answer, the result is an error, never an end.

use crate::kafka::client::{self, Error};
use crate::kafka::outcome::Trouble;
use crate::kafka::partition_reader::{Next, PartitionReader};
use crate::kafka::settings::Settings;
use crate::kafka::topics::{Inspector, TopicState};
use rdkafka::Offset;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A record of the topic.
#[derive(Clone, Debug)]
pub struct QuarantinedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time in Kafka, milliseconds since the epoch; 0 if it has none.
    pub timestamp: i64,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its value.
    pub value: Vec<u8>,
}

/// Reads the topic, as often as it is asked to.
pub struct Reader {
    topic: String,
    inspector: Inspector,
    reader: PartitionReader,
}

impl Reader {
    /// Makes the clients. Does not connect yet.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let mut config = client::reader(settings)?;
        config
            // The end of a partition is an empty answer, which a broker holds back for this time.
            .set("fetch.wait.max.ms", "50")
            // If retention has removed a record, no other record may be returned for it.
            .set("auto.offset.reset", "error");
        let reader = PartitionReader::of(settings, &config)?;
        let inspector = Inspector::new(settings)?;
        Ok(Self { topic: settings.topic_names().quarantine(), inspector, reader })
    }

    /// Reads every record that is there now, in order within each partition.
    pub fn read_all(&self, mut each: impl FnMut(QuarantinedRecord)) -> Result<(), Trouble> {
        let partitions = self.partitions(&self.topic)?;
        if partitions == 0 {
            return Ok(());
        }
        let mut open = partitions;
        let all = (0..partitions).map(|partition| (partition, Offset::Beginning));
        self.read(&self.topic, all, |next| {
            match next {
                Some(record) => each(found(record)),
                None => open -= 1,
            }
            open == 0
        })
    }

    /// The record at a place of the quarantine topic, if there is one.
    pub fn read_one(
        &self,
        partition: i32,
        offset: i64,
    ) -> Result<Option<QuarantinedRecord>, Trouble> {
        self.read_at(&self.topic, partition, offset)
    }

    /// The record at a place of any topic. `None` if there is none, or if retention has removed it,
    /// or the topic is gone.
    pub fn read_at(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<QuarantinedRecord>, Trouble> {
        if offset < 0 || !(0..self.partitions(topic)?).contains(&partition) {
            return Ok(None);
        }
        let mut one = None;
        let read = self.read(topic, [(partition, Offset::Offset(offset))], |next| {
            let is_it = |record: &&BorrowedMessage<'_>| {
                record.partition() == partition && record.offset() == offset
            };
            one = next.filter(is_it).map(found);
            true
        });
        match read {
            // There is no such offset.
            Err(Trouble::UnknownTopic) => Ok(None),
            read => read.map(|()| one),
        }
    }

    fn partitions(&self, topic: &str) -> Result<i32, Trouble> {
        match self.inspector.look(topic, PATIENCE)? {
            TopicState::Ready { partitions } => Ok(partitions),
            TopicState::Troubled(Trouble::UnknownTopic) => Ok(0),
            TopicState::Troubled(trouble) => Err(trouble),
        }
    }

    /// Reads until `is_enough` returns true for a record, or for the end of a partition (`None`).
    fn read(
        &self,
        topic: &str,
        partitions: impl IntoIterator<Item = (i32, Offset)>,
        mut is_enough: impl FnMut(Option<&BorrowedMessage<'_>>) -> bool,
    ) -> Result<(), Trouble> {
        self.reader.assign(topic, partitions).map_err(|error| Trouble::of(&error))?;
        let mut last_heard = Instant::now();
        let read = loop {
            let is_over = match self.reader.next() {
                Ok(Next::Record(record)) => is_enough(Some(&record)),
                Ok(Next::End) => is_enough(None),
                Ok(Next::Nothing) if last_heard.elapsed() < PATIENCE => continue,
                Ok(Next::Nothing) => break Err(Trouble::Timeout),
                Err(error) => break Err(why(&error)),
            };
            last_heard = Instant::now();
            if is_over {
                break Ok(());
            }
        };
        self.reader.rest();
        read
    }
}

fn found(message: &BorrowedMessage<'_>) -> QuarantinedRecord {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into();
    QuarantinedRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(0),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}

fn why(error: &KafkaError) -> Trouble {
    match error.rdkafka_error_code() {
        Some(
            Code::AutoOffsetReset
            | Code::OffsetOutOfRange
            | Code::UnknownPartition
            | Code::UnknownTopic,
        ) => Trouble::UnknownTopic,
        _ => Trouble::of(error),
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// A broker that is up answers within moments.
const PATIENCE: Duration = Duration::from_secs(10);
