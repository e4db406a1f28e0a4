//! What waits in each lane, and the books of this run.
//!
//! # Promises
//! - What is counted as committed, pending and published balances at every look (P6): each change
//!   is one critical section, and [`Lanes::books`] is read in one.
//! - A lane's tail holds its newest chunks without a gap.
//!
//! Knows nothing of the disk.

use crate::spool::chunk::Chunk;
use crate::spool::segments::{Extent, Segment};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// All lanes of the spool.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: Vec<Lane>,
    segments: BTreeMap<u64, Segment>,
    committed: Vec<u64>,
    recovered: u64,
}

#[derive(Debug, Default)]
struct Lane {
    topic: Arc<str>,
    last: u64,
    released: u64,
    pending: u64,
    pending_bytes: u64,
    published: u64,
    tail: VecDeque<Arc<Chunk>>,
    tail_bytes: usize,
}

/// The figures of P6, from one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    /// Records committed by this run, by the account that the caller gave them.
    pub committed: Vec<u64>,
    /// Records that waited when this run began.
    pub recovered: u64,
    /// Each lane.
    pub lanes: Vec<LaneBook>,
}

/// One lane's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneBook {
    /// The topic it feeds.
    pub topic: Arc<str>,
    /// Records that wait.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// Records of this run's work that are committed in Kafka, in this lane's topic.
    pub published: u64,
    /// The last sequence that is out of the spool.
    pub released: u64,
}

/// Records that left a lane.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Leaving {
    /// The last of them.
    pub through: u64,
    /// How many went to the lane's own topic.
    pub published: u64,
    /// How many Kafka refused for good: they went to the quarantine topic.
    pub quarantined: u64,
    /// The bytes of all of them.
    pub bytes: u64,
}

/// What is needed to know a lane again at a start.
#[derive(Clone, Debug)]
pub struct Known {
    /// The topic it feeds.
    pub topic: String,
    /// How far it is released.
    pub released: u64,
    /// How many records wait.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
}

impl Lanes {
    /// The lanes as a start finds them. `accounts` is how many accounts the caller counts by.
    pub fn new(known: Vec<Known>, segments: BTreeMap<u64, Segment>, accounts: usize) -> Self {
        let recovered = known.iter().map(|lane| lane.pending).sum();
        let mut last: BTreeMap<u16, u64> = BTreeMap::new();
        for (lane, extent) in segments.values().flat_map(Segment::extents) {
            last.insert(lane, extent.last);
        }
        let lanes = known.into_iter().zip(0_u16..).map(|(known, number)| Lane {
            topic: known.topic.into(),
            last: last.get(&number).copied().unwrap_or(0).max(known.released),
            released: known.released,
            pending: known.pending,
            pending_bytes: known.pending_bytes,
            ..Lane::default()
        });
        Self { lanes: lanes.collect(), segments, committed: vec![0; accounts], recovered }
    }

    /// Takes in what was just committed.
    pub fn commit(&mut self, segment: u64, chunks: Vec<(u16, Chunk)>, accounts: &[(usize, u64)]) {
        for (account, records) in accounts {
            self.committed[*account] += records;
        }
        let segment = self.segments.entry(segment).or_default();
        for (number, chunk) in chunks {
            let lane = &mut self.lanes[usize::from(number)];
            let extent = extent_of(&chunk);
            segment.add(number, extent);
            lane.pending += extent.records;
            lane.pending_bytes += extent.bytes;
            lane.push(chunk);
        }
    }

    /// Lets records go that are committed in Kafka. Returns the bytes that no longer wait.
    pub fn release(&mut self, number: u16, leaving: Leaving, quarantine: u16) -> u64 {
        let lane = &mut self.lanes[usize::from(number)];
        lane.released = lane.released.max(leaving.through);
        lane.pending = lane.pending.saturating_sub(leaving.published + leaving.quarantined);
        lane.pending_bytes = lane.pending_bytes.saturating_sub(leaving.bytes);
        lane.published += leaving.published;
        while lane.tail.front().is_some_and(|chunk| chunk.last <= leaving.through) {
            lane.pop();
        }
        self.lanes[usize::from(quarantine)].published += leaving.quarantined;
        leaving.bytes
    }

    /// The chunk of a lane's tail that holds the first record after `sequence`. `None` if the tail
    /// does not reach back so far, or nothing follows.
    pub fn tail_after(&self, number: u16, sequence: u64) -> Option<Arc<Chunk>> {
        let tail = &self.lanes[usize::from(number)].tail;
        let reaches = tail.front().is_some_and(|chunk| chunk.follows <= sequence);
        let next = tail.partition_point(|chunk| chunk.last <= sequence);
        tail.get(next).filter(|_| reaches).cloned()
    }

    /// The last sequence committed to a lane.
    pub fn last(&self, number: u16) -> u64 {
        self.lanes[usize::from(number)].last
    }

    /// How far a lane is released.
    pub fn released(&self, number: u16) -> u64 {
        self.lanes[usize::from(number)].released
    }

    /// The lane of a topic.
    pub fn number(&self, topic: &str) -> Option<u16> {
        let at = self.lanes.iter().position(|lane| &*lane.topic == topic)?;
        u16::try_from(at).ok()
    }

    /// How many lanes there are.
    pub fn count(&self) -> u16 {
        self.lanes.len() as u16
    }

