//! The group that gathers for the next commit while the one before it goes to the disk.
//!
//! Requests append to it from their own threads, so that looking up ids and copying records happens
//! while the disk works. The writer takes all of it at once: one sync for all that wait.

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
    /// How large each lane's chunk was in the commit before.
    expected: Vec<usize>,
    /// Ids to be remembered, in order.
    pub ids: Vec<(IdKey, IdEntry)>,
    /// What was known before of an id that is remembered anew.
    pub replaced: Vec<(IdKey, RecentId)>,
    /// The commit that it will be; its tickets are held by who waits.
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

    /// Whether there is nothing to commit, and so nobody to answer.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The bytes that its frame takes at most.
    pub fn frame_bytes(&self) -> u64 {
        let chunks: usize = self.chunks.iter().map(Builder::len).sum();
        let ids = self.ids.len() * ID_BYTES;
        (chunks + ids) as u64 + frame::overhead(self.chunks.len() + 1)
    }

    /// What follows this one, once this one is taken: as much is expected again.
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

    /// The ids as a frame carries them.
    pub fn id_section(&self) -> Section {
        ids::section(&self.ids)
    }
}

/// A chunk is at most this large before it is moved as it grows.
const MAX_EXPECTED: usize = 256 << 10;
const MAX_EXPECTED_IDS: usize = 4096;
