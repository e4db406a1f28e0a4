//! The writer: takes everything that waits, brings it to the disk with one sync, and answers.

use crate::spool::append::group::Group;
use crate::spool::append::ticket::{Outcome, Settling};
use crate::spool::store::{self, Commit};
use crate::spool::{Inner, State, lock};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Commits until the spool closes or a commit fails.
pub fn run(inner: &Inner) {
    while let Some(work) = next(inner) {
        let goes_on = match work {
            Work::Commit(forming) => step(inner, *forming),
            Work::LeaveSegment => leave(inner),
        };
        if !goes_on {
            return;
        }
    }
}

enum Work {
    Commit(Box<Group>),
    LeaveSegment,
}

/// Waits for something to do. `None` when the spool is closing and nothing is left.
fn next(inner: &Inner) -> Option<Work> {
    let mut front = lock(&inner.front);
    loop {
        if !front.forming.is_empty() {
            let successor = front.forming.successor();
            let mut forming = std::mem::replace(&mut front.forming, successor);
            front.committing = std::mem::take(&mut forming.known);
            front.on_its_way = Arc::clone(&forming.commit);
            return Some(Work::Commit(Box::new(forming)));
        }
        if std::mem::take(&mut front.leave_segment) {
            return Some(Work::LeaveSegment);
        }
        if front.state != State::Open {
            return None;
        }
        front = inner.work.wait(front).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Commits what was taken and answers everyone. False after a failure, which is final.
fn step(inner: &Inner, forming: Group) -> bool {
    let settling = Settling::of(Arc::clone(&forming.commit));
    match commit(inner, forming) {
        Ok(()) => {
            {
                let mut front = lock(&inner.front);
                front.committing.clear();
                inner.epoch.fetch_add(1, Ordering::Release);
            }
            settling.settle(Outcome::Stored);
            true
        }
        Err(error) => {
            tracing::error!(event = "poisoned", error = %error, cause = ?error,
                "a commit failed; nothing more is accepted");
            fail(inner);
            settling.settle(Outcome::Failed);
            false
        }
    }
}

/// Leaves the active segment because everything in it is drained.
fn leave(inner: &Inner) -> bool {
    let active = inner.active_segment.load(Ordering::Acquire);
    if let Err(error) = inner.next_segment(active) {
        tracing::error!(event = "poisoned", error = %error, "cannot begin a new segment");
        fail(inner);
        return false;
    }
    true
}

fn commit(inner: &Inner, mut forming: Group) -> Result<(), store::Error> {
    let began = Instant::now();
    let segment = inner.segment_with_room()?;
    let slice = inner.slice_for(forming.now)?;
    let chunks: Vec<_> = forming
        .take_chunks()
        .filter_map(|(lane, chunk)| Some((lane, chunk.finish(0, forming.now)?)))
        .collect();
    let last_sequence = chunks
        .iter()
        .map(|(_, chunk)| chunk.last)
        .fold(inner.last_sequence.load(Ordering::Relaxed), u64::max);
    #[cfg(feature = "mutants")]
    if crate::mutants::on(crate::mutants::Mutant::IdBeforeRecord) {
        let last_sequence = inner.last_sequence.load(Ordering::Relaxed);
        let ids = std::mem::take(&mut forming.ids);
        inner.store.commit(Commit { segment, chunks: Vec::new(), slice, ids, last_sequence })?;
    }
    inner.store.commit(Commit {
        segment,
        chunks: chunks.clone(),
        slice,
        ids: forming.ids,
        last_sequence,
    })?;
    inner.last_sequence.store(last_sequence, Ordering::Relaxed);
    inner.mark.set(last_sequence).map_err(|error| store::Error::Failed(error.into()))?;
    lock(&inner.lanes).commit(segment, chunks, &forming.accounts);
    inner.committed.notify_all();
    inner.meters.commit_duration.observe(began.elapsed().as_secs_f64());
    inner.meters.commit_records.observe(forming.records as f64);
    Ok(())
}

impl Inner {
    /// The segment that takes the next records; a full one is left for a new one.
    fn segment_with_room(&self) -> Result<u64, store::Error> {
        let active = self.active_segment.load(Ordering::Acquire);
        if lock(&self.lanes).segment_bytes(active) < SEGMENT_BYTES {
            return Ok(active);
        }
        self.next_segment(active)
    }

    /// Leaves a segment for the one after it. The writer alone does, between two commits: what is
    /// dropped later can then not be what is being written.
    fn next_segment(&self, active: u64) -> Result<u64, store::Error> {
        let summary = lock(&self.lanes).segment(active);
        self.store.open_segment(active + 1)?;
        self.active_segment.store(active + 1, Ordering::Release);
        self.store.note_summary(active, &summary)?;
        self.tend.ring();
        Ok(active + 1)
    }

    /// The slice that takes ids of this moment. Time does not go back within a run.
    fn slice_for(&self, now: u64) -> Result<u64, store::Error> {
        let now = self.latest.fetch_max(now, Ordering::Relaxed).max(now);
        let slice = self.slicing.slice_at(now);
        if self.slice.swap(slice, Ordering::Relaxed) != slice {
            self.store.open_slice(slice)?;
        }
        Ok(slice)
    }
}

fn fail(inner: &Inner) {
    let next = {
        let mut front = lock(&inner.front);
        front.state = State::Failed;
        std::mem::take(&mut front.forming)
    };
    // Those who wait for the next commit are told as well.
    Settling::of(next.commit).settle(Outcome::Failed);
    inner.failed.send_replace(true);
}

/// A segment is left when it holds this much: small enough to stay in memory until it is drained,
/// large enough that making one (some milliseconds, beside the writer) does not matter.
const SEGMENT_BYTES: u64 = 24 << 20;
