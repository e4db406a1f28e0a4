//! Commits records to disk and remembers their ids.
//!
//! # Promises
//! - When [`Spool::append`] returns `New`, the record survives a crash.
//! - An id is remembered if and only if its record was stored, until the window has passed.
//! - Records leave a lane in the order in which they were committed.
//! - After a failed commit nothing more is accepted: every append returns [`Error::Failed`].
//!
//! # Limits
//! At most `max_bytes` are pending, and the disk's reserve is never used; beyond it, append returns
//! [`Error::Full`] and stores nothing. Repeats of stored records are still recognised.
//!
//! Knows nothing of HTTP, providers, or Kafka.
//!
//! [`Spool`] has three kinds of callers: ingest appends (`append`), the drain reads and releases
//! (`drain_side`), and operators inspect (`inspect`, `figures`).

pub mod append;
pub mod clock;
mod commit;
pub mod confirming;
#[cfg(test)]
mod crash;
mod drain_side;
mod fault;
mod figures;
mod home;
mod identity;
pub mod inspect;
pub mod lanes;
pub mod log;
mod lookup;
pub mod notes;
mod open;
#[cfg(test)]
mod planted;
mod segments;
pub mod settings;
pub mod takeover;
#[cfg(test)]
mod tests;
mod upkeep;
pub mod window;

use crate::lock::lock;
use crate::spool::append::admission::{Acceptance, Admission};
use crate::spool::clock::Clock;
use crate::spool::commit::Writing;
use crate::spool::home::Home;
use crate::spool::lanes::Lanes;
use crate::spool::log::reader::Reader;
use crate::spool::log::{Cursor, Log};
use crate::spool::segments::{LeavingSegments, Sealed, Unabsorbed};
use crate::spool::upkeep::job::Once;
use crate::spool::upkeep::wake_up::WakeUp;
use crate::spool::window::Period;
use crate::spool::window::filter::Renewed;
use crate::spool::window::old_ids::OldIds;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

pub use crate::spool::append::submission::{Appended, Error, Submission, Telling};
pub use crate::spool::fault::{Damage, ReadError};
pub use crate::spool::figures::Figures;
pub use crate::spool::identity::{Identity, Run};
pub use crate::spool::open::{Loss, OpenError, Opening};

/// A lane: the records of one topic, in order. Numbered in the order in which topics were first
/// used.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LaneId(pub u16);

/// An account in which stored records are counted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Account(pub u16);

impl LaneId {
    /// Its index in a list of all lanes.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Account {
    /// Its index in a list of all accounts.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The spool. Cheap to clone; [`Spool::close`] ends its threads.
#[derive(Clone, Debug)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    identity: Identity,
    /// The number of this run in frames.
    run: u64,
    limits: Limits,
    clock: Clock,
    meters: CommitMeters,
    log: Log,
    reader: Reader,
    admission: Mutex<Admission>,
    /// Notified when something waits for a commit.
    work: Condvar,
    writing: Mutex<Writing>,
    lanes: Mutex<Lanes>,
    /// Notified when records were committed.
    committed: Condvar,
    drain_woken: AtomicBool,
    quarantine: LaneId,
    /// Bytes of waiting records, in the log or on their way there.
    pending_bytes: AtomicU64,
    last_sequence: AtomicU64,
    /// The ids and notes that segments will hand over to the window.
    unabsorbed: Mutex<BTreeMap<u64, Unabsorbed>>,
    /// The latest time at which an id was accepted.
    latest: AtomicU64,
    period: Period,
    old_ids: Arc<dyn OldIds>,
    filter: Renewed,
    /// A submission was refused since upkeep last looked, because too much waits.
    was_full: AtomicBool,
    /// Bytes to compare with the disk's reserve, as upkeep last saw them.
    room: AtomicU64,
    window_trouble: Once,
    /// The same as [`Admission::absorbed`], readable without the lock.
    absorbed: AtomicU64,
    /// The segment that takes frames.
    active: AtomicU64,
    /// Segments that take no more frames and are not sealed yet.
    full: Mutex<Vec<u64>>,
    /// Sealed segments that are not absorbed yet, with the ids and notes to hand over.
    sealed: Mutex<BTreeMap<u64, Arc<Sealed>>>,
    /// A segment that is laid out and not used yet.
    next: Mutex<Option<Cursor>>,
    /// Segments that are about to be removed.
    leaving: Mutex<LeavingSegments>,
    /// The most bytes that the instance's state takes in a frame.
    state_bytes: u64,
    /// The lead of the system's clock over our own in the last frame.
    offset: AtomicI64,
    failed: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    upkeep: WakeUp,
    dir: PathBuf,
    /// The directory, locked; `None` on a disk in memory.
    home: Option<Home>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_bytes: u64,
    disk_reserve: u64,
}

/// The metrics of each commit.
#[derive(Clone, Debug)]
pub struct CommitMeters {
    /// The seconds from taking a commit's records to having them on the disk.
    pub commit_duration: prometheus::Histogram,
    /// The number of records in a commit.
    pub commit_records: prometheus::Histogram,
}

impl Spool {
    /// The identity of this spool.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The clock by which ids are remembered. [`Submission::now`] is a moment of it.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// The lane that feeds a topic.
    pub fn lane(&self, topic: &str) -> Option<LaneId> {
        lock(&self.inner.lanes).number(topic)
    }

    /// Remembers ids for at least this long from now on.
    pub fn remember_for(&self, window: Duration) {
        self.inner.period.extend(window);
    }

    /// Notes the topics of the configured sources. Their lanes count as used from now on.
    pub fn expect(&self, topics: &[String]) {
        lock(&self.inner.lanes).expect(topics);
    }

    /// True if a lane has had a record, or may get one from a configured source.
    pub fn is_used(&self, lane: LaneId) -> bool {
        lock(&self.inner.lanes).is_used(lane)
    }

    /// Declares the spool failed, because its content cannot be read.
    pub fn fail(&self) {
        lock(&self.inner.admission).state = Acceptance::Failed;
        self.inner.failed.send_replace(true);
    }

    /// Becomes true when a commit failed; the process must end then.
    pub fn failure(&self) -> watch::Receiver<bool> {
        self.inner.failed.subscribe()
    }

    /// Commits everything that waits, accepts nothing more and ends the threads. Blocks until that
    /// is done.
    pub fn close(&self) {
        {
            let mut admission = lock(&self.inner.admission);
            if admission.state == Acceptance::Open {
                admission.state = Acceptance::Closing;
                admission.asked.notes |= !admission.notes.is_empty();
            }
        }
        self.inner.work.notify_all();
        self.inner.upkeep.close();
        for thread in lock(&self.inner.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the spool panicked");
            }
        }
        if let Err(error) = self.inner.log.sync_acknowledged() {
            tracing::warn!(error = %error, "cannot sync the mark of the acknowledged records");
        }
    }
}

/// The folder of the log, in the spool's directory.
const LOG: &str = "log";
/// The folder of the window's store.
const WINDOW: &str = "window";
/// The file whose lock one process holds.
const LOCK: &str = "lock";
/// The size of a segment: small enough that drained space is soon given back, large enough that
/// laying one out, beside the writer, does not matter.
const SEGMENT_BYTES: u64 = 24 << 20;
