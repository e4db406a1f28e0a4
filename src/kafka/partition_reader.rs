//! Reads partitions without a consumer group, each from an offset that the caller chooses.
//!
//! # Promises
//! - A transient error is waited out, as silence is; any other is returned at once.
//! - If Kafka does not answer in time, the result is [`Trouble::Timeout`], never an end.

use crate::kafka::client::{self, Context, Error};
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// A consumer without a group.
pub struct PartitionReader {
    consumer: BaseConsumer<Context>,
}

/// The records that a reader returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Isolation {
    /// Records of committed transactions.
    Committed,
    /// All records, including those of open and aborted transactions.
    Everything,
}

/// The next thing that a reader finds.
pub enum Next<'r> {
    /// A record.
    Record(BorrowedMessage<'r>),
    /// The end of a partition, for now.
    End,
    /// Nothing within the poll interval.
    Nothing,
}

/// A part of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The offset to begin with.
    pub from: Offset,
    /// The offset behind the last record.
    pub end: i64,
}

impl PartitionReader {
    /// Makes the client. Does not connect yet.
    pub fn open(settings: &Settings, isolation: Isolation) -> Result<Self, Error> {
        let mut config = client::reader(settings)?;
        let level = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Everything => "read_uncommitted",
        };
        Self::of(settings, config.set("isolation.level", level))
    }

    /// Makes a client with these properties. Does not connect yet.
    pub fn of(settings: &Settings, config: &ClientConfig) -> Result<Self, Error> {
        let mut config = config.clone();
        config.set("enable.partition.eof", "true");
        let consumer =
            config.create_with_context(Context::of(settings)).map_err(Error::refused(settings))?;
        Ok(Self { consumer })
    }

    /// Reads these partitions from now on, and no others.
    pub fn assign(
        &self,
        topic: &str,
        partitions: impl IntoIterator<Item = (i32, Offset)>,
    ) -> Result<(), KafkaError> {
        let mut assignment = TopicPartitionList::new();
        for (partition, offset) in partitions {
            assignment.add_partition_offset(topic, partition, offset)?;
        }
        self.consumer.assign(&assignment)
    }

    /// Stops reading until the next assignment.
    pub fn rest(&self) {
        drop(self.consumer.unassign());
    }

    /// Waits a moment for the next record. Transient errors are not returned.
    pub fn next(&self) -> Result<Next<'_>, KafkaError> {
        match self.consumer.poll(POLL) {
            None => Ok(Next::Nothing),
            Some(Ok(record)) => Ok(Next::Record(record)),
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(Next::End),
            Some(Err(error)) if is_passing(&error) => Ok(Next::Nothing),
            Some(Err(error)) => Err(error),
        }
    }

    /// The end of a partition: the offset after its last record, or after the last record that is
    /// committed or aborted, depending on the isolation.
    pub fn end(&self, topic: &str, partition: i32, patience: Duration) -> Result<i64, Trouble> {
        let marks = self.consumer.fetch_watermarks(topic, partition, patience);
        marks.map(|(_, end)| end).map_err(|error| Trouble::of(&error))
    }

    /// The same of several partitions, in their order, asked of their leaders at once.
    pub fn ends<'p>(
        &self,
        partitions: impl IntoIterator<Item = (&'p str, i32)>,
        patience: Duration,
    ) -> Result<Vec<i64>, Trouble> {
        let trouble = |error: KafkaError| Trouble::of(&error);
        let mut asked = TopicPartitionList::new();
        for (topic, partition) in partitions {
            // The end stands for a time in this request.
            asked.add_partition_offset(topic, partition, Offset::End).map_err(trouble)?;
        }
        let answered = self.consumer.offsets_for_times(asked, patience).map_err(trouble)?;
        let end = |row: &TopicPartitionListElem<'_>| match (row.error(), row.offset()) {
            (Ok(()), Offset::Offset(end)) => Ok(end),
            (Ok(()), _) => Err(Trouble::Timeout),
            (Err(error), _) => Err(trouble(error)),
        };
        answered.elements().iter().map(end).collect()
    }

    /// Reads a stretch to its end.
    pub fn read(
        &self,
        stretch: Stretch<'_>,
        deadline: Instant,
        mut each: impl FnMut(&BorrowedMessage<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let Stretch { topic, partition, from, end } = stretch;
        self.assign(topic, [(partition, from)]).map_err(|error| Trouble::of(&error))?;
        while self.position(topic, partition) < end {
            if Instant::now() >= deadline {
                return Err(Trouble::Timeout);
            }
            match self.next().map_err(|error| Trouble::of(&error))? {
                Next::Record(record) => each(&record)?,
                Next::End | Next::Nothing => {}
            }
        }
        Ok(())
    }

    /// The offset of the next record. Aborted records and transaction markers are skipped.
    fn position(&self, topic: &str, partition: i32) -> i64 {
        let positions = self.consumer.position().ok();
        let row = positions.and_then(|list| Some(list.find_partition(topic, partition)?.offset()));
        match row {
            Some(Offset::Offset(offset)) => offset,
            _ => 0,
        }
    }
}

/// True for an error that does not keep the client from reading: it goes on looking for brokers that
/// are away. It also looks for the coordinator of its group, without which it makes no consumer; nobody
/// uses that group, so no right to it is needed.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::GroupAuthorizationFailed
        )
    )
}

impl std::fmt::Debug for PartitionReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionReader").finish_non_exhaustive()
    }
}

const POLL: Duration = Duration::from_millis(100);
