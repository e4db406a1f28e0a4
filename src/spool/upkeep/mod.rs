//! Looks after the log and the window beside the writer: lays out segments before they are needed,
//! seals full ones, hands their ids over, removes those that are no longer needed, and watches the
//! disk.
//!
//! # Promises
//! - A job that fails is repeated, after a growing pause, and its failure is logged once until it
//!   works again.
//! - A segment's file is removed only when all its records are released, its ids are in the
//!   window's slices, and a frame on the disk names it as gone.

pub mod job;
mod segments;
pub mod wake_up;
mod window;

use crate::lock::lock;
use crate::spool::clock::offset;
use crate::spool::home::Home;
use crate::spool::log::Cursor;
use crate::spool::log::segment::{FIRST_FRAME, name_of};
use crate::spool::upkeep::job::Job;
use crate::spool::upkeep::segments::{lay_out_next, remove, seal_full};
use crate::spool::upkeep::window::{absorb, forget, renew_filter};
use crate::spool::{Inner, commit};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Looks after the spool until it is closed.
pub fn run(inner: &Inner) {
    let mut upkeep = Upkeep::default();
    loop {
        step(inner, &mut upkeep, Instant::now());
        if !inner.upkeep.wait(PAUSE) {
            return;
        }
    }
}

/// The observations of earlier rounds.
#[derive(Debug, Default)]
pub struct Upkeep {
    lay_out: Job,
    seal: Job,
    absorb: Job,
    forget: Job,
    filter: Job,
    remove: Job,
    keep_back: Job,
    last_sequence: u64,
    /// Rounds without a new record.
    quiet: u32,
    /// Rounds in which notes have waited for a frame.
    notes: u32,
    /// The limit of waiting records is reached, and the log says so.
    is_full: bool,
    /// Rounds since the place of the log was looked at.
    unseen: u32,
}

/// One round.
pub fn step(inner: &Inner, upkeep: &mut Upkeep, now: Instant) {
    let is_low = watch_disk(inner);
    upkeep.watch_limit(inner);
    upkeep.watch_place(inner);
    upkeep.seal.attempt(now, "seal a full segment", || seal_full(inner));
    upkeep.absorb.attempt(now, "write ids to the window", || absorb(inner));
    upkeep.remove.attempt(now, "remove a finished segment", || remove(inner, is_low));
    upkeep.lay_out.attempt(now, "lay out the next segment", || lay_out_next(inner));
    if !is_low {
        upkeep.keep_back.attempt(now, "keep space back", || inner.log.keep_back());
    }
    upkeep.forget.attempt(now, "drop old ids", || forget(inner));
    upkeep.filter.attempt(now, "read ids for the filter", || renew_filter(inner));
    ask_writer(inner, upkeep, is_low);
}

/// Asks the writer for the steps that only it may do.
fn ask_writer(inner: &Inner, upkeep: &mut Upkeep, is_low: bool) {
    let active = inner.active.load(Ordering::Acquire);
    let last_sequence = inner.last_sequence.load(Ordering::Relaxed);
    upkeep.quiet = if upkeep.last_sequence == last_sequence { upkeep.quiet + 1 } else { 0 };
    upkeep.last_sequence = last_sequence;
    let used = inner.log.segment(active).map_or(0, |segment| segment.end() - FIRST_FRAME);
    let is_worth_it = match is_low {
        // The space of a drained segment is given back only after the writer has left it.
        true => used > 0 && lock(&inner.lanes).segment_has_records(active),
        false => upkeep.quiet >= QUIET_ROUNDS && used >= inner.log.segment_bytes / 16,
    };
    let leave = is_worth_it && !lock(&inner.lanes).waits_in(active);
    upkeep.notes = if lock(&inner.admission).notes.is_empty() { 0 } else { upkeep.notes + 1 };
    let now = inner.clock.now();
    let jumped = offset(now.wall, now.steady).abs_diff(inner.offset.load(Ordering::Relaxed));
    let notes = upkeep.notes >= NOTE_ROUNDS || jumped > JUMP;
    if notes {
        upkeep.notes = 0;
    }
    let many = lock(&inner.admission).recent.count() > MOST_RECENT;
    if many {
        lock(&inner.admission).shortage.window = true;
    }
    if leave || notes {
        inner.ask_writer(|asked| {
            asked.leave |= leave;
            asked.notes |= notes;
        });
    }
}

