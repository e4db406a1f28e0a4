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
//! that is old and known; what is new is answered from a filter in memory.

pub mod append;
pub mod clock;
mod commit;
#[cfg(test)]
mod crash;
pub mod inspect;
pub mod lanes;
pub mod log;
pub mod notes;
mod open;
#[cfg(test)]
mod planted;
pub mod settings;
pub mod takeover;
#[cfg(test)]
mod tests;
mod upkeep;
pub mod window;

use crate::lock::lock;
#[cfg(feature = "mutants")]
use crate::mutants;
use crate::record::layout::Record;
use crate::spool::append::admission::{Front, State, Waiting};
use crate::spool::clock::Clock;
use crate::spool::commit::Writing;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::{Books, Lanes, Leaving};
use crate::spool::log::frame::Head;
use crate::spool::log::reader::Reader;
use crate::spool::log::state::Gone;
use crate::spool::log::{Cursor, Log};
use crate::spool::notes::{Elsewhere, Note, Place};
use crate::spool::window::filter::Renewed;
use crate::spool::window::slices::{Handover, OldIds};
use crate::spool::window::{Entry, IdKey, Slicing};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

pub use crate::spool::open::{Loss, OpenError, Opening};

/// A lane: the records of one topic, in order. Numbered as topics were first used.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LaneId(pub u16);

/// What stored records are counted in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Account(pub u16);

impl LaneId {
    /// Its place in a list of all lanes.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Account {
    /// Its place in a list of all accounts.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The file, or the part of the spool.
    pub place: String,
    /// What is wrong there.
    pub fault: String,
}

impl Fault {
    /// A fault at a place.
    pub fn at(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into() }
    }
}

/// Why something stored cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what was written. The next start says what is lost.
    #[error("the spool is damaged: {0}")]
    Damaged(String),
    /// The system does not give it.
    #[error("the spool cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The window's store does not.
    #[error(transparent)]
    Window(#[from] window::slices::Error),
}

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
    pub lane: LaneId,
    /// The record; the spool stamps its sequence.
    pub record: Record,
    /// The account that it counts in, when it is stored.
    pub account: Account,
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
    /// Bytes to compare with the disk's reserve: those free, and those laid out and not used.
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
    identity: Identity,
    /// This run, as frames name it.
    run: u64,
    limits: Limits,
    clock: Clock,
    meters: Meters,
    log: Log,
    reader: Reader,
    front: Mutex<Front>,
    /// Rung when something waits for a commit.
    work: Condvar,
    writing: Mutex<Writing>,
    lanes: Mutex<Lanes>,
    /// Rung when records were committed.
    committed: Condvar,
    drain_woken: AtomicBool,
    quarantine: LaneId,
    /// Bytes of records that wait, in the log or on the way there.
    pending_bytes: AtomicU64,
    last_sequence: AtomicU64,
    /// What segments will hand over to the window.
    unabsorbed: Mutex<BTreeMap<u64, Unabsorbed>>,
    /// The latest time that an id was accepted at.
    latest: AtomicU64,
    slicing: Slicing,
    old_ids: Arc<dyn OldIds>,
    filter: Renewed,
    /// Bytes to compare with the disk's reserve, as upkeep last saw them.
    room: AtomicU64,
    window_trouble: upkeep::Once,
    /// As [`Front::absorbed`], to be read without the lock.
    absorbed: AtomicU64,
    /// The segment that takes frames.
    active: AtomicU64,
    /// Segments that take no more frames and are not sealed yet.
    full: Mutex<Vec<u64>>,
    /// Segments that hand over what they hold, sealed and not absorbed.
    sealed: Mutex<BTreeMap<u64, Arc<Sealed>>>,
    /// A segment that is laid out and not used yet.
    next: Mutex<Option<Cursor>>,
    /// Segments on their way out.
    leaving: Mutex<LeavingSegments>,
    /// The most bytes that it takes to say who the instance is.
    state_bytes: u64,
    /// How far the system's clock is ahead of our own in the last frame.
    offset: AtomicI64,
    failed: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    tend: upkeep::Bell,
    /// The directory's lock.
    #[expect(dead_code, reason = "held, not used")]
    held: Option<std::fs::File>,
}

/// What a sealed segment hands over.
#[derive(Debug)]
struct Sealed {
    handover: Handover,
    first: u64,
    last: u64,
}

/// Segments of which nothing is needed. Each is named in a frame before its file is removed.
#[derive(Debug, Default)]
struct LeavingSegments {
    gone: Gone,
    /// Grows when something is added to `gone`.
    version: u64,
    /// The version that a frame on the disk names.
    noted: u64,
    /// Segments that may be removed, each once its version is noted.
    segments: BTreeMap<u64, u64>,
    /// The first and the last frame of each segment that is absorbed and still there.
    absorbed: BTreeMap<u64, (u64, u64)>,
}

