//! How far each lane of each run is committed, kept in Kafka with the records themselves.
//!
//! Topic `{prefix}relay.positions`, compacted, one partition; key `{instance}/{run}/{topic}`, value
//! `{"sequence":N}`. Because a position is written in the transaction of the records it covers, it
//! says exactly what counts. It may be read only after the producer has begun: before that, a
//! committed position of a transaction in doubt can be invisible.

use crate::kafka::client::{self, Context};
use crate::kafka::outcome::Trouble;
use crate::kafka::publisher::Position;
use crate::kafka::settings::Settings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The committed sequence by run and topic, of one instance.
pub type Positions = BTreeMap<(String, String), u64>;

#[derive(Deserialize, Serialize)]
struct Value {
    sequence: u64,
}

impl Position {
    /// The position of a run's lane.
    pub fn new(instance: &str, run: &str, topic: &str, sequence: u64) -> Self {
        let value = serde_json::to_string(&Value { sequence }).expect("a number is JSON");
        Self { key: format!("{instance}/{run}/{topic}"), value }
    }
}

/// Reads all positions of an instance, as committed, up to the end of the topic.
///
/// Unreadable is an error, never an empty answer: taking it for zero would publish everything twice.
pub fn read(settings: &Settings, instance: &str, patience: Duration) -> Result<Positions, Trouble> {
    let deadline = Instant::now() + patience;
    let topic = settings.positions_topic();
    let end = high_watermark(settings, &topic, patience)?;
    let consumer: BaseConsumer<Context> = reader(settings, "read_committed")?;
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(&topic, 0, Offset::Beginning)
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|error| Trouble::of(&error))?;
    let mut positions = Positions::new();
    let prefix = format!("{instance}/");
    loop {
        if client::position(&consumer, &topic, 0) >= end {
            return Ok(positions);
        }
        if Instant::now() >= deadline {
            return Err(Trouble::Timeout);
        }
        match consumer.poll(POLL) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => return Err(Trouble::of(&error)),
            Some(Ok(message)) => {
                let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
                let place = key
                    .and_then(|key| key.strip_prefix(&prefix))
                    .and_then(|rest| rest.split_once('/'))
                    .map(|(run, topic)| (run.to_owned(), topic.to_owned()));
                let Some(place) = place else { continue };
                match message.payload().map(serde_json::from_slice::<Value>) {
                    Some(Ok(value)) => drop(positions.insert(place, value.sequence)),
                    Some(Err(_)) => return Err(Trouble::Invalid),
                    None => drop(positions.remove(&place)),
                }
            }
        }
    }
}

/// The true end of the topic. A `read_committed` client would be told the last stable offset, which
/// another relay's open transaction can hold before our own committed positions.
fn high_watermark(settings: &Settings, topic: &str, patience: Duration) -> Result<i64, Trouble> {
    let consumer = reader(settings, "read_uncommitted")?;
    let (_, high) =
        consumer.fetch_watermarks(topic, 0, patience).map_err(|error| Trouble::of(&error))?;
    Ok(high)
}

/// A consumer that is told where a partition ends.
pub(super) fn reader(
    settings: &Settings,
    isolation: &str,
) -> Result<BaseConsumer<Context>, Trouble> {
    let config = client::reader(settings).map_err(|_| Trouble::Fatal)?;
    config
        .clone()
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .create_with_context(Context)
        .map_err(|error| Trouble::of(&error))
}

fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut)
    )
}

const POLL: Duration = Duration::from_millis(100);
