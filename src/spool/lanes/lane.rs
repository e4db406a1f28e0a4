//! One lane: its figures, and its newest chunks.

use crate::spool::lanes::ages::Ages;
use crate::spool::lanes::chunk::Chunk;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) topic: Arc<str>,
    pub(super) last: u64,
    pub(super) released: u64,
    pub(super) pending: u64,
    pub(super) pending_bytes: u64,
    pub(super) published: u64,
    pub(super) found: u64,
    pub(super) ages: Ages,
    /// The sequence up to which a gate lets records leave.
    pub(super) open: u64,
    /// Records that do not leave, although the lane is open beyond them.
    pub(super) withdrawn: BTreeSet<u64>,
    /// The number of records withdrawn in this run.
    pub(super) withdrawals: u64,
    pub(super) tail: VecDeque<Arc<Chunk>>,
    pub(super) tail_bytes: usize,
    /// A configured source may fill it.
    pub(super) is_expected: bool,
}

impl Lane {
    /// True if it has had a record, or may get one from a configured source.
    pub(super) fn is_used(&self) -> bool {
        self.is_expected || self.last > 0
    }

    pub(super) fn push(&mut self, mut chunk: Chunk) {
        chunk.follows = self.last;
        self.last = chunk.last;
        self.ages.commit(chunk.last, chunk.committed_at());
        self.tail_bytes += chunk.as_bytes().len();
        self.tail.push_back(Arc::new(chunk));
        // The oldest chunks are dropped first, so that the rest has no gap; the log still has them
        // all.
        while self.tail_bytes > MAX_TAIL_BYTES && self.tail.len() > 1 {
            self.pop();
        }
    }

    pub(super) fn pop(&mut self) {
        if let Some(chunk) = self.tail.pop_front() {
            self.tail_bytes -= chunk.as_bytes().len();
        }
    }
}

/// The bytes of its newest records that a lane keeps in memory; a tenth of a second at full speed.
/// They are the buffers that were written, so they cost no copy.
pub(super) const MAX_TAIL_BYTES: usize = 6 << 20;
