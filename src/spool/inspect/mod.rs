//! Inspects the content of a spool without changing it: for operators, beside a running relay or on
//! the directory of a stopped one.
//!
//! # Limits
//! An inspection does not show one moment: records may come and leave meanwhile. Only the lanes of
//! [`Stat`] are of one moment.
//!
//! Knows nothing of HTTP, or of the presentation of its results.

mod life;
pub mod offline;
mod pending;
mod stat;
pub mod verify;

use crate::lock::lock;
use crate::spool::inspect::offline::Offline;
use crate::spool::inspect::verify::Verification;
use crate::spool::lanes::LaneBook;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::notes::{Elsewhere, Published};
use crate::spool::window::{IdEntry, IdKey};
use crate::spool::{Inner, LaneId, ReadError, Run, Spool};
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use crate::spool::inspect::life::{Life, RecordState};
pub use crate::spool::inspect::pending::PendingRecord;
pub use crate::spool::inspect::stat::{LaneStat, RunStat, Stat};

/// An inspection of a spool.
#[derive(Debug)]
pub enum Look<'s> {
    /// Of a running relay.
    #[doc(hidden)]
    Running(Running<'s>),
    /// Of the files of a stopped relay.
    #[doc(hidden)]
    Stopped(&'s Offline),
}

/// The spool of a running relay.
#[derive(Debug)]
pub struct Running<'s>(&'s Inner);

impl Spool {
    /// An inspection of this spool.
    pub fn look(&self) -> Look<'_> {
        Look::Running(Running(&self.inner))
    }
}

impl Look<'_> {
    /// Checks that everything in the spool is as it was written.
    pub fn verify(&self) -> Verification {
        match self {
            Self::Running(Running(inner)) => {
                // The mark is read before the log: a later reading contains everything acknowledged
                // so far.
                let mut verdict = Verification::default();
                verdict.take_mark(inner.log.acknowledged());
                let gone = lock(&inner.leaving).gone.clone();
                verdict.read_log(&inner.log, &gone);
                verdict.read_window(&*inner.old_ids, lock(&inner.admission).recent.count() as u64);
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
                Ok(inner.old_ids.count() + lock(&inner.admission).recent.count() as u64)
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

    fn entry(&self, id: &IdKey) -> Result<Option<IdEntry>, ReadError> {
        match self {
            Self::Running(Running(inner)) => {
                // With little traffic, memory may keep it for longer.
                let latest = inner.latest.load(Ordering::Relaxed);
                let entry = inner.entry(id);
                Ok(entry.filter(|entry| inner.period.remembers(entry, latest)))
            }
            Self::Stopped(offline) => match offline.recent.get(id) {
                Some(known) => Ok(Some(known.entry)),
                None => Ok(offline.old_ids()?.find(id)?),
            },
        }
    }

    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Published>, ReadError> {
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

/// A time as the store keeps it. `None` for one that no clock of ours can have given.
fn moment(milliseconds: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}
