//! The quarantine as people look at it: what lies there, which of it, and why.
//!
//! # Promises
//! - The newest are listed when not all are, the oldest of them first.
//! - Of a body only its size is told.
//!
//! Works from Kafka alone; whether a relay runs does not matter.

pub mod shared_reader;

use crate::event::time;
use crate::ingest::replay::Place;
use crate::kafka::outcome::Trouble;
use crate::kafka::quarantine::{QuarantinedRecord, Reader};
use crate::record::quarantine::read::Quarantined;
use serde::{Deserialize, Serialize};

/// Which records are asked for. What is not said does not matter.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Wanted {
    /// Why they are in quarantine.
    pub reason: Option<String>,
    /// The source that they came to.
    pub source: Option<String>,
    /// The hash of the body, or the event's id.
    pub id: Option<String>,
}

/// One record of the quarantine topic.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The hash of the body; of an event that Kafka refused, the event's own id.
    pub id: String,
    /// The source that it came to.
    pub source: String,
    /// The source's provider.
    pub provider: String,
    /// Why it is here.
    pub reason: String,
    /// When it was received.
    pub received_at: String,
    /// Where it lies in the quarantine topic.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// The size of the body.
    pub bytes: usize,
    /// What was proven of it.
    pub verified: String,
    /// What Kafka refused: the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What Kafka refused: the event's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The topic that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
}

/// A body with its place.
#[derive(Clone, Debug)]
pub struct Lying {
    /// Where it lies.
    pub place: Place,
    /// What was kept.
    pub quarantined: Quarantined,
}

/// What lies in quarantine.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The newest that were asked for, the oldest of them first.
    pub records: Vec<Row>,
    /// How many older ones there are.
    pub left_out: usize,
    /// Records of the topic that no relay wrote.
    pub unreadable: usize,
}

impl Wanted {
    /// Whether this one is asked for.
    pub fn has(&self, quarantined: &Quarantined) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
        is(&self.reason, &quarantined.reason)
            && is(&self.source, &quarantined.source)
            && is(&self.id, quarantined.id.as_str())
    }
}

impl Lying {
    /// Reads what was found.
    pub fn read(found: &QuarantinedRecord) -> Option<Self> {
        let QuarantinedRecord { partition, offset, timestamp, .. } = *found;
        let quarantined = Quarantined::read(&found.headers, &found.value).ok()?;
        Some(Self { place: Place { partition, offset, timestamp }, quarantined })
    }

    /// As it is listed.
    pub fn row(&self) -> Row {
        let Self { place, quarantined } = self;
        let event = quarantined.event.as_ref();
        Row {
            id: quarantined.id.to_string(),
            source: quarantined.source.clone(),
            provider: quarantined.provider.clone(),
            reason: quarantined.reason.clone(),
            received_at: time::to_text(quarantined.received_at),
            partition: place.partition,
            offset: place.offset,
            bytes: quarantined.raw.len(),
            verified: quarantined.verified.text().into_owned(),
            event: event.map(|event| event.name.clone()),
            group: event.map(|event| event.group.clone()),
            refused_by: quarantined.refused_by.clone(),
        }
    }
}

/// Lists what is asked for, at most `limit` records.
pub fn list(reader: &Reader, wanted: &Wanted, limit: usize) -> Result<Listing, Trouble> {
    let mut listing = Listing::default();
    let mut newest = Newest { limit, rows: Vec::new(), dropped: 0 };
    reader.read_all(|found| match Lying::read(&found) {
        None => listing.unreadable += 1,
        Some(lying) if wanted.has(&lying.quarantined) => newest.add(lying.place, lying.row()),
        Some(_) => {}
    })?;
    newest.trim();
    Ok(Listing {
        left_out: newest.dropped,
        records: newest.rows.into_iter().map(|(_, row)| row).collect(),
        ..listing
    })
}

/// All bodies that are asked for, the oldest first.
pub fn find(reader: &Reader, wanted: &Wanted) -> Result<Vec<Lying>, Trouble> {
    let mut all = Vec::new();
    reader.read_all(|found| {
        all.extend(Lying::read(&found).filter(|lying| wanted.has(&lying.quarantined)));
    })?;
    all.sort_unstable_by_key(|lying| order(lying.place));
    Ok(all)
}

/// The newest rows, of a topic that may have many more.
struct Newest {
    limit: usize,
    rows: Vec<(Place, Row)>,
    dropped: usize,
}

impl Newest {
    fn add(&mut self, place: Place, row: Row) {
        self.rows.push((place, row));
        if self.rows.len() >= self.limit.saturating_mul(2).saturating_add(1_000) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.rows.sort_unstable_by_key(|(place, _)| order(*place));
        let too_many = self.rows.len().saturating_sub(self.limit);
        self.rows.drain(..too_many);
        self.dropped += too_many;
    }
}

fn order(place: Place) -> (i64, i32, i64) {
    (place.timestamp, place.partition, place.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: usize) -> Row {
        Row {
            id: id.to_string(),
            source: String::new(),
            provider: String::new(),
            reason: String::new(),
            received_at: String::new(),
            partition: 0,
            offset: 0,
            bytes: 0,
            verified: String::new(),
            event: None,
            group: None,
            refused_by: None,
        }
    }

    #[test]
    fn of_more_than_are_asked_for_the_newest_are_kept_in_order() {
        let mut newest = Newest { limit: 3, rows: Vec::new(), dropped: 0 };

        // Two partitions, one after the other, each with records of the same time.
        for (partition, timestamp) in
            [0, 1].into_iter().flat_map(|partition| (0..2_000).map(move |at| (partition, at)))
        {
            newest.add(Place { partition, offset: timestamp, timestamp }, row(timestamp as usize));
        }
        newest.trim();

        let kept: Vec<_> =
            newest.rows.iter().map(|(place, _)| (place.timestamp, place.partition)).collect();
        assert_eq!(kept, [(1_998, 1), (1_999, 0), (1_999, 1)]);
        assert_eq!(newest.dropped, 3_997);
    }
}
