//! Looks at what a spool holds, without changing it: for operators, beside a running relay or on
//! the directory of a stopped one.
//!
//! # Limits
//! A look is not one moment: records may come and leave while it is taken. [`Stat`]'s lanes are.
//!
//! Knows nothing of HTTP, or of how a look is shown.

use crate::record::layout::Parts;
use crate::spool::lanes::{LaneBook, Lanes};
use crate::spool::store::{self, Elsewhere, Store};
use crate::spool::verdict::{self, Verdict};
use crate::spool::window::IdKey;
use crate::spool::{Spool, lock, opening};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A look at a spool.
#[derive(Debug)]
pub struct Look<'s> {
    pub(super) store: &'s Store,
    /// The last sequence that was acknowledged, by the mark.
    pub(super) acknowledged: u64,
    /// The books of a running spool; those of a stopped one are read.
    pub(super) books: Option<Vec<LaneBook>>,
}

/// What a spool is and what waits in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stat {
    /// The directory's name.
    pub instance: String,
    /// The name of the last run, or of this one.
    pub run: String,
    /// The last sequence given.
    pub last_sequence: u64,
    /// Records that wait.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// Ids remembered, about.
    pub ids: u64,
    /// Bytes that the store has on the disk.
    pub disk_bytes: u64,
    /// Each lane.
    pub lanes: Vec<LaneStat>,
    /// The runs that may have records here, oldest first.
    pub runs: Vec<RunStat>,
}

/// What waits in one lane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LaneStat {
    /// The topic it feeds.
    pub topic: String,
    /// Records that wait.
    pub pending: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest of them was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// The last sequence that is out of the spool.
    pub released: u64,
}

/// One start of the process on the directory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RunStat {
    /// Its name.
    pub name: String,
    /// The sequence of its first record.
    pub first: u64,
}

/// A record that waits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Its place in the instance's history.
    pub sequence: u64,
    /// The topic it is for.
    pub topic: String,
    /// Its Kafka key.
    pub key: String,
    /// Its event's id, `ce_id` to consumers; empty if the record does not say.
    pub id: String,
    /// When it was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// Its size.
    pub bytes: u64,
}

/// What became of an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// The event's id, or that of a quarantined body.
    pub id: String,
    /// The source that it came to.
    pub source: String,
    /// Where its record is.
    pub state: State,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Its place in the instance's history.
    pub sequence: u64,
    /// The topic that its record is for, or of one that Kafka refused that of quarantine.
    pub topic: String,
    /// The partition it was published to, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Its offset there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Why Kafka refused it, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The topic that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the spool.
    Pending,
    /// In Kafka.
    Committed,
    /// In Kafka, in the quarantine topic.
    Quarantined,
}

impl Spool {
    /// A look at this spool.
    pub fn look(&self) -> Look<'_> {
        // The mark before the store: what was acknowledged by now is in any later look at the store.
        let acknowledged = self.inner.mark.sequence();
        let books = Some(lock(&self.inner.lanes).books().lanes);
        Look { store: &self.inner.store, acknowledged, books }
    }
}

