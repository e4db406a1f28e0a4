//! The figures of a spool: its identity and its waiting records.

use crate::spool::inspect::{Look, moment};
use crate::spool::{ReadError, Run};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The identity of a spool, and its waiting records.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stat {
    /// The directory's name.
    pub instance: String,
    /// The name of the last run, or of this one.
    pub run: String,
    /// The last sequence that was given.
    pub last_sequence: u64,
    /// Waiting records.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// The approximate number of remembered ids.
    pub ids: u64,
    /// Bytes that the store takes on the disk.
    pub disk_bytes: u64,
    /// Each lane that has had a record, or may get one from a configured source.
    pub lanes: Vec<LaneStat>,
    /// The runs that may have records here, oldest first.
    pub runs: Vec<RunStat>,
}

/// The waiting records of one lane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LaneStat {
    /// The topic it feeds.
    pub topic: String,
    /// Waiting records.
    pub pending: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The time at which the oldest of them was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// The last sequence that has left the spool.
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

impl Look<'_> {
    /// Returns the identity of the spool and its waiting records.
    pub fn stat(&self) -> Result<Stat, ReadError> {
        let books = self.books();
        let mut lanes = Vec::with_capacity(books.len());
        for book in books.into_iter().filter(|book| book.is_used) {
            let oldest = match book.pending {
                0 => None,
                _ => self.chunk_after(book.number, book.released)?,
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
}
