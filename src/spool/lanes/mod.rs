//! The waiting records of each lane, and the books of this run.
//!
//! # Promises
//! - Committed, pending and published records balance at every look (P6): each change is one
//!   critical section, and [`Lanes::books`] is read in one.
//! - A lane's tail holds its newest chunks without a gap.
//!
//! Knows nothing of the disk.

pub mod ages;
pub mod books;
pub mod chunk;
pub mod extents;
mod lane;
#[cfg(test)]
mod tests;
pub mod walk;

use crate::spool::lanes::ages::Ages;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::extents::Extents;
use crate::spool::lanes::lane::Lane;
use crate::spool::log::state::LaneState;
use crate::spool::{Account, LaneId};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::spool::lanes::books::{Books, LaneBook, Leaving};

/// The gate of all lanes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Gate {
    /// Records may leave as soon as they are stored.
    #[default]
    Open,
    /// Records wait for [`Lanes::open_through`].
    Confirmed,
}

/// All lanes of the spool.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: Vec<Lane>,
    segments: BTreeMap<u64, Extents>,
    committed: Vec<u64>,
    recovered: u64,
    gate: Gate,
}

/// The state of a lane at a start.
#[derive(Clone, Debug)]
pub struct LaneStart {
    /// The topic it feeds.
    pub topic: String,
    /// The sequence up to which it is released.
    pub released: u64,
    /// The number of waiting records.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
}

impl Lanes {
    /// The lanes as a start finds them. `accounts` is the number of the caller's accounts.
    pub fn new(
        known: Vec<LaneStart>,
        segments: BTreeMap<u64, Extents>,
        accounts: usize,
        gate: Gate,
    ) -> Self {
        let recovered = known.iter().map(|lane| lane.pending).sum();
        let mut last: BTreeMap<LaneId, u64> = BTreeMap::new();
        for (lane, extent) in segments.values().flat_map(Extents::extents) {
            last.insert(lane, extent.last);
        }
        let lanes = known.into_iter().zip(0_u16..).map(|(known, number)| {
            let last = last.get(&LaneId(number)).copied().unwrap_or(0).max(known.released);
            Lane {
                topic: known.topic.into(),
                last,
                released: known.released,
                open: known.released,
                pending: known.pending,
                pending_bytes: known.pending_bytes,
                ages: if known.pending > 0 {
                    Ages::unknown(known.released, last)
                } else {
                    Ages::default()
                },
                ..Lane::default()
            }
        });
        let committed = vec![0; accounts];
        Self { lanes: lanes.collect(), segments, committed, recovered, gate }
    }

    /// Takes in a commit.
    pub fn commit(
        &mut self,
        segment: u64,
        chunks: Vec<(LaneId, Chunk)>,
        accounts: &[(Account, u64)],
    ) {
        for (account, records) in accounts {
            // A source that joined since the start has accounts beyond the first list.
            if account.index() >= self.committed.len() {
                self.committed.resize(account.index() + 1, 0);
            }
            self.committed[account.index()] += records;
        }
        let segment = self.segments.entry(segment).or_default();
        for (number, chunk) in chunks {
            let lane = &mut self.lanes[number.index()];
            let extent = chunk.extent();
            segment.add(number, extent);
            lane.pending += extent.records;
            lane.pending_bytes += extent.bytes;
            lane.push(chunk);
        }
    }

    /// Releases records that are committed in Kafka. Returns the bytes that no longer wait.
    pub fn release(&mut self, number: LaneId, leaving: Leaving, quarantine: LaneId) -> u64 {
        let lane = &mut self.lanes[number.index()];
        lane.released = lane.released.max(leaving.through);
        lane.ages.release(leaving.through);
        lane.open = lane.open.max(leaving.through);
        lane.withdrawn = lane.withdrawn.split_off(&(leaving.through + 1));
        lane.withdrawals += leaving.withdrawn;
        let left = leaving.published + leaving.quarantined + leaving.withdrawn;
        lane.pending = lane.pending.saturating_sub(left);
        let freed = leaving.bytes.min(lane.pending_bytes);
        lane.pending_bytes -= freed;
        lane.published += leaving.published;
        lane.found += leaving.found;
        while lane.tail.front().is_some_and(|chunk| chunk.last <= leaving.through) {
            lane.pop();
        }
        self.lanes[quarantine.index()].published += leaving.quarantined;
        freed
    }

    /// Lets records leave up to a sequence in each lane, except for the withdrawn ones.
    pub fn open_through(
        &mut self,
        through: &BTreeMap<LaneId, u64>,
        withdrawn: impl IntoIterator<Item = (LaneId, u64)>,
    ) {
        for (number, sequence) in withdrawn {
            let lane = &mut self.lanes[number.index()];
            if sequence > lane.released {
                lane.withdrawn.insert(sequence);
            }
        }
        for (number, sequence) in through {
            let lane = &mut self.lanes[number.index()];
            lane.open = lane.open.max(*sequence);
        }
    }