impl Look<'_> {
    /// What the spool is and what waits in it.
    pub fn stat(&self) -> Result<Stat, store::Error> {
        let books = match &self.books {
            Some(books) => books.clone(),
            None => read_books(self.store)?,
        };
        let mut lanes = Vec::with_capacity(books.len());
        for (book, number) in books.into_iter().zip(0_u16..) {
            let oldest = match book.pending {
                0 => None,
                _ => self.store.chunk_after(number, book.released)?,
            };
            lanes.push(LaneStat {
                topic: book.topic.to_string(),
                pending: book.pending,
                bytes: book.pending_bytes,
                oldest: oldest.and_then(|chunk| moment(chunk.committed_at())),
                released: book.released,
            });
        }
        let runs = self.store.runs()?.into_iter().map(|(first, name)| RunStat { name, first });
        let runs: Vec<_> = runs.collect();
        Ok(Stat {
            instance: self.store.instance()?.unwrap_or_default(),
            run: runs.last().map(|run| run.name.clone()).unwrap_or_default(),
            last_sequence: self.store.last_sequence()?,
            pending: lanes.iter().map(|lane| lane.pending).sum(),
            pending_bytes: lanes.iter().map(|lane| lane.bytes).sum(),
            ids: self.store.count_ids(),
            disk_bytes: self.store.disk_bytes()?,
            lanes,
            runs,
        })
    }

    /// The first records that wait, oldest first; of one topic, if one is given.
    pub fn waiting(&self, topic: Option<&str>, limit: usize) -> Result<Vec<Waiting>, store::Error> {
        let released = self.store.released()?;
        let mut waiting = Vec::new();
        for (lane, name) in self.store.lanes()? {
            if topic.is_some_and(|topic| topic != name) {
                continue;
            }
            let mut after = released.get(&lane).copied().unwrap_or(0);
            let mut room = limit;
            while room > 0
                && let Some(chunk) = self.store.chunk_after(lane, after)?
            {
                let records = chunk.records().filter(|record| record.sequence > after).take(room);
                let read: Vec<_> = records.map(|record| read_record(&name, record)).collect();
                room -= read.len();
                waiting.extend(read);
                after = chunk.last;
            }
        }
        waiting.sort_unstable_by_key(|record| record.sequence);
        waiting.truncate(limit);
        Ok(waiting)
    }

    /// What became of the events with this id, at the sources that had one. `quarantine` is the topic
    /// of what was not understood or not taken.
    pub fn lives<'n>(
        &self,
        sources: impl IntoIterator<Item = &'n str>,
        id: &str,
        quarantine: &str,
    ) -> Result<Vec<Life>, store::Error> {
        let lanes: BTreeMap<u16, String> = self.store.lanes()?.into_iter().collect();
        let mut lives = Vec::new();
        for source in sources {
            let Some(entry) = self.store.find_id(&IdKey::of_id(source, id))? else { continue };
            let topic = lanes.get(&entry.lane).cloned().unwrap_or_default();
            let place = self.store.place(entry.lane, entry.sequence)?;
            let released = self.store.released()?.get(&entry.lane).copied().unwrap_or(0);
            let state = match (entry.sequence <= released, topic == quarantine) {
                (false, _) => State::Pending,
                (true, false) => State::Committed,
                (true, true) => State::Quarantined,
            };
            let life = Life {
                id: id.to_owned(),
                source: source.to_owned(),
                state,
                accepted_at: moment(entry.accepted_at),
                sequence: entry.sequence,
                topic,
                partition: place.map(|place| place.partition),
                offset: place.map(|place| place.offset),
                reason: None,
                refused_by: None,
            };
            lives.push(match self.store.elsewhere(entry.lane, entry.sequence)? {
                Some(went) => life.elsewhere(went, quarantine),
                None => life,
            });
        }
        Ok(lives)
    }

    /// Whether everything in the spool is as it was written.
    pub fn verify(&self) -> Verdict {
        verdict::of(self.store, self.acknowledged)
    }
}

impl Life {
    /// The life of what its own topic refused.
    fn elsewhere(self, went: Elsewhere, quarantine: &str) -> Self {
        Self {
            state: State::Quarantined,
            topic: quarantine.to_owned(),
            partition: Some(went.place.partition),
            offset: Some(went.place.offset),
            reason: Some(went.reason),
            refused_by: Some(self.topic),
            ..self
        }
    }
}

/// The lanes of a spool that does not run.
fn read_books(store: &Store) -> Result<Vec<LaneBook>, store::Error> {
    let segments = opening::read_segments(store)?;
    let known = opening::know_lanes(store, &[], &segments)?;
    Ok(Lanes::new(known, segments, 0).books().lanes)
}

fn read_record(topic: &str, record: crate::spool::chunk::Stored<'_>) -> Waiting {
    let parts = Parts::read(record.bytes).ok();
    let key = parts.map(|parts| String::from_utf8_lossy(parts.key).into_owned());
    Waiting {
        sequence: record.sequence,
        topic: topic.to_owned(),
        key: key.unwrap_or_default(),
        id: parts.and_then(|parts| id_of(&parts)).unwrap_or_default(),
        committed_at: moment(record.committed_at),
        bytes: record.bytes.len() as u64,
    }
}

/// In the headers, or at the top of the value: in structured mode and in quarantine.
fn id_of(parts: &Parts<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    match parts.headers().find(|(name, _)| *name == "ce_id") {
        Some((_, id)) => Some(String::from_utf8_lossy(id).into_owned()),
        None => serde_json::from_slice::<Named>(parts.value).ok().map(|named| named.id),
    }
}

/// A moment as the store keeps it; one that no clock of ours gave is none.
fn moment(milliseconds: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}
