//! The group that gathers for the next commit while the previous one goes to the disk.
//!
//! Requests append to it from their own threads, so that looking up ids and copying records happens
//! while the disk works. The writer takes the whole group at once: one sync for all that wait.

use crate::record::layout::Record;
use crate::spool::append::ticket::Commit;
use crate::spool::lanes::chunk::{Builder, Chunk};
use crate::spool::log::frame::{self, Section};
use crate::spool::log::ids::{self, ID_BYTES};
use crate::spool::window::recent::RecentId;
use crate::spool::window::{IdEntry, IdKey};
use crate::spool::{Account, LaneId};
use std::sync::Arc;

/// Everything that waits for the next commit.
#[derive(Debug, Default)]
pub struct Group {
    chunks: Vec<Builder>,
    /// The size of each lane's chunk in the previous commit.
    expected: Vec<usize>,
    /// Ids to be remembered, in order.
    pub ids: Vec<(IdKey, IdEntry)>,
    /// The earlier entries of ids that are remembered anew.
    pub replaced: Vec<(IdKey, RecentId)>,
    /// Its future commit; the waiting requests hold tickets of it.
    pub commit: Arc<Commit>,
    /// Records by the account they count in.
    pub accounts: Vec<(Account, u64)>,
    /// Bytes of its records.
    pub bytes: u64,
    /// Its records.
    pub records: u64,
    /// The sequence of its first record, 0 without one.
    pub first: u64,
}

impl Group {
    /// Adds a stamped record to its lane.
    pub fn push(&mut self, lane: LaneId, sequence: u64, record: &Record, account: Account) {
        if self.chunks.len() <= lane.index() {
            self.chunks.resize_with(lane.index() + 1, Builder::default);
        }
        let expected = self.expected.get(lane.index()).copied().unwrap_or(0);
        self.chunks[lane.index()].push(sequence, record.as_bytes(), expected);
        self.bytes += record.as_bytes().len() as u64;
        self.records += 1;
        if self.first == 0 {
            self.first = sequence;
        }
        match self.accounts.iter_mut().find(|(known, _)| *known == account) {
            Some((_, records)) => *records += 1,
            None => self.accounts.push((account, 1)),
        }
    }

    /// True if there is nothing to commit, and so nobody to answer.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The most bytes that its frame takes.
    pub fn frame_bytes(&self) -> u64 {
        let chunks: usize = self.chunks.iter().map(Builder::len).sum();
        let ids = self.ids.len() * ID_BYTES;
        (chunks + ids) as u64 + frame::overhead(self.chunks.len() + 1)
    }

    /// Makes the next group, which expects as much as this one.
    pub fn successor(&self) -> Self {
        let expected = self.chunks.iter().map(|chunk| chunk.len().min(MAX_EXPECTED)).collect();
        let ids = Vec::with_capacity(self.ids.len().min(MAX_EXPECTED_IDS));
        Self { expected, ids, ..Self::default() }
    }

    /// The records by lane.
    pub fn take_chunks(&mut self, committed_at: u64) -> Vec<(LaneId, Chunk)> {
        let chunks = std::mem::take(&mut self.chunks).into_iter().zip(0_u16..);
        chunks
            .filter_map(|(chunk, lane)| Some((LaneId(lane), chunk.finish(0, committed_at)?)))
            .collect()
    }

    /// Encodes the ids as the section of a frame.
    pub fn id_section(&self) -> Section {
        ids::section(&self.ids)
    }
}

/// The largest size reserved for a chunk; a larger chunk is moved as it grows.
const MAX_EXPECTED: usize = 256 << 10;
const MAX_EXPECTED_IDS: usize = 4096;
