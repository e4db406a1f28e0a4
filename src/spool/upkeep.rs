//! Looks after the log and the window beside the writer: lays out segments before they are needed, seals
//! those that are full, hands their ids over, removes what is over, and watches the disk.
//!
//! # Promises
//! - Whatever fails here is tried again, after a growing pause, and said once until it works again.
//! - A segment's file goes only when all in it is released, its ids are in the window's slices, and a frame
//!   on the disk says that it may be gone.

use crate::lock::lock;
use crate::spool::append::admission::State;
use crate::spool::clock::offset;
use crate::spool::log::Keep;
use crate::spool::log::segment::{FIRST_FRAME, Fill, Seal};
#[cfg(test)]
use crate::spool::planted::{self, Planted};
use crate::spool::window::slices;
use crate::spool::{Inner, Sealed};
use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes the upkeep's thread, or ends it.
#[derive(Debug, Default)]
pub struct Bell {
    state: Mutex<Rung>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    closed: bool,
}

impl Bell {
    /// Something changed that may need upkeep.
    pub fn ring(&self) {
        lock(&self.state).rung = true;
        self.rung.notify_one();
    }

    /// Ends the thread.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.rung.notify_one();
    }

    /// Waits for a ring or for the pause to pass. False when closed.
    fn wait(&self, pause: Duration) -> bool {
        let state = lock(&self.state);
        let (mut state, _) = self
            .rung
            .wait_timeout_while(state, pause, |state| !state.rung && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        !state.closed
    }
}

/// Says a trouble once, until it is over.
#[derive(Debug, Default)]
pub struct Once {
    said: AtomicBool,
}

impl Once {
    /// Says it, if it is new.
    pub fn say(&self, error: &dyn Display) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::error!(event = "window_damaged", error = %error,
                "old ids cannot be looked up; a redelivery may be stored again");
        }
    }
}

/// Looks after the spool until the bell is closed.
pub fn run(inner: &Inner) {
    let mut upkeep = Upkeep::default();
    while inner.tend.wait(PAUSE) {
        step(inner, &mut upkeep);
    }
}

/// What the rounds before saw.
#[derive(Debug, Default)]
pub struct Upkeep {
    lay_out: Job,
    seal: Job,
    absorb: Job,
    forget: Job,
    filter: Job,
    remove: Job,
    last_sequence: u64,
    /// Rounds without a new record.
    quiet: u32,
    /// Rounds in which notes have waited for a frame.
    notes: u32,
}

/// One thing that is done again and again.
#[derive(Debug, Default)]
struct Job {
    failures: u32,
    /// Rounds to wait before the next attempt.
    wait: u32,
}

impl Job {
    /// Does it, unless it failed a moment ago.
    fn attempt<E: Display>(&mut self, what: &str, job: impl FnOnce() -> Result<(), E>) {
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        match job() {
            Ok(()) if self.failures > 0 => {
                tracing::info!(event = "upkeep_resumed", "can {what} again");
                self.failures = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.failures == 0 {
                    tracing::error!(event = "upkeep_failed", error = %error,
                        "cannot {what}; trying again");
                }
                self.failures += 1;
                self.wait = (1 << self.failures.min(9)).min(LONGEST_PAUSE);
            }
        }
    }
}

/// One round.
pub fn step(inner: &Inner, upkeep: &mut Upkeep) {
    let is_low = watch_disk(inner);
    upkeep.seal.attempt("seal a full segment", || seal_full(inner));
    upkeep.absorb.attempt("write ids to the window", || absorb(inner));
    upkeep.remove.attempt("remove a segment that is over", || remove(inner, is_low));
    upkeep.lay_out.attempt("lay out the next segment", || lay_out_next(inner));
    upkeep.forget.attempt("drop old ids", || forget(inner));
    upkeep.filter.attempt("read ids for the filter", || renew_filter(inner));
    ask_writer(inner, upkeep, is_low);
}

