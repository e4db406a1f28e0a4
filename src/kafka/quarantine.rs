//! Reads the quarantine topic: committed records alone, all to their end or the one at a place.
//!
//! # Promises
//! - A topic that is not there is empty. A Kafka that does not answer is an error, never an end.

use crate::kafka::client::{self, Context, Error};
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use crate::kafka::topics::{Inspector, State};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A record as it lies in the topic.
#[derive(Clone, Debug)]
pub struct Found {
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

/// Reads the topic, again and again if asked to.
pub struct Reader {
    topic: String,
    inspector: Inspector,
    consumer: BaseConsumer<Context>,
}

impl Reader {
    /// Makes the clients. Does not connect yet.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let consumer = client::reader(settings)?
            .set("enable.partition.eof", "true")
            // The end of a partition is an empty answer, and a broker holds those back this long.
            .set("fetch.wait.max.ms", "50")
            // A record that retention has taken must not become another one.
            .set("auto.offset.reset", "error")
            .create_with_context(Context::of(settings))
            .map_err(Error::refused)?;
        let inspector = Inspector::new(settings)?;
        Ok(Self { topic: settings.topic_names().quarantine(), inspector, consumer })
    }

    /// Reads every record that is there now, each partition's in order.
    pub fn read_all(&self, mut each: impl FnMut(Found)) -> Result<(), Trouble> {
        let partitions = self.partitions()?;
        if partitions == 0 {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            drop(assignment.add_partition_offset(&self.topic, partition, Offset::Beginning));
        }
        let mut open = partitions;
        self.read(&assignment, |next| {
            match next {
                Next::Record(message) => each(found(&message)),
                Next::End => open -= 1,
            }
            open == 0
        })
    }

    /// The record at a place, if there is one.
    pub fn read_one(&self, partition: i32, offset: i64) -> Result<Option<Found>, Trouble> {
        if offset < 0 || !(0..self.partitions()?).contains(&partition) {
            return Ok(None);
        }
        let mut assignment = TopicPartitionList::new();
        drop(assignment.add_partition_offset(&self.topic, partition, Offset::Offset(offset)));
        let mut one = None;
        let read = self.read(&assignment, |next| {
            if let Next::Record(message) = next {
                let is_it = message.partition() == partition && message.offset() == offset;
                one = is_it.then(|| found(&message));
            }
            true
        });
        match read {
            // There is no such offset.
            Err(Trouble::UnknownTopic) => Ok(None),
            read => read.map(|()| one),
        }
    }

    fn partitions(&self) -> Result<i32, Trouble> {
        match self.inspector.look(&self.topic, PATIENCE)? {
            State::Ready { partitions } => Ok(partitions),
            State::Troubled(Trouble::UnknownTopic) => Ok(0),
            State::Troubled(trouble) => Err(trouble),
        }
    }

    /// Reads until `is_enough` says so.
    fn read(
        &self,
        assignment: &TopicPartitionList,
        mut is_enough: impl FnMut(Next<'_>) -> bool,
    ) -> Result<(), Trouble> {
        self.consumer.assign(assignment).map_err(|error| Trouble::of(&error))?;
        let mut last_heard = Instant::now();
        let read = loop {
            let next = match self.consumer.poll(POLL) {
                Some(Ok(message)) => Next::Record(message),
                Some(Err(KafkaError::PartitionEOF(_))) => Next::End,
                Some(Err(error)) if !client::is_passing(&error) => break Err(why(&error)),
                Some(Err(_)) | None if last_heard.elapsed() < PATIENCE => continue,
                Some(Err(_)) | None => break Err(Trouble::Timeout),
            };
            last_heard = Instant::now();
            if is_enough(next) {
                break Ok(());
            }
        };
        // Until it is asked again it need not fetch.
        drop(self.consumer.unassign());
        read
    }
}

enum Next<'m> {
    Record(BorrowedMessage<'m>),
    /// The end of a partition.
    End,
}

fn found(message: &BorrowedMessage<'_>) -> Found {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into();
    Found {
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

const POLL: Duration = Duration::from_millis(100);
/// A broker that is there answers within moments.
const PATIENCE: Duration = Duration::from_secs(10);
