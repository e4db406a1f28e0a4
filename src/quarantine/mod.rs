//! The quarantine topic as people look at it: its records, searched and listed.
//!
//! # Promises
//! - If not all records are listed, the newest are, the oldest of them first.
//! - Lists the size of a body, never its bytes.
//!
//! Works from Kafka alone, whether or not a relay runs.

pub mod shared_reader;

use crate::event::time;
use crate::ingest::replay::Place;
use crate::kafka::outcome::Trouble;
use crate::kafka::quarantine::{QuarantinedRecord, Reader};
use crate::record::quarantine::read::Quarantined;
use serde::{Deserialize, Serialize};

/// The records that are asked for. An absent field matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Wanted {
    /// The reason for quarantine.
    pub reason: Option<String>,
    /// The source that the body was posted to.
    pub source: Option<String>,
    /// The hash of the body, or the event's id.
    pub id: Option<String>,
}

/// One record of the quarantine topic.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The hash of the body, or the event's own id if Kafka refused its record.
    pub id: String,
    /// The source that it was posted to.
    pub source: String,
    /// The source's provider.
    pub provider: String,
    /// The reason for quarantine.
    pub reason: String,
    /// The time at which it was received.
    pub received_at: String,
    /// Its partition of the quarantine topic.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// The size of the body in bytes.
    pub bytes: usize,
    /// The proofs that held.
    pub verified: String,
    /// The event, if Kafka refused its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The event's group, if Kafka refused its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The topic that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
}

/// A body with its place.
#[derive(Clone, Debug)]
pub struct Lying {
    /// Its place in the topic.
    pub place: Place,
    /// The body and the facts kept with it.
    pub quarantined: Quarantined,
}

/// A listing of the quarantine topic.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The newest matching records, the oldest of them first.
    pub records: Vec<Row>,
    /// The number of older matching records.
    pub left_out: usize,
    /// The number of records in the topic that no relay wrote.
    pub unreadable: usize,
}

impl Wanted {
    /// True if the record matches.
    pub fn has(&self, quarantined: &Quarantined) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
        is(&self.reason, &quarantined.reason)
            && is(&self.source, &quarantined.source)
            && is(&self.id, quarantined.id.as_str())
    }
}

impl Lying {
    /// Reads a record of the topic. `None` if no relay wrote it.
    pub fn read(found: &QuarantinedRecord) -> Option<Self> {
        let QuarantinedRecord { partition, offset, timestamp, .. } = *found;
        let quarantined = Quarantined::read(&found.headers, &found.value).ok()?;
        Some(Self { place: Place { partition, offset, timestamp }, quarantined })
    }

    /// Its row in a listing.
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

/// Lists the matching records, at most `limit`.
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

/// Returns all matching bodies, the oldest first.
pub fn find(reader: &Reader, wanted: &Wanted) -> Result<Vec<Lying>, Trouble> {
    let mut all = Vec::new();
    reader.read_all(|found| {
        all.extend(Lying::read(&found).filter(|lying| wanted.has(&lying.quarantined)));
    })?;
    all.sort_unstable_by_key(|lying| order(lying.place));
    Ok(all)
}

/// Collects the newest rows of a topic that may have many more.
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