    /// The sequence up to which records of a lane may leave.
    pub fn may_leave(&self, number: LaneId) -> u64 {
        let lane = &self.lanes[number.index()];
        match self.gate {
            Gate::Open => lane.last,
            Gate::Confirmed => lane.open.min(lane.last),
        }
    }

    /// The withdrawn records of a lane in `after + 1..=through`, in order.
    pub fn withdrawn(&self, number: LaneId, after: u64, through: u64) -> Vec<u64> {
        self.lanes[number.index()].withdrawn.range(after + 1..=through).copied().collect()
    }

    /// True if a stored record is held back.
    pub fn waits_for_confirmation(&self) -> bool {
        self.gate == Gate::Confirmed && self.lanes.iter().any(|lane| lane.open < lane.last)
    }

    /// The oldest segment with a waiting record.
    pub fn oldest_waiting_segment(&self) -> Option<u64> {
        self.segments.keys().copied().find(|number| self.waits_in(*number))
    }

    /// The chunk of a lane's tail with the first record after `sequence`. `None` if the tail does
    /// not reach back so far, or nothing follows.
    pub fn tail_after(&self, number: LaneId, sequence: u64) -> Option<Arc<Chunk>> {
        let tail = &self.lanes[number.index()].tail;
        let reaches = tail.front().is_some_and(|chunk| chunk.follows <= sequence);
        let next = tail.partition_point(|chunk| chunk.last <= sequence);
        tail.get(next).filter(|_| reaches).cloned()
    }

    /// The last sequence committed to a lane.
    pub fn last(&self, number: LaneId) -> u64 {
        self.lanes[number.index()].last
    }

    /// The sequence up to which a lane is released.
    pub fn released(&self, number: LaneId) -> u64 {
        self.lanes[number.index()].released
    }

    /// The commit time of a lane's oldest waiting record, in milliseconds since the epoch.
    pub fn oldest(&self, number: LaneId) -> Option<u64> {
        self.lanes[number.index()].ages.oldest()
    }

    /// Notes the commit time of the record after a sequence, as read from the disk.
    pub fn learn(&mut self, number: LaneId, sequence: u64, committed_at: u64) {
        self.lanes[number.index()].ages.learn(sequence, committed_at);
    }

    /// Expects records in the lanes of these topics.
    pub fn expect(&mut self, topics: &[String]) {
        for lane in &mut self.lanes {
            lane.is_expected |= topics.iter().any(|topic| **topic == *lane.topic);
        }
    }

    /// True if a lane has had a record, or may get one from a configured source.
    pub fn is_used(&self, number: LaneId) -> bool {
        self.lanes[number.index()].is_used()
    }

    /// The lane of a topic.
    pub fn number(&self, topic: &str) -> Option<LaneId> {
        let at = self.lanes.iter().position(|lane| &*lane.topic == topic)?;
        u16::try_from(at).ok().map(LaneId)
    }

    /// The topic and the released sequence of each lane.
    pub fn states(&self) -> Vec<LaneState> {
        let state =
            |lane: &Lane| LaneState { topic: lane.topic.to_string(), released: lane.released };
        self.lanes.iter().map(state).collect()
    }

    /// The sequence of the oldest waiting record.
    pub fn oldest_pending(&self) -> Option<u64> {
        let extents = self.segments.values().flat_map(Extents::extents);
        let waiting = extents.filter(|(lane, extent)| extent.last > self.released(*lane));
        waiting.map(|(_, extent)| extent.first).min()
    }

    /// The figures of this moment.
    pub fn books(&self) -> Books {
        let lanes = self.lanes.iter().zip((0_u16..).map(LaneId)).map(|(lane, number)| LaneBook {
            number,
            topic: Arc::clone(&lane.topic),
            pending: lane.pending,
            pending_bytes: lane.pending_bytes,
            published: lane.published,
            found: lane.found,
            withdrawn: lane.withdrawals,
            released: lane.released,
            is_used: lane.is_used(),
        });
        Books {
            committed: self.committed.clone(),
            recovered: self.recovered,
            lanes: lanes.collect(),
        }
    }

    /// The first segment with a record of a lane after a sequence.
    pub fn segment_of(&self, lane: LaneId, sequence: u64) -> Option<u64> {
        let holds =
            |segment: &Extents| segment.extent(lane).is_some_and(|extent| extent.last > sequence);
        self.segments.iter().find(|(_, segment)| holds(segment)).map(|(number, _)| *number)
    }

    /// The content of a segment.
    pub fn segment(&self, number: u64) -> Extents {
        self.segments.get(&number).cloned().unwrap_or_default()
    }

    /// True if a segment has records, released or not.
    pub fn segment_has_records(&self, number: u64) -> bool {
        self.segments.get(&number).is_some_and(|segment| segment.bytes > 0)
    }

    /// Forgets a segment in which nothing waits.
    pub fn forget_segment(&mut self, number: u64) {
        self.segments.remove(&number);
    }

    /// True if a record in a segment waits.
    pub fn waits_in(&self, number: u64) -> bool {
        let released = |lane: LaneId| self.lanes[lane.index()].released;
        self.segments.get(&number).is_some_and(|segment| !segment.is_released(released))
    }
}
