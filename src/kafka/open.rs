//! What lies open in a partition: written in transactions of which the log holds no end.

use crate::kafka::client::{self, Context};
use crate::kafka::outcome::Trouble;
use crate::kafka::positions;
use crate::kafka::settings::Settings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// The values of the records from the last stable offset to the end, in order. Of anyone's
/// transactions, also of those that are under way.
pub fn values(
    settings: &Settings,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> Result<Vec<Vec<u8>>, Trouble> {
    let deadline = Instant::now() + patience;
    let end_as = |isolation| -> Result<(BaseConsumer<Context>, i64), Trouble> {
        let consumer = positions::reader(settings, isolation)?;
        let end = consumer.fetch_watermarks(topic, partition, patience);
        let (_, end) = end.map_err(|error| Trouble::of(&error))?;
        Ok((consumer, end))
    };
    let (_, stable) = end_as("read_committed")?;
    let (consumer, end) = end_as("read_uncommitted")?;
    let mut values = Vec::new();
    if stable >= end {
        return Ok(values);
    }
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, partition, Offset::Offset(stable))
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|error| Trouble::of(&error))?;
    while client::position(&consumer, topic, partition) < end {
        if Instant::now() >= deadline {
            return Err(Trouble::Timeout);
        }
        match consumer.poll(POLL) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) if client::is_passing(&error) => {}
            Some(Err(error)) => return Err(Trouble::of(&error)),
            Some(Ok(record)) => values.push(record.payload().unwrap_or_default().to_vec()),
        }
    }
    Ok(values)
}

const POLL: Duration = Duration::from_millis(100);