impl Upkeep {
    /// Ends acceptance when the log is no longer in its place: it was removed, moved, or something
    /// was mounted over it. The next start would not find what is stored meanwhile.
    fn watch_place(&mut self, inner: &Inner) {
        self.unseen += 1;
        if self.unseen < PLACE_ROUNDS {
            return;
        }
        self.unseen = 0;
        let Some(folder) = inner.home.as_ref().map(Home::log) else { return };
        let number = inner.active.load(Ordering::Acquire);
        let Some(segment) = inner.log.segment(number) else { return };
        // A file system that does not answer now is no proof. A segment that was left meanwhile may
        // be gone by right.
        let is_gone = matches!(segment.is_in(&folder), Ok(false))
            && inner.active.load(Ordering::Acquire) == number;
        if is_gone && !*inner.failed.borrow() {
            tracing::error!(event = "spool_moved", folder = %folder.display(), segment = name_of(number),
                "the log is no longer in its place; nothing more is accepted");
            commit::fail(inner);
        }
    }

    /// Logs once that submissions are refused because too much waits, and once that there is room
    /// again.
    fn watch_limit(&mut self, inner: &Inner) {
        let was_full = inner.was_full.swap(false, Ordering::Relaxed);
        let pending_bytes = inner.pending_bytes.load(Ordering::Relaxed);
        let max_bytes = inner.limits.max_bytes;
        if was_full && !self.is_full {
            self.is_full = true;
            tracing::error!(
                event = "spool_full",
                pending_bytes,
                max_bytes,
                "as much waits as may wait (spool.max_bytes); new notifications are answered 503"
            );
        } else if !was_full && self.is_full && pending_bytes <= max_bytes - max_bytes / 10 {
            // A tenth below the limit, or a spool that stays near it would fill the log.
            self.is_full = false;
            tracing::info!(
                event = "spool_room",
                pending_bytes,
                "the spool takes new records again"
            );
        }
    }
}

/// True if the disk's reserve is reached. Space that is laid out and not used counts as free.
fn watch_disk(inner: &Inner) -> bool {
    let Ok(free) = inner.log.free() else { return lock(&inner.admission).shortage.disk };
    let laid_out =
        lock(&inner.writing).cursor.left() + lock(&inner.next).as_ref().map_or(0, Cursor::left);
    let room = free + laid_out;
    inner.room.store(room, Ordering::Relaxed);
    let low = room < inner.limits.disk_reserve;
    let was_low = std::mem::replace(&mut lock(&inner.admission).shortage.disk, low);
    let (free_bytes, reserve_bytes) = (room, inner.limits.disk_reserve);
    let dir = inner.dir.display();
    if low && !was_low {
        tracing::error!(event = "spool_full", free_bytes, reserve_bytes, %dir,
            "the disk's reserve is reached (spool.disk_reserve); notifications are answered 503");
    } else if was_low && !low {
        tracing::info!(event = "spool_room", free_bytes, reserve_bytes, %dir,
            "the disk has room again");
    }
    low
}

/// The log's place is looked at once a second: two calls that read memory.
const PLACE_ROUNDS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// A drained segment is given back after two seconds without a record.
const QUIET_ROUNDS: u32 = 20;
/// The places of records are on the disk a second later, even without traffic.
const NOTE_ROUNDS: u32 = 10;
/// A clock that was set by a minute is noted; a drift need not be.
const JUMP: u64 = 60_000;
/// The most recent ids in memory, some 100 bytes each: reached only if the window takes none.
const MOST_RECENT: usize = 1_000_000;
