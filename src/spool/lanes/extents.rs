//! The extents of the lanes in each segment, so that its space is given back when nothing in it
//! waits.

use crate::spool::LaneId;
use std::collections::BTreeMap;

/// The content of a segment, by lane.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Extents {
    /// Bytes of all its chunks.
    pub bytes: u64,
    lanes: BTreeMap<LaneId, Extent>,
}

/// The records of one lane in one segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Extent {
    /// The sequence of the first record.
    pub first: u64,
    /// The sequence of the last record.
    pub last: u64,
    /// The number of records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Extents {
    /// Adds records of a lane, which must follow all records added before.
    pub fn add(&mut self, lane: LaneId, extent: Extent) {
        self.bytes += extent.bytes;
        self.lanes
            .entry(lane)
            .and_modify(|known| {
                known.last = extent.last;
                known.records += extent.records;
                known.bytes += extent.bytes;
            })
            .or_insert(extent);
    }

    /// The extents, by lane.
    pub fn extents(&self) -> impl Iterator<Item = (LaneId, Extent)> + '_ {
        self.lanes.iter().map(|(lane, extent)| (*lane, *extent))
    }

    /// The extent of one lane.
    pub fn extent(&self, lane: LaneId) -> Option<&Extent> {
        self.lanes.get(&lane)
    }

    /// True if nothing in it waits, given the released sequence of each lane.
    pub fn is_released(&self, released: impl Fn(LaneId) -> u64) -> bool {
        self.lanes.iter().all(|(lane, extent)| released(*lane) >= extent.last)
    }

    /// Encodes the summary that ends a sealed segment, so that a start need not read its frames.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.lanes.len() * ROW);
        for (lane, extent) in &self.lanes {
            bytes.extend_from_slice(&lane.0.to_le_bytes());
            for number in [extent.first, extent.last, extent.records, extent.bytes] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    /// Reads a summary; `None` if the bytes are not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut segment = Self::default();
        if !bytes.len().is_multiple_of(ROW) {
            return None;
        }
        for row in bytes.chunks_exact(ROW) {
            let number = |at: usize| {
                row.get(2 + at * 8..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
            };
            let extent = Extent {
                first: number(0)?,
                last: number(1)?,
                records: number(2)?,
                bytes: number(3)?,
            };
            segment.add(LaneId(u16::from_le_bytes(*row.first_chunk()?)), extent);
        }
        Some(segment)
    }
}

/// Lane, first, last, records, bytes.
const ROW: usize = 2 + 4 * 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Extents {
        let mut segment = Extents::default();
        segment.add(LaneId(1), Extent { first: 10, last: 12, records: 2, bytes: 700 });
        segment.add(LaneId(4), Extent { first: 11, last: 11, records: 1, bytes: 90 });
        segment.add(LaneId(1), Extent { first: 13, last: 20, records: 3, bytes: 900 });
        segment
    }

    #[test]
    fn a_segment_is_released_when_every_lane_in_it_is() {
        let released =
            |one, four| segment().is_released(|lane| if lane == LaneId(1) { one } else { four });

        assert!(released(20, 11));
        assert!(!released(19, 11));
        assert!(!released(20, 10));
    }

    #[test]
    fn a_summary_is_read_back() {
        assert_eq!(Extents::decode(&segment().encode()), Some(segment()));
        assert_eq!(Extents::decode(b"short"), None);
    }
}
