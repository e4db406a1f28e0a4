//! The drain's view of the spool: reads waiting records, and releases those that Kafka has.

use crate::lock::lock;
use crate::spool::append::admission::Acceptance;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::walk::{Rest, walk};
use crate::spool::lanes::{Lanes, Leaving};
use crate::spool::log::reader::Reader;
use crate::spool::notes::{Elsewhere, Note, Published};
use crate::spool::{Inner, LaneId, ReadError, Spool};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Spool {
    /// The chunk with a lane's first record after `sequence`, from memory if it is there.
    pub fn chunk_after(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Arc<Chunk>>, ReadError> {
        self.inner.chunk_after(lane, sequence)
    }

    /// The records of a lane after `sequence`, chunk by chunk.
    pub fn records_after(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> impl Iterator<Item = Result<Rest, ReadError>> {
        walk(sequence, move |after| self.inner.chunk_after(lane, after))
    }

    /// Waits until a record follows in any of the given lanes after its sequence, or the time is
    /// up.
    pub fn wait_for_records(&self, after: &[(LaneId, u64)], timeout: Duration) {
        let lanes = lock(&self.inner.lanes);
        let nothing_new = |lanes: &mut Lanes| {
            let woken = self.inner.drain_woken.swap(false, Ordering::Relaxed);
            !woken && after.iter().all(|(lane, from)| lanes.may_leave(*lane) <= *from)
        };
        drop(self.inner.committed.wait_timeout_while(lanes, timeout, nothing_new));
    }

    /// Wakes the caller of [`Spool::wait_for_records`] at once, to look at something else.
    pub fn wake_drain(&self) {
        // Under the lock, so that it cannot fall between the caller's check and its wait.
        let _lanes = lock(&self.inner.lanes);
        self.inner.drain_woken.store(true, Ordering::Relaxed);
        self.inner.committed.notify_all();
    }

    /// The sequence of a lane's first record after `sequence`, if there is one.
    pub fn first_after(&self, lane: LaneId, sequence: u64) -> Result<Option<u64>, ReadError> {
        let rest = self.records_after(lane, sequence).next().transpose()?;
        Ok(rest.and_then(|rest| rest.records().next().map(|record| record.sequence)))
    }

    /// True if a record waits in a lane and may leave.
    pub fn waits(&self, lane: LaneId) -> bool {
        let lanes = lock(&self.inner.lanes);
        lanes.may_leave(lane) > lanes.released(lane)
    }

    /// The withdrawn records of a lane in `after + 1..=through`, in order. `through` is the end of
    /// a chunk. `None` while its records may not leave: lanes open in whole chunks.
    pub fn withdrawn(&self, lane: LaneId, after: u64, through: u64) -> Option<Vec<u64>> {
        let lanes = lock(&self.inner.lanes);
        (through <= lanes.may_leave(lane)).then(|| lanes.withdrawn(lane, after, through))
    }

    /// The sequence up to which a lane is released.
    pub fn released(&self, lane: LaneId) -> u64 {
        lock(&self.inner.lanes).released(lane)
    }

    /// Releases records that are committed in Kafka, and notes their places.
    pub fn release(&self, lane: LaneId, leaving: Leaving, places: &[Published]) {
        let freed = lock(&self.inner.lanes).release(lane, leaving, self.inner.quarantine);
        self.inner.pending_bytes.fetch_sub(freed, Ordering::Relaxed);
        let places = places.to_vec();
        self.inner.note(Note::Released { lane, through: leaving.through, places });
    }

    /// Notes the places of records that their own topic refused for good, and the reason.
    pub fn note_quarantined(&self, lane: LaneId, places: &[Published], reason: &str) {
        for place in places {
            let went = Elsewhere { place: *place, reason: reason.to_owned() };
            self.inner.note(Note::Refused { lane, went });
        }
    }

    /// The time at which the oldest waiting record of a lane was committed, in milliseconds since
    /// the epoch. Does not read the disk.
    pub fn oldest(&self, lane: LaneId) -> Option<u64> {
        lock(&self.inner.lanes).oldest(lane)
    }
}

impl Inner {
    fn chunk_after(&self, lane: LaneId, sequence: u64) -> Result<Option<Arc<Chunk>>, ReadError> {
        let segment = {
            let lanes = lock(&self.lanes);
            if lanes.last(lane) <= sequence {
                return Ok(None);
            }
            if let Some(chunk) = lanes.tail_after(lane, sequence) {
                drop(lanes);
                // The drain has caught up with memory, so chunks read from the disk are no longer
                // needed.
                self.reader.forget(lane);
                return Ok(Some(chunk));
            }
            lanes.segment_of(lane, sequence)
        };
        let Some(segment) = segment else { return Ok(None) };
        let chunk = self.reader.chunk_after(&self.log, lane, sequence, segment)?;
        if let Some(chunk) = &chunk {
            lock(&self.lanes).learn(lane, sequence, chunk.committed_at());
        }
        Ok(chunk)
    }

    /// The same as [`Inner::chunk_after`] for inspection: the drain's read-ahead stays.
    pub(super) fn look_at_chunk(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Arc<Chunk>>, ReadError> {
        let segment = {
            let lanes = lock(&self.lanes);
            if let Some(chunk) = lanes.tail_after(lane, sequence) {
                return Ok(Some(chunk));
            }
            lanes.segment_of(lane, sequence)
        };
        let Some(segment) = segment else { return Ok(None) };
        Reader::new(self.reader.gone().clone()).chunk_after(&self.log, lane, sequence, segment)
    }

    /// Adds a note for the next frame.
    fn note(&self, note: Note) {
        let mut admission = lock(&self.admission);
        admission.notes.push(note);
        // If there are many notes, asks for a frame that carries them.
        if admission.notes.len() >= MANY_NOTES && admission.state == Acceptance::Open {
            admission.asked.notes = true;
            drop(admission);
            self.work.notify_one();
        }
    }
}

/// Some megabytes of notes, if each is about thousands of records.
const MANY_NOTES: usize = 64;
