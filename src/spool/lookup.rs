//! Finds ids, and the places of records: in memory, in segments not absorbed yet, in the window.

use crate::lock::lock;
use crate::spool::notes::{Elsewhere, Note, Published};
use crate::spool::window::{IdEntry, IdKey};
use crate::spool::{Inner, LaneId, ReadError, Spool};

impl Spool {
    /// The entry of an id, and the place of its record if it is known.
    pub fn find(&self, id: &IdKey) -> Result<Option<(IdEntry, Option<Published>)>, ReadError> {
        let Some(entry) = self.inner.entry(id) else { return Ok(None) };
        let place = self.inner.place(entry.lane, entry.sequence)?;
        Ok(Some((entry, place)))
    }
}

impl Inner {
    /// The entry of an id, whether or not it is on the disk yet.
    pub(super) fn entry(&self, id: &IdKey) -> Option<IdEntry> {
        // The slices last: ids that are absorbed meanwhile are found there.
        let recent = lock(&self.admission).recent.get(id).map(|known| known.entry);
        recent.or_else(|| self.old_entry(id))
    }

    /// The place of a record, if it is known.
    pub(super) fn place(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Published>, ReadError> {
        let place = self.find_note(|note| note.place(lane, sequence));
        Ok(match place {
            Some(place) => Some(place),
            None => self.old_ids.place(lane, sequence)?,
        })
    }

    /// The place of a record that its own topic refused, if it did and that is known.
    pub(super) fn elsewhere(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Elsewhere>, ReadError> {
        let went = self.find_note(|note| note.elsewhere(lane, sequence).cloned());
        Ok(match went {
            Some(went) => Some(went),
            None => self.old_ids.elsewhere(lane, sequence)?,
        })
    }

    /// Searches the notes in memory.
    fn find_note<T>(&self, find: impl Fn(&Note) -> Option<T>) -> Option<T> {
        let in_admission = lock(&self.admission).notes.iter().find_map(&find);
        let newest = in_admission.or_else(|| {
            let unabsorbed = lock(&self.unabsorbed);
            unabsorbed.values().rev().find_map(|kept| kept.handover.notes.iter().find_map(&find))
        });
        newest.or_else(|| {
            let sealed = lock(&self.sealed);
            sealed.values().rev().find_map(|kept| kept.handover.notes.iter().find_map(&find))
        })
    }
}
