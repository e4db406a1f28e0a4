//! Reads open transactions: records in a partition whose transaction has no end in the log.

use crate::kafka::outcome::Trouble;
use crate::kafka::partition_reader::{Isolation, PartitionReader, Stretch};
use crate::kafka::settings::Settings;
use rdkafka::Offset;
use rdkafka::message::Message;
use std::time::{Duration, Instant};

/// The values of the records from the last stable offset to the end, in order. They may belong to
/// anyone's transactions, including those still in progress.
pub fn values(
    settings: &Settings,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> Result<Vec<Vec<u8>>, Trouble> {
    let deadline = Instant::now() + patience;
    let committed = PartitionReader::open(settings, Isolation::Committed)?;
    let stable = committed.end(topic, partition, patience)?;
    let reader = PartitionReader::open(settings, Isolation::Everything)?;
    let end = reader.end(topic, partition, patience)?;
    let mut values = Vec::new();
    if stable < end {
        let stretch = Stretch { topic, partition, from: Offset::Offset(stable), end };
        reader.read(stretch, deadline, |record| {
            values.push(record.payload().unwrap_or_default().to_vec());
            Ok(())
        })?;
    }
    Ok(values)
}