/// Lays out the segment after the one that is written, once that is partly full.
fn lay_out_next(inner: &Inner) -> io::Result<()> {
    let (is_due, number) = {
        let writing = lock(&inner.writing);
        let used = writing.cursor.at() - FIRST_FRAME;
        (used >= inner.log.segment_bytes / 4, writing.cursor.segment() + 1)
    };
    if !is_due && !lock(&inner.front).shortage.segment {
        return Ok(());
    }
    // Held while it is laid out: the writer waits for it, should it come so far.
    let mut next = lock(&inner.next);
    if next.is_none() && inner.active.load(Ordering::Acquire) + 1 == number {
        *next = Some(inner.log.lay_out(number, 0, Fill::Zeros)?);
    }
    drop(next);
    lock(&inner.front).shortage.segment = false;
    lock(&inner.writing).is_short = false;
    Ok(())
}

/// Seals the segments that take no more frames.
fn seal_full(inner: &Inner) -> io::Result<()> {
    let full: Vec<u64> = lock(&inner.full).clone();
    for number in full {
        let kept = lock(&inner.unabsorbed).remove(&number);
        if let Some(kept) = kept {
            let seal = Seal {
                first: kept.first,
                last: kept.last,
                last_sequence: kept.last_sequence,
                extents: lock(&inner.lanes).segment(number),
                end: inner.log.segment(number).map_or(FIRST_FRAME, |segment| segment.end()),
            };
            if let Err(error) = inner.log.seal(number, &seal) {
                lock(&inner.unabsorbed).insert(number, kept);
                return Err(error);
            }
            let sealed = Sealed { handover: kept.handover, first: kept.first, last: kept.last };
            lock(&inner.sealed).insert(number, Arc::new(sealed));
        }
        lock(&inner.full).retain(|full| *full != number);
    }
    Ok(())
}

/// Hands the ids of sealed segments over to the window's slices, and forgets them in memory.
fn absorb(inner: &Inner) -> Result<(), slices::Error> {
    loop {
        let oldest = lock(&inner.sealed).values().next().cloned();
        let Some(sealed) = oldest else { break };
        inner.old_ids.absorb(&sealed.handover)?;
        let ids = &sealed.handover.ids;
        inner.filter.add(ids.iter().map(|(id, _)| id));
        {
            // From here on whoever looked before looks again.
            let mut front = lock(&inner.front);
            front.absorbed += 1;
            inner.absorbed.store(front.absorbed, Ordering::Release);
        }
        for some in ids.chunks(AT_ONCE) {
            let mut front = lock(&inner.front);
            some.iter().for_each(|(id, _)| front.recent.forget(id, sealed.last));
        }
        lock(&inner.front).recent.settle();
        let number = sealed.handover.segment;
        lock(&inner.leaving).absorbed.insert(number, (sealed.first, sealed.last));
        lock(&inner.sealed).remove(&number);
    }
    let mut front = lock(&inner.front);
    front.shortage.window = false;
    Ok(())
}

/// Removes segments in which nothing waits, each after a frame has said so.
fn remove(inner: &Inner, is_low: bool) -> io::Result<()> {
    let over: Vec<u64> = {
        let lanes = lock(&inner.lanes);
        let leaving = lock(&inner.leaving);
        leaving.absorbed.keys().copied().filter(|number| !lanes.waits_in(*number)).collect()
    };
    let (wants_note, removable) = {
        let mut leaving = lock(&inner.leaving);
        for number in over {
            if let Some((first, last)) = leaving.absorbed.remove(&number) {
                leaving.gone.add(first, last);
                leaving.version += 1;
                let version = leaving.version;
                leaving.segments.insert(number, version);
            }
        }
        let noted = leaving.noted;
        #[cfg(test)]
        let noted = match planted::is(Planted::RemovalBeforeItsNote) {
            true => u64::MAX,
            false => noted,
        };
        let may_go = leaving.segments.iter().filter(|(_, version)| **version <= noted);
        let removable: Vec<u64> = may_go.map(|(number, _)| *number).collect();
        (leaving.version > noted, removable)
    };
    if wants_note {
        ask(inner, |asked| asked.state = true);
    }
    let keep = if is_low { Keep::Nothing } else { Keep::Spare };
    for number in removable {
        inner.log.remove(number, keep)?;
        lock(&inner.lanes).forget_segment(number);
        lock(&inner.leaving).segments.remove(&number);
    }
    if is_low { inner.log.drop_spare() } else { Ok(()) }
}

