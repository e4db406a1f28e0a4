//! The ids of segments that are not absorbed yet, in memory.
//!
//! Knows nothing of slices, or of the disk.

use crate::spool::window::{IdEntry, IdKey};
use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{BuildHasherDefault, Hasher};

/// Recent ids, by key.
#[derive(Debug, Default)]
pub struct Recent {
    ids: HashMap<IdKey, RecentId, BuildHasherDefault<PassThrough>>,
}

/// A recent id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecentId {
    /// Its entry.
    pub entry: IdEntry,
    /// The number of the frame that carries it.
    pub frame: u64,
}

impl Recent {
    /// The entry of an id.
    pub fn get(&self, id: &IdKey) -> Option<&RecentId> {
        self.ids.get(id)
    }

    /// Notes an id. Returns its entry from before.
    pub fn insert(&mut self, id: IdKey, known: RecentId) -> Option<RecentId> {
        self.ids.insert(id, known)
    }

    /// Undoes [`Recent::insert`].
    pub fn restore(&mut self, id: IdKey, before: Option<RecentId>) {
        match before {
            Some(before) => drop(self.ids.insert(id, before)),
            None => drop(self.ids.remove(&id)),
        }
    }

    /// Forgets an id, unless a later frame carries it as well.
    pub fn forget(&mut self, id: &IdKey, through: u64) {
        if let hash_map::Entry::Occupied(known) = self.ids.entry(*id)
            && known.get().frame <= through
        {
            known.remove();
        }
    }

    /// The number of ids.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Gives back memory that a burst has taken.
    pub fn settle(&mut self) {
        if self.ids.capacity() > 4 * self.ids.len().max(16_384) {
            self.ids.shrink_to(2 * self.ids.len());
        }
    }
}

/// A hasher for keys that are hashes already: it passes them through.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.0 ^= first;
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
