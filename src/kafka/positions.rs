//! The position of each lane of each run: how far it is committed, kept in Kafka with the records.
//!
//! Topic `{prefix}relay.positions`, compacted, one partition; key `{instance}/{run}/{topic}`, value
//! `{"sequence":N}`. A position is written in the transaction of the records that it covers, so it
//! says exactly which records count. It may be read only after the producer has begun: before that,
//! the committed position of a transaction in doubt can be invisible.

use crate::kafka::outcome::Trouble;
use crate::kafka::partition_reader::Stretch;
use crate::kafka::publisher::Position;
use crate::kafka::readers::{OpenRecord, Readers};
use crate::kafka::settings::Settings;
use jiff::Timestamp;
use rdkafka::Offset;
use rdkafka::message::Message;
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

    /// A tombstone for the position of a run's lane, so that compaction removes it.
    pub fn tombstone(instance: &str, run: &str, topic: &str) -> Self {
        Self { key: format!("{instance}/{run}/{topic}"), value: None }
    }
}

/// The positions of one instance.
#[derive(Clone, Debug, Default)]
pub struct HeldPositions {
    /// The positions.
    pub positions: Positions,
    /// The time at which each was written, in milliseconds since the epoch, by Kafka.
    written: BTreeMap<(String, String), i64>,
}

impl HeldPositions {
    /// Takes in one record of the topic; a later one of the same run and lane replaces it.
    fn take(
        &mut self,
        place: (String, String),
        value: Option<&[u8]>,
        written: i64,
    ) -> Result<(), Trouble> {
        match value.map(serde_json::from_slice::<Value>) {
            Some(Ok(value)) => {
                self.written.insert(place.clone(), written);
                self.positions.insert(place, value.sequence);
            }
            Some(Err(_)) => return Err(Trouble::Invalid),
            None => {
                self.positions.remove(&place);
                self.written.remove(&place);
            }
        }
        Ok(())
    }

    /// Returns tombstones for runs that wrote no position for 30 days, a bounded number at once, so
    /// that the topic does not grow for ever. `alive` are runs that may still have something to
    /// send.
    pub fn tombstones(&self, instance: &str, alive: &[&str], now: Timestamp) -> Vec<Position> {
        let since = now.as_millisecond().saturating_sub(KEPT.as_millis() as i64);
        let young = self.written.iter().filter(|(_, written)| **written >= since);
        let young: BTreeSet<&str> = young.map(|((run, _), _)| run.as_str()).collect();
        let is_over = |run: &str| !alive.contains(&run) && !young.contains(run);
        let places = self.positions.keys().filter(|(run, _)| is_over(run)).take(MAX_TOMBSTONES);
        places.map(|(run, topic)| Position::tombstone(instance, run, topic)).collect()
    }
}

/// A position whose transaction has no end in the topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenPosition {
    /// Its run.
    pub run: String,
    /// Its topic.
    pub topic: String,
    /// Its sequence.
    pub sequence: u64,
}

/// The positions of an instance that lie open in the topic, if a record of this instance is the first
/// that lies open. Once the producer of the instance has begun, they get no end by themselves.
pub fn open(
    settings: &Settings,
    instance: &str,
    readers: &Readers,
    patience: Duration,
) -> Result<Option<Vec<OpenPosition>>, Trouble> {
    let records = readers.open_records(&settings.topic_names().positions(), 0, patience)?;
    let prefix = format!("{instance}/");
    let is_ours = |record: &OpenRecord| record.key.starts_with(prefix.as_bytes());
    if !records.first().is_some_and(is_ours) {
        return Ok(None);
    }
    let ours = records.iter().filter_map(|record| {
        let (run, topic) = place(&record.key, &prefix)?;
        let Value { sequence } = serde_json::from_slice(&record.value).ok()?;
        Some(OpenPosition { run: run.to_owned(), topic: topic.to_owned(), sequence })
    });
    Ok(Some(ours.collect()))
}

/// The run and the topic that a position of an instance belongs to.
fn place<'k>(key: &'k [u8], prefix: &str) -> Option<(&'k str, &'k str)> {
    std::str::from_utf8(key).ok()?.strip_prefix(prefix)?.split_once('/')
}

/// Reads all committed positions of an instance, up to the end of the topic.
///
/// A position that cannot be read is an error, never an empty answer: taking it for zero would
/// publish everything twice.
pub fn read(
    settings: &Settings,
    instance: &str,
    readers: &Readers,
    patience: Duration,
) -> Result<HeldPositions, Trouble> {
    let deadline = Instant::now() + patience;
    let topic = settings.topic_names().positions();
    // The true end. A reader of committed records gets the last stable offset, and another relay's
    // open transaction can hold that before our own committed positions.
    let end = readers.everything.end(&topic, 0, patience)?;
    let stretch = Stretch { topic: &topic, partition: 0, from: Offset::Beginning, end };
    let prefix = format!("{instance}/");
    let mut held = HeldPositions::default();
    readers.committed.read(stretch, deadline, |record| {
        let place = record.key().and_then(|key| place(key, &prefix));
        let Some((run, topic)) = place else { return Ok(()) };
        // A record without a time counts as new.
        let written = record.timestamp().to_millis().unwrap_or(i64::MAX);
        held.take((run.to_owned(), topic.to_owned()), record.payload(), written)
    })?;
    readers.committed.rest();
    Ok(held)
}

/// A copy of the spool that is older than this no longer knows which of its records were published.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Tombstones go with a batch, which should stay small; the others follow after the next start.
const MAX_TOMBSTONES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_that_are_over_and_wrote_nothing_for_thirty_days_are_taken_back() {
        let now: Timestamp = "2026-11-25T20:00:00Z".parse().unwrap();
        let days_ago = |days: i64| now.as_millisecond() - days * 24 * 3600 * 1000;
        let mut held = HeldPositions::default();
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
