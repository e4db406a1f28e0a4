//! The group that gathers for the next commit while the one before it goes to the disk.
//!
//! Requests append to it from their own threads, so that looking up ids and copying records happens
//! while the disk works. The writer takes all of it at once: one sync for all that wait.

use crate::record::layout::Record;
use crate::spool::append::ticket::Commit;
use crate::spool::chunk::Builder;
use crate::spool::window::{Entry, IdKey};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that waits for the next commit.
#[derive(Debug, Default)]
pub struct Group {
    chunks: Vec<Builder>,
    /// How large each lane's chunk was in the commit before.
    expected: Vec<usize>,
    /// Ids to be remembered, in order.
    pub ids: Vec<(IdKey, Entry)>,
    /// The same, to find repeats of what is not yet on the disk.
    pub known: HashMap<IdKey, Entry>,
    /// The commit that it will be; its tickets are held by who waits.
    pub commit: Arc<Commit>,
    /// Records by the account they count in.
    pub accounts: Vec<(usize, u64)>,
    /// Bytes of its records.
    pub bytes: u64,
    /// Its records.
    pub records: u64,
    /// The latest time among its records.
    pub now: u64,
}

impl Group {
    /// Adds a stamped record to its lane and remembers its id.
    pub fn push(&mut self, id: IdKey, entry: Entry, record: &Record, account: usize) {
        let lane = usize::from(entry.lane);
        if self.chunks.len() <= lane {
            self.chunks.resize_with(lane + 1, Builder::default);
        }
        let expected = self.expected.get(lane).copied().unwrap_or(0);
        self.chunks[lane].push(entry.sequence, record.as_bytes(), expected);
        self.bytes += record.as_bytes().len() as u64;
        self.records += 1;
        self.remember(id, entry);
        match self.accounts.iter_mut().find(|(known, _)| *known == account) {
            Some((_, records)) => *records += 1,
            None => self.accounts.push((account, 1)),
        }
    }

    /// Remembers an id whose record is, or will be, somewhere else.
    pub fn remember(&mut self, id: IdKey, entry: Entry) {
        self.now = self.now.max(entry.accepted_at);
        self.ids.push((id, entry));
        self.known.insert(id, entry);
    }

    /// Whether there is nothing to commit, and so nobody to answer.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What follows this one, once this one is taken: as much is expected again.
    pub fn successor(&self) -> Self {
        let expected = self.chunks.iter().map(|chunk| chunk.len().min(MAX_EXPECTED)).collect();
        Self { expected, ..Self::default() }
    }

    /// The records by lane.
    pub fn take_chunks(&mut self) -> impl Iterator<Item = (u16, Builder)> + use<> {
        std::mem::take(&mut self.chunks).into_iter().zip(0_u16..).map(|(chunk, lane)| (lane, chunk))
    }
}

/// A chunk is at most this large before it is moved as it grows.
const MAX_EXPECTED: usize = 256 << 10;
