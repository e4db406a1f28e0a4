//! A store of old ids, in memory.

use crate::lock::lock;
use crate::spool::LaneId;
use crate::spool::log::disk::memory::MemoryDisk;
use crate::spool::notes::{Elsewhere, Published};
use crate::spool::window::old_ids::{Cursor, Error, Handover, OldIds};
use crate::spool::window::{IdEntry, IdKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Old ids that last as soon as they are absorbed, which is all that the spool requires.
#[derive(Clone, Debug)]
pub(in crate::spool) struct OldInMemory {
    pub(in crate::spool) ids: Arc<Mutex<Arc<Old>>>,
    pub(in crate::spool) disk: MemoryDisk,
}

/// The content of the store.
#[derive(Clone, Debug, Default)]
pub(in crate::spool) struct Old {
    ids: HashMap<[u8; 16], IdEntry>,
    absorbed: u64,
}

impl OldIds for OldInMemory {
    fn absorb(&self, handover: &Handover) -> Result<(), Error> {
        let ids = handover.ids.iter().map(|(id, entry)| (*id.as_bytes(), *entry));
        Arc::make_mut(&mut lock(&self.ids)).ids.extend(ids);
        // The power may be cut between the two steps.
        self.disk.tell();
        let mut ids = lock(&self.ids);
        let old = Arc::make_mut(&mut ids);
        old.absorbed = old.absorbed.max(handover.segment);
        drop(ids);
        self.disk.tell();
        Ok(())
    }

    fn absorbed(&self) -> u64 {
        lock(&self.ids).absorbed
    }

    fn find(&self, id: &IdKey) -> Result<Option<IdEntry>, Error> {
        Ok(lock(&self.ids).ids.get(id.as_bytes()).copied())
    }

    fn place(&self, _: LaneId, _: u64) -> Result<Option<Published>, Error> {
        Ok(None)
    }

    fn elsewhere(&self, _: LaneId, _: u64) -> Result<Option<Elsewhere>, Error> {
        Ok(None)
    }

    /// Never zero, so that a start makes no filter and looks up each id.
    fn count(&self) -> u64 {
        1
    }

    fn forget(&self, _: u64) -> Result<usize, Error> {
        Ok(0)
    }

    fn some_after(&self, after: Option<Cursor>, most: usize) -> Result<Vec<Cursor>, Error> {
        let mut ids: Vec<IdKey> = lock(&self.ids).ids.keys().copied().map(IdKey::stored).collect();
        ids.sort_unstable();
        let rest = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after.id));
        Ok(rest.take(most).map(|id| Cursor { slice: 0, id }).collect())
    }

    fn verify(&self) -> (u64, Vec<String>) {
        (0, Vec::new())
    }

    fn remember_for_good(&self, _: &IdKey) -> Result<(), Error> {
        Ok(())
    }

    fn remembers_for_good(&self, _: &IdKey) -> Result<bool, Error> {
        Ok(false)
    }

    fn disk_bytes(&self) -> u64 {
        0
    }
}
