//! Commits records to disk and remembers their ids.
//!
//! # Promises
//! - When [`Spool::append`] says `New`, the record survives a crash.
//! - An id is remembered if and only if its record was stored, until the window has passed.
//! - What commits first is first in its lane, and leaves it first.
//! - After a failed commit nothing more is accepted: every append is answered [`Error::Failed`].
//!
//! # Limits
//! At most `max_bytes` pending, and never into the disk's reserve; past it, append answers
//! [`Error::Full`] and stores nothing. Repeats of what is stored are recognised all the same.
//!
//! Knows nothing of HTTP, providers, or Kafka. An append may read the disk when it looks up an id
//! that is old and known; what is new is answered from filters in memory.

pub mod append;
pub mod chunk;
mod journals;
pub mod lanes;
pub mod looking;
mod mark;
mod opening;
mod segments;
pub mod settings;
pub mod stopped;
pub mod store;
mod tending;
#[cfg(test)]
mod tests;
pub mod verdict;
pub mod window;
mod writer;

use crate::lock::lock;
#[cfg(feature = "mutants")]
use crate::mutants;
use crate::record::layout::Record;
use crate::spool::append::admission::{Front, State, Waiting};
use crate::spool::chunk::Chunk;
use crate::spool::lanes::{Books, Lanes, Leaving};
use crate::spool::store::{Elsewhere, Place, Store};
use crate::spool::window::{Entry, IdKey, Slicing};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

pub use crate::spool::opening::{Loss, OpenError, Opening};

/// A fact as one hook tells it.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// The identity of the fact at its source, whichever hook tells it.
    pub fact: IdKey,
    /// The same as told by this hook.
    pub by_hook: IdKey,
    /// For how long after it was stored another hook's telling is a repeat.
    pub within: Duration,
}

/// A record that wants to be stored, with the id that must not be stored twice.
#[derive(Debug)]
pub struct Submission {
    /// The identity of its event at its source.
    pub id: IdKey,
    /// Its fact, if the same told by another hook is a repeat.
    pub fact: Option<Telling>,
    /// The lane it belongs to.
    pub lane: u16,
    /// The record; the spool stamps its sequence.
    pub record: Record,
    /// The account that it counts in, when it is stored.
    pub account: usize,
    /// Now, in milliseconds since the epoch, by a clock that does not jump.
    pub now: u64,
}

/// What became of a submission. A repeat is an outcome, not an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is on the disk.
    New {
        /// Its place in the instance's history.
        sequence: u64,
    },
    /// Its id was remembered; nothing was stored.
    Duplicate,
}

/// Why nothing was stored. Every one of them passes, or ends the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// As much waits as may wait.
    #[error("the spool is full")]
    Full,
    /// The disk's reserve is reached.
    #[error("the spool's disk is nearly full")]
    DiskLow,
    /// A commit failed; only a new start helps.
    #[error("the spool's store failed")]
    Failed,
    /// The process is stopping.
    #[error("the spool is closing")]
    Closing,
}

/// The figures of the store itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Ids remembered, about.
    pub ids: u64,
    /// Bytes of records that wait.
    pub pending_bytes: u64,
    /// Bytes free on the disk.
    pub disk_free: u64,
    /// Bytes that the store has on the disk.
    pub disk_used: u64,
}

/// The spool. Cheap to clone; [`Spool::close`] ends its threads.
#[derive(Clone, Debug)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    slicing: Slicing,
    identity: Identity,
    limits: Limits,
    front: Mutex<Front>,
    /// Rung when something waits for a commit.
    work: Condvar,
    lanes: Mutex<Lanes>,
    /// Rung when records were committed.
    committed: Condvar,
    drain_woken: AtomicBool,
    quarantine: u16,
    epoch: AtomicU64,
    disk_low: AtomicBool,
    active_segment: AtomicU64,
    slice: AtomicU64,
    /// The latest time that an id was accepted at.
    latest: AtomicU64,
    last_sequence: AtomicU64,
    mark: mark::Mark,
    meters: Meters,
    failed: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    tend: tending::Bell,
}