    /// The figures of this moment.
    pub fn books(&self) -> Books {
        let lanes = self.lanes.iter().map(|lane| LaneBook {
            topic: Arc::clone(&lane.topic),
            pending: lane.pending,
            pending_bytes: lane.pending_bytes,
            published: lane.published,
            released: lane.released,
        });
        Books {
            committed: self.committed.clone(),
            recovered: self.recovered,
            lanes: lanes.collect(),
        }
    }

    /// Bytes in a segment.
    pub fn segment_bytes(&self, number: u64) -> u64 {
        self.segments.get(&number).map_or(0, |segment| segment.bytes)
    }

    /// A segment's contents.
    pub fn segment(&self, number: u64) -> Segment {
        self.segments.get(&number).cloned().unwrap_or_default()
    }

    /// Segments before `active` in which nothing waits; they are forgotten here.
    pub fn take_released_segments(&mut self, active: u64) -> Vec<u64> {
        let lanes = &self.lanes;
        let released = |lane: u16| lanes[usize::from(lane)].released;
        let free: Vec<u64> = self
            .segments
            .range(..active)
            .filter(|(_, segment)| segment.is_released(released))
            .map(|(number, _)| *number)
            .collect();
        for number in &free {
            self.segments.remove(number);
        }
        free
    }

    /// Whether anything in a segment waits.
    pub fn waits_in(&self, number: u64) -> bool {
        let released = |lane: u16| self.lanes[usize::from(lane)].released;
        self.segments.get(&number).is_some_and(|segment| !segment.is_released(released))
    }
}

impl Lane {
    fn push(&mut self, mut chunk: Chunk) {
        chunk.follows = self.last;
        self.last = chunk.last;
        self.tail_bytes += chunk.as_bytes().len();
        self.tail.push_back(Arc::new(chunk));
        // The oldest go first, so that what stays has no gap; the store still has them all.
        while self.tail_bytes > MAX_TAIL_BYTES && self.tail.len() > 1 {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(chunk) = self.tail.pop_front() {
            self.tail_bytes -= chunk.as_bytes().len();
        }
    }
}

/// The records of a chunk, counted.
pub fn extent_of(chunk: &Chunk) -> Extent {
    let first = chunk.records().next().map_or(chunk.last, |record| record.sequence);
    let (records, bytes) = (chunk.count(), chunk.record_bytes());
    Extent { first, last: chunk.last, records, bytes }
}

/// A lane keeps this much of its newest records at hand; a tenth of a second at full speed. They
/// are the same allocations that the store's own buffer holds until it is written out.
const MAX_TAIL_BYTES: usize = 6 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::chunk::Builder;

    fn chunk(sequences: &[u64]) -> Chunk {
        let mut builder = Builder::default();
        for sequence in sequences {
            builder.push(*sequence, b"record", 0);
        }
        builder.finish(0, 0).unwrap()
    }

    fn lanes() -> Lanes {
        let known = |topic: &str| Known {
            topic: topic.to_owned(),
            released: 0,
            pending: 0,
            pending_bytes: 0,
        };
        Lanes::new(vec![known("a"), known("quarantine")], BTreeMap::new(), 2)
    }

    #[test]
    fn what_was_committed_is_pending_until_it_is_published() {
        let mut lanes = lanes();

        lanes.commit(1, vec![(0, chunk(&[1, 2, 3]))], &[(0, 3)]);
        lanes.release(0, Leaving { through: 2, published: 1, quarantined: 1, bytes: 12 }, 1);

        let books = lanes.books();
        assert_eq!(books.committed, [3, 0]);
        assert_eq!((books.lanes[0].pending, books.lanes[0].pending_bytes), (1, 6));
        assert_eq!((books.lanes[0].published, books.lanes[1].published), (1, 1));
    }

    #[test]
    fn the_tail_gives_the_chunk_that_holds_the_next_record() {
        let mut lanes = lanes();
        lanes.commit(1, vec![(0, chunk(&[1, 2]))], &[]);
        lanes.commit(1, vec![(0, chunk(&[5, 6]))], &[]);

        let last_after = |sequence| lanes.tail_after(0, sequence).map(|chunk| chunk.last);

        assert_eq!(last_after(0), Some(2));
        assert_eq!(last_after(1), Some(2));
        assert_eq!(last_after(2), Some(6));
        assert_eq!(last_after(6), None);
    }

    #[test]
    fn a_tail_that_lost_its_oldest_chunks_does_not_skip_them() {
        let mut lanes = lanes();
        let big = vec![0; MAX_TAIL_BYTES];
        let mut builder = Builder::default();
        builder.push(4, &big, 0);
        lanes.commit(1, vec![(0, chunk(&[1, 2]))], &[]);
        lanes.commit(1, vec![(0, builder.finish(0, 0).unwrap())], &[]);

        assert!(lanes.tail_after(0, 0).is_none());
        assert_eq!(lanes.tail_after(0, 2).map(|chunk| chunk.last), Some(4));
    }

    #[test]
    fn a_segment_is_given_back_when_all_of_it_is_released() {
        let mut lanes = lanes();
        lanes.commit(1, vec![(0, chunk(&[1, 2]))], &[]);
        lanes.commit(2, vec![(0, chunk(&[3]))], &[]);

        assert!(lanes.take_released_segments(2).is_empty());
        lanes.release(0, Leaving { through: 2, published: 2, ..Leaving::default() }, 1);
        assert_eq!(lanes.take_released_segments(2), [1]);
        assert!(lanes.waits_in(2));
    }
}