/// What a segment will hand over, and what its seal will say.
#[derive(Debug, Default)]
struct Unabsorbed {
    handover: Handover,
    first: u64,
    last: u64,
    last_sequence: u64,
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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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

    /// The clock by which ids are kept. [`Submission::now`] is a moment of it.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// The lane that feeds a topic.
    pub fn lane(&self, topic: &str) -> Option<LaneId> {
        lock(&self.inner.lanes).number(topic)
    }

    /// The chunk that holds a lane's first record after `sequence`: from memory if it is there.
    pub fn chunk_after(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Arc<Chunk>>, ReadError> {
        self.inner.chunk_after(lane, sequence)
    }

    /// Waits until a record follows in any of the given lanes after its sequence, or time is up.
    pub fn wait_for_records(&self, after: &[(LaneId, u64)], timeout: Duration) {
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
    pub fn first_after(&self, lane: LaneId, sequence: u64) -> Result<Option<u64>, ReadError> {
        let chunk = self.chunk_after(lane, sequence)?;
        let first = chunk.as_ref().and_then(|chunk| {
            chunk.records().map(|record| record.sequence).find(|found| *found > sequence)
        });
        Ok(first)
    }

    /// Whether anything waits in a lane.
    pub fn waits(&self, lane: LaneId) -> bool {
        let lanes = lock(&self.inner.lanes);
        lanes.last(lane) > lanes.released(lane)
    }

    /// How far a lane is released.
    pub fn released(&self, lane: LaneId) -> u64 {
        lock(&self.inner.lanes).released(lane)
    }

    /// Lets records go that are committed in Kafka, and notes where they went.
    pub fn release(
        &self,
        lane: LaneId,
        leaving: Leaving,
        places: &[Place],
    ) -> Result<(), ReadError> {
        let freed = lock(&self.inner.lanes).release(lane, leaving, self.inner.quarantine);
        self.inner.pending_bytes.fetch_sub(freed, Ordering::Relaxed);
        let places = places.to_vec();
        self.inner.note(Note::Released { lane, through: leaving.through, places });
        Ok(())
    }

    /// Notes where records went that their lane's own topic refused for good, and why.
    pub fn note_quarantined(
        &self,
        lane: LaneId,
        places: &[Place],
        reason: &str,
    ) -> Result<(), ReadError> {
        for place in places {
            let went = Elsewhere { place: *place, reason: reason.to_owned() };
            self.inner.note(Note::Refused { lane, went });
        }
        Ok(())
    }

    /// The figures of P6, from one moment.
    pub fn books(&self) -> Books {
        lock(&self.inner.lanes).books()
    }

    /// When the oldest record of a lane that still waits was committed, milliseconds since the epoch.
    pub fn oldest(&self, lane: LaneId) -> Option<u64> {
        let released = self.released(lane);
        let chunk = self.inner.look_at_chunk(lane, released).ok()??;
        Some(chunk.committed_at())
    }

    /// The figures of the store.
    pub fn figures(&self) -> Figures {
        let inner = &*self.inner;
        Figures {
            ids: inner.old_ids.count() + lock(&inner.front).recent.count() as u64,
            pending_bytes: inner.pending_bytes.load(Ordering::Relaxed),
            disk_free: inner.room.load(Ordering::Relaxed),
            disk_used: inner.disk_bytes(),
        }
    }

    /// Whether an append would be stored now.
    pub fn readiness(&self) -> Result<(), Error> {
        lock(&self.inner.front).admits(&self.inner)
    }

    /// Remembers an id longer than the window, for as long as this directory is kept. Some tens of
    /// bytes each: for what people do, not senders.
    pub fn remember_for_good(&self, id: &IdKey) {
        // The window remembers it as well, so there is time to tell it again.
        if let Err(error) = self.inner.old_ids.remember_for_good(id) {
            tracing::warn!(error = %error, "cannot remember a replay longer than the window");
        }
    }

    /// Whether an id is remembered for good.
    pub fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        self.inner.old_ids.remembers_for_good(id).map_err(|error| {
            tracing::error!(error = %error, "cannot look up an id");
            Error::Failed
        })
    }

    /// Whether an id is remembered, or will be by a commit that is on its way.
    pub fn remembers(&self, id: &IdKey, now: u64) -> Result<bool, Error> {
        let entry = self.inner.entry(id);
        Ok(entry.is_some_and(|entry| self.inner.slicing.remembers(&entry, now)))
    }

    /// What is remembered of an id, and where its record went.
    pub fn find(&self, id: &IdKey) -> Result<Option<(Entry, Option<Place>)>, ReadError> {
        let Some(entry) = self.inner.entry(id) else { return Ok(None) };
        let place = self.inner.place(entry.lane, entry.sequence)?;
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
                front.asked.notes |= !front.notes.is_empty();
            }
        }
        self.inner.work.notify_all();
        self.inner.tend.close();
        for thread in lock(&self.inner.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the spool panicked");
            }
        }
        if let Err(error) = self.inner.log.sync_acknowledged() {
            tracing::warn!(error = %error, "cannot sync how far was acknowledged");
        }
    }
}