/// Who this spool is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The directory's name, given once.
    pub instance: String,
    /// All runs that may have records here, oldest first, this one last.
    pub runs: Vec<Run>,
}

/// One start of the process on this directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// Its name, new at each start.
    pub name: String,
    /// The sequence of its first record; those of the run before end there.
    pub first: u64,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_bytes: u64,
    disk_reserve: u64,
}

/// What is measured of each commit.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Seconds from taking a commit's records to having them on the disk.
    pub commit_duration: prometheus::Histogram,
    /// Records in one commit.
    pub commit_records: prometheus::Histogram,
}

impl Spool {
    /// Stores a record, unless its id is remembered, and waits until that is on the disk.
    ///
    /// A repeat of something not yet on the disk waits for the same commit.
    pub async fn append(&self, submission: Submission) -> Result<Appended, Error> {
        match self.inner.append(submission)? {
            Waiting::Done(appended) => Ok(appended),
            #[cfg(feature = "mutants")]
            Waiting::ForCommit(_) if mutants::on(mutants::Mutant::AnswerBeforeCommit) => {
                Ok(Appended::New { sequence: 0 })
            }
            Waiting::ForCommit(ticket) => ticket.await,
        }
    }

    /// Who this spool is.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The lane that feeds a topic.
    pub fn lane(&self, topic: &str) -> Option<u16> {
        lock(&self.inner.lanes).number(topic)
    }

    /// The chunk that holds a lane's first record after `sequence`: from memory if it is there.
    pub fn chunk_after(
        &self,
        lane: u16,
        sequence: u64,
    ) -> Result<Option<Arc<Chunk>>, store::Error> {
        {
            let lanes = lock(&self.inner.lanes);
            if lanes.last(lane) <= sequence {
                return Ok(None);
            }
            if let Some(chunk) = lanes.tail_after(lane, sequence) {
                return Ok(Some(chunk));
            }
        }
        Ok(self.inner.store.chunk_after(lane, sequence)?.map(Arc::new))
    }

    /// Waits until a record follows in any of the given lanes after its sequence, or time is up.
    pub fn wait_for_records(&self, after: &[(u16, u64)], timeout: Duration) {
        let lanes = lock(&self.inner.lanes);
        let nothing_new = |lanes: &mut Lanes| {
            let woken = self.inner.drain_woken.swap(false, Ordering::Relaxed);
            !woken && after.iter().all(|(lane, from)| lanes.last(*lane) <= *from)
        };
        drop(self.inner.committed.wait_timeout_while(lanes, timeout, nothing_new));
    }

    /// Wakes [`Spool::wait_for_records`]' caller at once, to look at something else.
    pub fn wake_drain(&self) {
        // Under the lock, or it could fall between the look and the wait.
        let _lanes = lock(&self.inner.lanes);
        self.inner.drain_woken.store(true, Ordering::Relaxed);
        self.inner.committed.notify_all();
    }

    /// The first record of a lane after `sequence`, if there is one.
    pub fn first_after(&self, lane: u16, sequence: u64) -> Result<Option<u64>, store::Error> {
        let chunk = self.chunk_after(lane, sequence)?;
        let first = chunk.as_ref().and_then(|chunk| {
            chunk.records().map(|record| record.sequence).find(|found| *found > sequence)
        });
        Ok(first)
    }

    /// Whether anything waits in a lane.
    pub fn waits(&self, lane: u16) -> bool {
        let lanes = lock(&self.inner.lanes);
        lanes.last(lane) > lanes.released(lane)
    }

    /// How far a lane is released.
    pub fn released(&self, lane: u16) -> u64 {
        lock(&self.inner.lanes).released(lane)
    }

    /// Lets records go that are committed in Kafka, and notes where they went.
    pub fn release(
        &self,
        lane: u16,
        leaving: Leaving,
        places: &[Place],
    ) -> Result<(), store::Error> {
        let freed = lock(&self.inner.lanes).release(lane, leaving, self.inner.quarantine);
        {
            let mut front = lock(&self.inner.front);
            front.pending_bytes = front.pending_bytes.saturating_sub(freed);
        }
        let slices = self.inner.store.slices();
        let slice = slices.last().copied().unwrap_or(0);
        self.inner.store.note_release(lane, leaving.through, slice, places)
    }

