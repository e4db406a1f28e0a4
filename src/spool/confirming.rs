//! Holds records back until they are confirmed: if several replicas may have stored the same event,
//! only one of the copies is published.
//!
//! A [`Follower`] reads the log behind the writer and returns the records of each frame with their
//! ids, beginning with those that a start has recovered. The caller asks the other replicas, and
//! tells the spool the result: lanes open up to a sequence, and single records are withdrawn. The
//! drain passes over withdrawn records.
//!
//! # Promises
//! - A record is returned again after every start, until it has left the spool.
//! - Lanes open in whole chunks.
//!
//! Knows nothing of the way others are asked. Without a gate nothing of this runs.

use crate::lock::lock;
use crate::spool::log::frame::{FoundFrame, Kind, next_frame};
use crate::spool::log::ids;
use crate::spool::log::segment::{FIRST_FRAME, Segment, name_of};
use crate::spool::window::{IdEntry, IdKey};
use crate::spool::{Inner, LaneId, ReadError, Spool};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A record that is not confirmed yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unconfirmed {
    /// Its event's id.
    pub id: IdKey,
    /// Its lane.
    pub lane: LaneId,
    /// Its sequence.
    pub sequence: u64,
}

/// The records of some frames.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Followed {
    /// The waiting records, with their ids.
    pub records: Vec<Unconfirmed>,
    /// The last sequence in each lane.
    pub through: BTreeMap<LaneId, u64>,
}

/// A place in the log, behind the writer.
#[derive(Clone, Debug)]
pub struct Follower {
    segment: u64,
    at: u64,
    /// The number of the previous frame, 0 at the beginning of a segment.
    frame: u64,
    /// The last sequence that was returned.
    last_sequence: u64,
}

impl Spool {
    /// A follower that begins with the oldest waiting record.
    pub fn follower(&self) -> Follower {
        let lanes = lock(&self.inner.lanes);
        let first = lanes.oldest_waiting_segment();
        let segment = first.unwrap_or_else(|| self.inner.active.load(Ordering::Acquire));
        Follower { segment, at: FIRST_FRAME, frame: 0, last_sequence: 0 }
    }

    /// Returns the records of the next frames, about `about` of them. Empty if the follower has
    /// caught up.
    pub fn follow(&self, follower: &mut Follower, about: usize) -> Result<Followed, ReadError> {
        let mut followed = Followed::default();
        while followed.records.len() < about && self.inner.follow(follower, &mut followed)? {}
        Ok(followed)
    }

    /// Lets records leave, up to a sequence in each lane, except for the withdrawn ones.
    pub fn open_through(
        &self,
        through: &BTreeMap<LaneId, u64>,
        withdrawn: impl IntoIterator<Item = (LaneId, u64)>,
    ) {
        lock(&self.inner.lanes).open_through(through, withdrawn);
        self.inner.committed.notify_all();
    }

    /// Waits until an unconfirmed record is stored, or the time is up.
    pub fn wait_for_unconfirmed(&self, timeout: Duration) {
        let lanes = lock(&self.inner.lanes);
        let nothing = |lanes: &mut crate::spool::lanes::Lanes| !lanes.waits_for_confirmation();
        let waited = self.inner.committed.wait_timeout_while(lanes, timeout, nothing);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Inner {
    /// Takes in the next frame. False if there is none.
    fn follow(&self, place: &mut Follower, followed: &mut Followed) -> Result<bool, ReadError> {
        // Read before the segment's end: once another segment is active, nothing is added to this
        // one.
        let active = self.active.load(Ordering::Acquire);
        let segment = self.log.segment(place.segment);
        let Some(segment) = segment.filter(|segment| place.at < segment.end()) else {
            let next = self.log.segment_after(place.segment);
            let Some(next) = next.filter(|_| place.segment < active) else { return Ok(false) };
            *place = Follower { segment: next.number, at: FIRST_FRAME, frame: 0, ..*place };
            return Ok(true);
        };
        let (at, found, bytes) = match segment.frame_at(place.at)? {
            Some((found, bytes)) => (place.at, found, bytes),
            None => match self.frame_behind_a_gap(&segment, place)? {
                Some(behind) => behind,
                // Its file was just reused for another segment, so nothing in it waits.
                None if self.log.segment(place.segment).is_none() => return Ok(true),
                None => return Err(damaged(&segment, place.at)),
            },
        };
        place.at = at + found.length;
        place.frame = found.head.number;
        let lanes = lock(&self.lanes);
        for (id, IdEntry { sequence, lane, .. }) in ids_of(&found, &bytes) {
            // The first of a record's ids is its event's. An id whose sequence does not grow is a
            // fact of the same record, or tells an older fact again.
            if sequence > place.last_sequence {
                place.last_sequence = sequence;
                followed.through.insert(lane, sequence);
                if sequence > lanes.released(lane) {
                    followed.records.push(Unconfirmed { id, lane, sequence });
                }
            }
        }
        Ok(true)
    }

    /// Finds the next frame, if the frames before it are known to be lost.
    fn frame_behind_a_gap(
        &self,
        segment: &Segment,
        place: &Follower,
    ) -> Result<Option<(u64, FoundFrame, Vec<u8>)>, ReadError> {
        let bytes = segment.read_vec(place.at, segment.end() - place.at)?;
        let Some((at, found)) = next_frame(segment.salt, &bytes, 0) else { return Ok(None) };
        let is_known = self.reader.gone().covers(place.frame + 1, found.head.number - 1);
        let frame = bytes[at..].to_vec();
        let is_right = is_known && found.is_whole(&frame);
        Ok(is_right.then_some((place.at + at as u64, found, frame)))
    }
}

/// The ids in a frame.
fn ids_of<'f>(
    found: &'f FoundFrame,
    frame: &'f [u8],
) -> impl Iterator<Item = (IdKey, IdEntry)> + 'f {
    let sections = found.directory.iter().filter(|entry| entry.kind == Kind::Ids);
    sections.filter_map(|entry| entry.bytes(frame)).flat_map(ids::read)
}

fn damaged(segment: &Arc<Segment>, at: u64) -> ReadError {
    let name = name_of(segment.number);
    ReadError::Damaged(format!("{name} is not as it was written, from byte {at} on"))
}
