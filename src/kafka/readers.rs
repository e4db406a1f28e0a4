//! Readers of the same partitions: one of committed records, one of all, and one that only asks where the
//! committed ones end. Together they find open transactions: records whose transaction has no end in the
//! log.

use crate::kafka::client;
use crate::kafka::outcome::Trouble;
use crate::kafka::partition_reader::{Isolation, PartitionReader, Stretch};
use crate::kafka::settings::Settings;
use rdkafka::Offset;
use rdkafka::message::Message;
use std::time::{Duration, Instant};

/// The two readers, and one that is only asked.
#[derive(Debug)]
pub struct Readers {
    /// The reader of committed records.
    pub committed: PartitionReader,
    /// The reader of all records.
    pub everything: PartitionReader,
    /// Asked for the ends of committed transactions, and never reads. A broker answers the requests of a
    /// connection in turn, and one for records waits half a second for the next of them.
    pub asked: PartitionReader,
}

/// A record without an end of its transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenRecord {
    /// Its key; empty if it has none.
    pub key: Vec<u8>,
    /// Its value; empty if it has none.
    pub value: Vec<u8>,
}

/// Open records by partition.
pub type OpenRecords = Vec<(i32, Vec<OpenRecord>)>;

impl Readers {
    /// Makes the clients. Does not connect yet.
    pub fn open(settings: &Settings) -> Result<Self, client::Error> {
        Ok(Self {
            committed: PartitionReader::open(settings, Isolation::Committed)?,
            everything: PartitionReader::open(settings, Isolation::Everything)?,
            asked: PartitionReader::open(settings, Isolation::Committed)?,
        })
    }

    /// The records of a partition from the last stable offset to the end, in order. They may belong
    /// to anyone's transactions, including those still in progress.
    pub fn open_records(
        &self,
        topic: &str,
        partition: i32,
        patience: Duration,
    ) -> Result<Vec<OpenRecord>, Trouble> {
        let deadline = Instant::now() + patience;
        let stable = self.asked.end(topic, partition, patience)?;
        let end = self.everything.end(topic, partition, patience)?;
        let mut records = Vec::new();
        if stable < end {
            let stretch = Stretch { topic, partition, from: Offset::Offset(stable), end };
            self.everything.read(stretch, deadline, |record| {
                let key = record.key().unwrap_or_default().to_vec();
                let value = record.payload().unwrap_or_default().to_vec();
                records.push(OpenRecord { key, value });
                Ok(())
            })?;
            self.everything.rest();
        }
        Ok(records)
    }

    /// The same of all partitions of a topic. Those without open records are left out.
    pub fn open_records_in(
        &self,
        topic: &str,
        partitions: i32,
        patience: Duration,
    ) -> Result<OpenRecords, Trouble> {
        let mut open = OpenRecords::new();
        for partition in 0..partitions {
            let records = self.open_records(topic, partition, patience)?;
            if !records.is_empty() {
                open.push((partition, records));
            }
        }
        Ok(open)
    }
}
