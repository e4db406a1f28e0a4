//! Looks after the store beside the writer: new segments and slices are made before they are
//! needed, old ones are dropped, and the disk's free space is watched.

use crate::spool::store::journal::{FULL_BYTES, Sizes};
use crate::spool::{Inner, lock, store};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes the tending thread, or ends it.
#[derive(Debug)]
pub struct Bell {
    /// The store's directory, whose disk is watched.
    pub dir: PathBuf,
    state: Mutex<Rung>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    closed: bool,
}

impl Bell {
    /// A bell for the store in a directory.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, state: Mutex::default(), rung: Condvar::new() }
    }

    /// Something changed that may need tending.
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

/// Tends the store until the bell is closed.
pub fn run(inner: &Inner) {
    let mut seen = Seen::default();
    while inner.tend.wait(PAUSE) {
        // Whatever fails after it, the disk is watched.
        let journals = inner.store.journals().unwrap_or_default();
        let pending_bytes = lock(&inner.front).pending_bytes;
        let disk = match watch_disk(inner, journals.active, pending_bytes) {
            true => Disk::Low,
            false => Disk::Roomy,
        };
        if let Err(error) = step(inner, &mut seen, journals, disk) {
            tracing::error!(error = %error, "cannot tend the spool's store");
        }
    }
}

/// What the rounds before saw.
#[derive(Debug, Default)]
struct Seen {
    last_sequence: u64,
    /// Rounds without a new record.
    quiet: u32,
    /// Whether the journal that is written was full: it ends at the next flush.
    full: bool,
    /// The segment after whose beginning the journals were last let go.
    settled: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Disk {
    Roomy,
    Low,
}

/// One round.
fn step(inner: &Inner, seen: &mut Seen, journals: Sizes, disk: Disk) -> Result<(), store::Error> {
    let active = inner.active_segment.load(Ordering::Acquire);
    inner.store.open_segment(active + 1)?;
    let released = lock(&inner.lanes).take_released_segments(active);
    for segment in released {
        inner.store.drop_segment(segment)?;
    }
    // The newest full segment stays in memory for a while: as a rule it leaves before it is written.
    for segment in inner.store.segments().into_iter().filter(|segment| segment + 1 < active) {
        inner.store.flush_segment(segment)?;
    }
    let last_sequence = inner.last_sequence.load(Ordering::Relaxed);
    seen.quiet = if seen.last_sequence == last_sequence { seen.quiet + 1 } else { 0 };
    seen.last_sequence = last_sequence;
    let idle = {
        let lanes = lock(&inner.lanes);
        let is_worth_it = match disk {
            // Whatever it keeps in memory keeps full journals on the disk.
            Disk::Low => lanes.segment_bytes(active) > 0,
            Disk::Roomy => {
                seen.quiet >= QUIET_ROUNDS && lanes.segment_bytes(active) >= WORTHWHILE_BYTES
            }
        };
        is_worth_it && !lanes.waits_in(active)
    };
    if idle {
        // Everything is drained: what the active segment holds can go as well.
        lock(&inner.front).leave_segment = true;
        inner.work.notify_one();
    }
    let drained = lock(&inner.front).pending_bytes == 0;
    let is_in_the_way = disk == Disk::Low && drained && journals.full > 0;
    let is_full = journals.active > FULL_BYTES;
    let was_full = std::mem::replace(&mut seen.full, is_full);
    if idle
        || is_in_the_way
        || (is_full && !was_full)
        || active >= seen.settled + SEGMENTS_A_JOURNAL
    {
        // Journals go when nothing in them is in memory alone.
        inner.store.settle()?;
        seen.settled = active;
    }
    let now = inner.latest.load(Ordering::Relaxed);
    for slice in inner.store.slices() {
        if inner.slicing.is_over(slice, now) {
            inner.store.drop_slice(slice)?;
        }
    }
    Ok(())
}

/// Whether the disk's reserve is reached.
///
/// The reserve is for the store's own writing, of which the active journal is most: what that takes
/// already counts as reserved. Otherwise a store that is drained, whose journal never shrinks, would
/// stay in its own way. Records that wait are written once more when they leave memory.
fn watch_disk(inner: &Inner, journal_bytes: u64, pending_bytes: u64) -> bool {
    let Ok(free) = disk_free(&inner.tend.dir) else {
        return inner.disk_low.load(Ordering::Relaxed);
    };
    let written = journal_bytes.min(FULL_BYTES).saturating_sub(2 * pending_bytes);
    let low = free + written < inner.limits.disk_reserve;
    if inner.disk_low.swap(low, Ordering::Relaxed) != low {
        if low {
            tracing::error!(
                event = "spool_full",
                free_bytes = free,
                "the disk's reserve is reached; notifications are answered 503"
            );
        } else {
            tracing::info!(event = "spool_room", free_bytes = free, "the disk has room again");
        }
    }
    low
}

/// Bytes that this process may still write to the disk of a directory.
pub fn disk_free(dir: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

const PAUSE: Duration = Duration::from_millis(100);
/// A drained segment is given back after two seconds without a record.
const QUIET_ROUNDS: u32 = 20;
/// A segment with less in it is not worth a new one.
const WORTHWHILE_BYTES: u64 = 1 << 20;
/// The store begins a new journal after 64 MB, which is about so many segments.
const SEGMENTS_A_JOURNAL: u64 = 3;
