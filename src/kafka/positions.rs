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
use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
        Self { key: format!("{instance}/{run}/{topic}"), value: Some(value) }
    }

    /// Takes the position of a run's lane back, so that compaction forgets it.
    pub fn tombstone(instance: &str, run: &str, topic: &str) -> Self {
        Self { key: format!("{instance}/{run}/{topic}"), value: None }
    }
}

/// What the topic holds of an instance.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The positions.
    pub positions: Positions,
    /// When each was written, milliseconds since the epoch by Kafka.
    written: BTreeMap<(String, String), i64>,
}

impl Held {
    /// Takes the positions back of runs that wrote none for 30 days, a bounded number at once, so that
    /// the topic does not grow for ever. `alive` are runs that may still have something to send.
    pub fn tombstones(&self, instance: &str, alive: &[&str], now: Timestamp) -> Vec<Position> {
        let since = now.as_millisecond().saturating_sub(KEPT.as_millis() as i64);
        let young = self.written.iter().filter(|(_, written)| **written >= since);
        let young: BTreeSet<&str> = young.map(|((run, _), _)| run.as_str()).collect();
        let is_over = |run: &str| !alive.contains(&run) && !young.contains(run);
        let places = self.positions.keys().filter(|(run, _)| is_over(run)).take(MAX_TOMBSTONES);
        places.map(|(run, topic)| Position::tombstone(instance, run, topic)).collect()
    }
}

/// Reads all positions of an instance, as committed, up to the end of the topic.
///
/// Unreadable is an error, never an empty answer: taking it for zero would publish everything twice.
pub fn read(settings: &Settings, instance: &str, patience: Duration) -> Result<Held, Trouble> {
    let deadline = Instant::now() + patience;
    let topic = settings.topic_names().positions();
    let end = high_watermark(settings, &topic, patience)?;
    let consumer: BaseConsumer<Context> = reader(settings, "read_committed")?;
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(&topic, 0, Offset::Beginning)
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|error| Trouble::of(&error))?;
    let mut held = Held::default();
    let prefix = format!("{instance}/");
    loop {
        if client::position(&consumer, &topic, 0) >= end {
            return Ok(held);
        }
        if Instant::now() >= deadline {
            return Err(Trouble::Timeout);
        }
        match consumer.poll(POLL) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) if client::is_passing(&error) => {}
            Some(Err(error)) => return Err(Trouble::of(&error)),
            Some(Ok(message)) => {
                let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
                let place = key
                    .and_then(|key| key.strip_prefix(&prefix))
                    .and_then(|rest| rest.split_once('/'))
                    .map(|(run, topic)| (run.to_owned(), topic.to_owned()));
                let Some(place) = place else { continue };
                match message.payload().map(serde_json::from_slice::<Value>) {
                    Some(Ok(value)) => {
                        // Without a time it is taken for new.
                        let written = message.timestamp().to_millis().unwrap_or(i64::MAX);
                        held.written.insert(place.clone(), written);
                        held.positions.insert(place, value.sequence);
                    }
                    Some(Err(_)) => return Err(Trouble::Invalid),
                    None => {
                        held.positions.remove(&place);
                        held.written.remove(&place);
                    }
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
        .create_with_context(Context::of(settings))
        .map_err(|error| Trouble::of(&error))
}

const POLL: Duration = Duration::from_millis(100);
/// A copy of the spool that is older than this does not know any more what was published of it.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// They go with a batch, which should stay small; the rest goes after the next start.
const MAX_TOMBSTONES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_are_over_and_wrote_nothing_for_thirty_days_are_taken_back() {
        let now: Timestamp = "2026-11-25T20:00:00Z".parse().unwrap();
        let days_ago = |days: i64| now.as_millisecond() - days * 24 * 3600 * 1000;
        let mut held = Held::default();
        for (run, topic, days) in [
            ("old", "a", 90),
            ("old", "b", 31),
            ("young", "a", 90),
            ("young", "b", 29),
            ("alive", "a", 90),
        ] {
            let place = (run.to_owned(), topic.to_owned());
            held.written.insert(place.clone(), days_ago(days));
            held.positions.insert(place, 7);
        }

        let taken_back = held.tombstones("us", &["alive"], now);

        let keys: Vec<_> = taken_back.iter().map(|position| position.key.as_str()).collect();
        assert_eq!(keys, ["us/old/a", "us/old/b"]);
        assert!(taken_back.iter().all(|position| position.value.is_none()));
    }
}