fn forget(inner: &Inner) -> Result<(), slices::Error> {
    if inner.old_ids.forget(inner.latest.load(Ordering::Relaxed))? > 0 {
        inner.filter.begin(&*inner.old_ids);
    }
    Ok(())
}

/// Makes the filter anew, a step a round, when it is worn.
fn renew_filter(inner: &Inner) -> Result<(), slices::Error> {
    if inner.filter.go_on(&*inner.old_ids)? {
        inner.tend.ring();
    } else if inner.filter.is_worn() {
        inner.filter.begin(&*inner.old_ids);
        inner.tend.ring();
    }
    Ok(())
}

/// Asks the writer for what only it may do.
fn ask_writer(inner: &Inner, upkeep: &mut Upkeep, is_low: bool) {
    let active = inner.active.load(Ordering::Acquire);
    let last_sequence = inner.last_sequence.load(Ordering::Relaxed);
    upkeep.quiet = if upkeep.last_sequence == last_sequence { upkeep.quiet + 1 } else { 0 };
    upkeep.last_sequence = last_sequence;
    let used = inner.log.segment(active).map_or(0, |segment| segment.end() - FIRST_FRAME);
    let is_worth_it = match is_low {
        // A drained segment's room is given back only when it is left.
        true => used > 0 && lock(&inner.lanes).segment_has_records(active),
        false => upkeep.quiet >= QUIET_ROUNDS && used >= inner.log.segment_bytes / 16,
    };
    let leave = is_worth_it && !lock(&inner.lanes).waits_in(active);
    upkeep.notes = if lock(&inner.front).notes.is_empty() { 0 } else { upkeep.notes + 1 };
    let now = inner.clock.now();
    let jumped = offset(now.wall, now.steady).abs_diff(inner.offset.load(Ordering::Relaxed));
    let notes = upkeep.notes >= NOTE_ROUNDS || jumped > JUMP;
    if notes {
        upkeep.notes = 0;
    }
    let many = lock(&inner.front).recent.count() > MOST_RECENT;
    if many {
        lock(&inner.front).shortage.window = true;
    }
    if leave || notes {
        ask(inner, |asked| {
            asked.leave |= leave;
            asked.notes |= notes;
        });
    }
}

fn ask(inner: &Inner, ask: impl FnOnce(&mut crate::spool::append::admission::Asked)) {
    let mut front = lock(&inner.front);
    if front.state == State::Open {
        ask(&mut front.asked);
        drop(front);
        inner.work.notify_one();
    }
}

/// Whether the disk's reserve is reached. Room that is laid out and not used counts as free.
fn watch_disk(inner: &Inner) -> bool {
    let Ok(free) = inner.log.free() else { return lock(&inner.front).shortage.disk };
    let laid_out = lock(&inner.writing).cursor.left()
        + lock(&inner.next).as_ref().map_or(0, crate::spool::log::Cursor::left);
    let room = free + laid_out;
    inner.room.store(room, Ordering::Relaxed);
    let low = room < inner.limits.disk_reserve;
    let was_low = std::mem::replace(&mut lock(&inner.front).shortage.disk, low);
    if low && !was_low {
        tracing::error!(
            event = "spool_full",
            free_bytes = free,
            "the disk's reserve is reached; notifications are answered 503"
        );
    } else if was_low && !low {
        tracing::info!(event = "spool_room", free_bytes = free, "the disk has room again");
    }
    low
}

const PAUSE: Duration = Duration::from_millis(100);
/// Half a minute.
const LONGEST_PAUSE: u32 = 300;
/// A drained segment is given back after two seconds without a record.
const QUIET_ROUNDS: u32 = 20;
/// Where records went is on the disk a second later, also when nothing comes.
const NOTE_ROUNDS: u32 = 10;
/// A clock that was set by a minute is noted; one that drifts need not be.
const JUMP: u64 = 60_000;
/// Ids that are forgotten in memory under one lock: some microseconds.
const AT_ONCE: usize = 256;
/// Recent ids, some 100 bytes each: reached only when the window takes none.
const MOST_RECENT: usize = 1_000_000;
