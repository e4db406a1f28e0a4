//! Looks after the store beside the writer: new segments and slices are made before they are
//! needed, old ones are dropped, and the disk's free space is watched.

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
    let mut quiet = 0;
    while inner.tend.wait(PAUSE) {
        // Many releases ring within one pause; what they free is given back together.
        quiet = if step(inner, quiet >= QUIET_PAUSES) { 0 } else { quiet + 1 };
    }
}

/// One round. `quiet`: nothing was written for a while. Returns whether anything was given back.
fn step(inner: &Inner, quiet: bool) -> bool {
    watch_disk(inner);
    match tend(inner, quiet) {
        Ok(gave_back) => gave_back,
        Err(error) => {
            tracing::error!(error = %error, "cannot tend the spool's store");
            false
        }
    }
}

fn tend(inner: &Inner, quiet: bool) -> Result<bool, store::Error> {
    let active = inner.active_segment.load(Ordering::Acquire);
    inner.store.open_segment(active + 1)?;
    let released = lock(&inner.lanes).take_released_segments(active);
    for segment in &released {
        inner.store.drop_segment(*segment)?;
    }
    // The newest full segment stays in memory for a while: as a rule it leaves before it is written.
    for segment in inner.store.segments().into_iter().filter(|segment| segment + 1 < active) {
        inner.store.flush_segment(segment)?;
    }
    let idle = quiet && {
        let lanes = lock(&inner.lanes);
        lanes.segment(active).bytes > 0 && !lanes.waits_in(active)
    };
    if idle {
        // Everything is drained: what the active segment held can go as well.
        inner.next_segment(active)?;
        inner.store.settle()?;
    }
    let now = inner.latest.load(Ordering::Relaxed);
    for slice in inner.store.slices() {
        if inner.slicing.is_over(slice, now) {
            inner.store.drop_slice(slice)?;
        }
    }
    Ok(!released.is_empty() || idle)
}

fn watch_disk(inner: &Inner) {
    let Ok(free) = disk_free(&inner.tend.dir) else { return };
    let low = free < inner.limits.disk_reserve;
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
}

/// Bytes that this process may still write to the disk of a directory.
pub fn disk_free(dir: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

const PAUSE: Duration = Duration::from_millis(100);
/// A drained segment is given back after two seconds without a release.
const QUIET_PAUSES: u32 = 20;