impl Inner {
    fn chunk_after(&self, lane: LaneId, sequence: u64) -> Result<Option<Arc<Chunk>>, ReadError> {
        let segment = {
            let lanes = lock(&self.lanes);
            if lanes.last(lane) <= sequence {
                return Ok(None);
            }
            if let Some(chunk) = lanes.tail_after(lane, sequence) {
                drop(lanes);
                // It has caught up with memory; what was read from the disk is of no use.
                self.reader.forget(lane);
                return Ok(Some(chunk));
            }
            lanes.segment_of(lane, sequence)
        };
        let Some(segment) = segment else { return Ok(None) };
        self.reader.chunk_after(&self.log, lane, sequence, segment)
    }

    /// As [`Inner::chunk_after`], for who only looks: what the drain has read ahead stays.
    fn look_at_chunk(&self, lane: LaneId, sequence: u64) -> Result<Option<Arc<Chunk>>, ReadError> {
        let segment = {
            let lanes = lock(&self.lanes);
            if let Some(chunk) = lanes.tail_after(lane, sequence) {
                return Ok(Some(chunk));
            }
            lanes.segment_of(lane, sequence)
        };
        let Some(segment) = segment else { return Ok(None) };
        Reader::new(self.reader.gone().clone()).chunk_after(&self.log, lane, sequence, segment)
    }

    /// Has a note carried by the next frame.
    fn note(&self, note: Note) {
        let mut front = lock(&self.front);
        front.notes.push(note);
        // With many, the frame that carries them is not waited for.
        if front.notes.len() >= MANY_NOTES && front.state == State::Open {
            front.asked.notes = true;
            drop(front);
            self.work.notify_one();
        }
    }

    /// Keeps what a committed frame will hand over to the window.
    fn hand_over(&self, segment: u64, ids: Vec<(IdKey, Entry)>, notes: Vec<Note>, head: Head) {
        let latest = ids.iter().map(|(_, entry)| entry.accepted_at).max().unwrap_or(0);
        self.latest.fetch_max(latest, Ordering::Relaxed);
        let mut unabsorbed = lock(&self.unabsorbed);
        let kept = unabsorbed.entry(segment).or_insert_with(|| Unabsorbed {
            handover: Handover { segment, ..Handover::default() },
            first: head.number,
            ..Unabsorbed::default()
        });
        kept.handover.ids.extend(ids);
        kept.handover.notes.extend(notes);
        (kept.last, kept.last_sequence) = (head.number, head.last_sequence);
    }

    /// What is remembered of an id, on its way to the disk or there.
    fn entry(&self, id: &IdKey) -> Option<Entry> {
        // The slices at the end: what is absorbed meanwhile is found there.
        let recent = lock(&self.front).recent.get(id).map(|known| known.entry);
        recent.or_else(|| self.old_entry(id))
    }

    /// Where a record went, if it is known.
    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Place>, ReadError> {
        let place = self.find_note(|note| note.place(lane, sequence));
        Ok(match place {
            Some(place) => Some(place),
            None => self.old_ids.place(lane, sequence)?,
        })
    }

    /// Where a record went that its own topic refused, if it did and that is known.
    fn elsewhere(&self, lane: LaneId, sequence: u64) -> Result<Option<Elsewhere>, ReadError> {
        let went = self.find_note(|note| note.elsewhere(lane, sequence).cloned());
        Ok(match went {
            Some(went) => Some(went),
            None => self.old_ids.elsewhere(lane, sequence)?,
        })
    }

    /// Looks through the notes that are in memory.
    fn find_note<T>(&self, find: impl Fn(&Note) -> Option<T>) -> Option<T> {
        let in_front = lock(&self.front).notes.iter().find_map(&find);
        let newest = in_front.or_else(|| {
            let unabsorbed = lock(&self.unabsorbed);
            unabsorbed.values().rev().find_map(|kept| kept.handover.notes.iter().find_map(&find))
        });
        newest.or_else(|| {
            let sealed = lock(&self.sealed);
            sealed.values().rev().find_map(|kept| kept.handover.notes.iter().find_map(&find))
        })
    }

    fn disk_bytes(&self) -> u64 {
        self.log.disk_bytes() + self.old_ids.disk_bytes()
    }
}

/// The folder of the log, in the spool's directory.
const LOG: &str = "log";
/// The folder of the window's store.
const WINDOW: &str = "window";
/// The file that one process holds.
const LOCK: &str = "lock";
/// A segment: small enough that what is drained is soon given back, large enough that laying one out,
/// beside the writer, does not matter.
const SEGMENT_BYTES: u64 = 24 << 20;
/// Some megabytes of notes, if each tells of thousands of records.
const MANY_NOTES: usize = 64;
