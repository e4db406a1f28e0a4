//! Inspects what a spool holds, without changing it: for operators, beside a running relay or on
//! the directory of a stopped one.
//!
//! # Limits
//! A look is not one moment: records may come and leave while it is taken. [`Stat`]'s lanes are.
//!
//! Knows nothing of HTTP, or of how a look is shown.

pub mod offline;
pub mod verify;

use crate::lock::lock;
use crate::record::layout::Parts;
use crate::spool::inspect::offline::Offline;
use crate::spool::inspect::verify::Verdict;
use crate::spool::lanes::LaneBook;
use crate::spool::lanes::chunk::{Chunk, Stored};
use crate::spool::notes::{Elsewhere, Place};
use crate::spool::window::{Entry, IdKey};
use crate::spool::{Inner, LaneId, ReadError, Run, Spool};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A look at a spool.
#[derive(Debug)]
pub enum Look<'s> {
    /// At one whose relay runs.
    #[doc(hidden)]
    Running(Running<'s>),
    /// At the files of one that does not.
    #[doc(hidden)]
    Stopped(&'s Offline),
}

/// A spool that runs.
#[derive(Debug)]
pub struct Running<'s>(&'s Inner);

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
pub struct PendingRecord {
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
        Look::Running(Running(&self.inner))
    }
}