    /// Notes where records went that their lane's own topic refused for good, and why.
    pub fn note_quarantined(
        &self,
        lane: u16,
        places: &[Place],
        reason: &str,
    ) -> Result<(), store::Error> {
        let slices = self.inner.store.slices();
        let slice = slices.last().copied().unwrap_or(0);
        for place in places {
            let went = Elsewhere { place: *place, reason: reason.to_owned() };
            self.inner.store.note_elsewhere(lane, slice, &went)?;
        }
        Ok(())
    }

    /// The figures of P6, from one moment.
    pub fn books(&self) -> Books {
        lock(&self.inner.lanes).books()
    }

    /// When the oldest record of a lane that still waits was committed, milliseconds since the epoch.
    pub fn oldest(&self, lane: u16) -> Option<u64> {
        let released = self.released(lane);
        let chunk = self.chunk_after(lane, released).ok()??;
        Some(chunk.committed_at())
    }

    /// The figures of the store.
    pub fn figures(&self) -> Figures {
        Figures {
            ids: self.inner.store.count_ids(),
            pending_bytes: lock(&self.inner.front).pending_bytes,
            disk_free: tending::disk_free(&self.inner.tend.dir).unwrap_or(0),
            disk_used: self.inner.store.disk_bytes().unwrap_or(0),
        }
    }

    /// Whether an append would be stored now.
    pub fn readiness(&self) -> Result<(), Error> {
        lock(&self.inner.front).admits(&self.inner.limits, &self.inner.disk_low)
    }

    /// Remembers an id longer than the window, for as long as this directory is kept. Some tens of
    /// bytes each: for what people do, not senders.
    pub fn remember_for_good(&self, id: &IdKey) {
        // The window remembers it as well, so there is time to tell it again.
        if let Err(error) = self.inner.store.remember_for_good(id) {
            tracing::warn!(error = %error, "cannot remember a replay longer than the window");
        }
    }

    /// Whether an id is remembered for good.
    pub fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        self.inner.store.remembers_for_good(id).map_err(|error| {
            tracing::error!(error = %error, "cannot look up an id");
            Error::Failed
        })
    }

    /// Whether an id is remembered, or will be by a commit that is on its way.
    pub fn remembers(&self, id: &IdKey, now: u64) -> Result<bool, Error> {
        if lock(&self.inner.front).commit_of(id).is_some() {
            return Ok(true);
        }
        let entry = self.inner.remembered(id)?;
        Ok(entry.is_some_and(|entry| self.inner.slicing.remembers(&entry, now)))
    }

    /// What is remembered of an id, and where its record went.
    pub fn find(&self, id: &IdKey) -> Result<Option<(Entry, Option<Place>)>, store::Error> {
        let Some(entry) = self.inner.store.find_id(id)? else { return Ok(None) };
        let place = self.inner.store.place(entry.lane, entry.sequence)?;
        Ok(Some((entry, place)))
    }

    /// Declares the spool failed, because what it holds cannot be read.
    pub fn fail(&self) {
        lock(&self.inner.front).state = State::Failed;
        self.inner.failed.send_replace(true);
    }

    /// Turns true when a commit failed; the process must end then.
    pub fn failure(&self) -> watch::Receiver<bool> {
        self.inner.failed.subscribe()
    }

    /// Commits what waits, accepts nothing more and ends the threads. Blocks until that is done.
    pub fn close(&self) {
        {
            let mut front = lock(&self.inner.front);
            if front.state == State::Open {
                front.state = State::Closing;
            }
        }
        self.inner.work.notify_all();
        self.inner.tend.close();
        for thread in lock(&self.inner.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the spool panicked");
            }
        }
        if let Err(error) = self.inner.mark.sync() {
            tracing::warn!(error = %error, "cannot sync the spool's mark");
        }
    }
}