impl Look<'_> {
    /// What the spool is and what waits in it.
    pub fn stat(&self) -> Result<Stat, ReadError> {
        let books = self.books();
        let mut lanes = Vec::with_capacity(books.len());
        for (book, number) in books.into_iter().zip((0_u16..).map(LaneId)) {
            let oldest = match book.pending {
                0 => None,
                _ => self.chunk_after(number, book.released)?,
            };
            lanes.push(LaneStat {
                topic: book.topic.to_string(),
                pending: book.pending,
                bytes: book.pending_bytes,
                oldest: oldest.and_then(|chunk| moment(chunk.committed_at())),
                released: book.released,
            });
        }
        let (instance, runs) = self.identity();
        let runs: Vec<_> =
            runs.into_iter().map(|Run { name, first }| RunStat { name, first }).collect();
        Ok(Stat {
            instance,
            run: runs.last().map(|run| run.name.clone()).unwrap_or_default(),
            last_sequence: self.last_sequence(),
            pending: lanes.iter().map(|lane| lane.pending).sum(),
            pending_bytes: lanes.iter().map(|lane| lane.bytes).sum(),
            ids: self.ids()?,
            disk_bytes: self.disk_bytes()?,
            lanes,
            runs,
        })
    }

    /// The first records that wait, oldest first; of one topic, if one is given.
    pub fn pending(
        &self,
        topic: Option<&str>,
        limit: usize,
    ) -> Result<Vec<PendingRecord>, ReadError> {
        let mut pending = Vec::new();
        for (book, lane) in self.books().into_iter().zip((0_u16..).map(LaneId)) {
            if topic.is_some_and(|topic| topic != &*book.topic) {
                continue;
            }
            let mut after = book.released;
            let mut room = limit;
            while room > 0
                && let Some(chunk) = self.chunk_after(lane, after)?
            {
                let records = chunk.records().filter(|record| record.sequence > after).take(room);
                let read: Vec<_> = records.map(|record| read_record(&book.topic, record)).collect();
                room -= read.len();
                pending.extend(read);
                after = chunk.last;
            }
        }
        pending.sort_unstable_by_key(|record| record.sequence);
        pending.truncate(limit);
        Ok(pending)
    }

    /// What became of the events with this id, at the sources that had one. `quarantine` is the topic
    /// of what was not understood or not taken.
    pub fn lives<'n>(
        &self,
        sources: impl IntoIterator<Item = &'n str>,
        id: &str,
        quarantine: &str,
    ) -> Result<Vec<Life>, ReadError> {
        let mut lives = Vec::new();
        for source in sources {
            let Some(entry) = self.entry(&IdKey::of_id(source, id))? else { continue };
            let books = self.books();
            let book = books.get(entry.lane.index());
            let topic = book.map(|book| book.topic.to_string()).unwrap_or_default();
            let place = self.place(entry.lane, entry.sequence)?;
            let is_out = book.is_some_and(|book| entry.sequence <= book.released);
            let state = match (is_out, topic == quarantine) {
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
            lives.push(match self.elsewhere(entry.lane, entry.sequence)? {
                Some(went) => life.elsewhere(went, quarantine),
                None => life,
            });
        }
        Ok(lives)
    }

    /// Whether everything in the spool is as it was written.
    pub fn verify(&self) -> Verdict {
        match self {
            Self::Running(Running(inner)) => {
                // The mark before the log: what was acknowledged by now is in any later look.
                let acknowledged = inner.log.acknowledged().sequence;
                let mut verdict = Verdict { acknowledged, ..Verdict::default() };
                let gone = lock(&inner.leaving).gone.clone();
                verdict.read_log(&inner.log, &gone);
                verdict.read_window(&*inner.old_ids, lock(&inner.front).recent.count() as u64);
                verdict.conclude(&self.books(), inner.last_sequence.load(Ordering::Relaxed));
                verdict
            }
            Self::Stopped(offline) => offline.verify(),
        }
    }

    fn identity(&self) -> (String, Vec<Run>) {
        match self {
            Self::Running(Running(inner)) => {
                (inner.identity.instance.clone(), inner.identity.runs.clone())
            }
            Self::Stopped(offline) => (offline.state.instance.clone(), offline.state.runs.clone()),
        }
    }

    fn books(&self) -> Vec<LaneBook> {
        match self {
            Self::Running(Running(inner)) => lock(&inner.lanes).books().lanes,
            Self::Stopped(offline) => offline.lanes.books().lanes,
        }
    }

    fn chunk_after(&self, lane: LaneId, sequence: u64) -> Result<Option<Arc<Chunk>>, ReadError> {
        match self {
            Self::Running(Running(inner)) => inner.look_at_chunk(lane, sequence),
            Self::Stopped(offline) => offline.chunk_after(lane, sequence),
        }
    }

    fn last_sequence(&self) -> u64 {
        match self {
            Self::Running(Running(inner)) => inner.last_sequence.load(Ordering::Relaxed),
            Self::Stopped(offline) => offline.last_sequence,
        }
    }

    fn ids(&self) -> Result<u64, ReadError> {
        match self {
            Self::Running(Running(inner)) => {
                Ok(inner.old_ids.count() + lock(&inner.front).recent.count() as u64)
            }
            Self::Stopped(offline) => {
                Ok(offline.old_ids()?.count() + offline.recent.count() as u64)
            }
        }
    }

    fn disk_bytes(&self) -> Result<u64, ReadError> {
        match self {
            Self::Running(Running(inner)) => Ok(inner.disk_bytes()),
            Self::Stopped(offline) => {
                Ok(offline.log.disk_bytes() + offline.old_ids()?.disk_bytes())
            }
        }
    }

    fn entry(&self, id: &IdKey) -> Result<Option<Entry>, ReadError> {
        match self {
            Self::Running(Running(inner)) => {
                // Memory may keep it for longer, where little comes.
                let latest = inner.latest.load(Ordering::Relaxed);
                let entry = inner.entry(id);
                Ok(entry.filter(|entry| inner.slicing.remembers(entry, latest)))
            }
            Self::Stopped(offline) => match offline.recent.get(id) {
                Some(known) => Ok(Some(known.entry)),
                None => Ok(offline.old_ids()?.find(id)?),
            },
        }
    }

    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Place>, ReadError> {
        match self {
            Self::Running(Running(inner)) => inner.place(lane, sequence),
            Self::Stopped(offline) => {
                match offline.notes.iter().find_map(|note| note.place(lane, sequence)) {
                    Some(place) => Ok(Some(place)),
                    None => Ok(offline.old_ids()?.place(lane, sequence)?),
                }
            }
        }
    }

    fn elsewhere(&self, lane: LaneId, sequence: u64) -> Result<Option<Elsewhere>, ReadError> {
        match self {
            Self::Running(Running(inner)) => inner.elsewhere(lane, sequence),
            Self::Stopped(offline) => {
                match offline.notes.iter().find_map(|note| note.elsewhere(lane, sequence)) {
                    Some(went) => Ok(Some(went.clone())),
                    None => Ok(offline.old_ids()?.elsewhere(lane, sequence)?),
                }
            }
        }
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

fn read_record(topic: &str, record: Stored<'_>) -> PendingRecord {
    let parts = Parts::read(record.bytes).ok();
    let key = parts.map(|parts| String::from_utf8_lossy(parts.key).into_owned());
    PendingRecord {
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
