//! The lanes at a start, with their waiting records.

use crate::spool::lanes::extents::Extents;
use crate::spool::lanes::walk::walk;
use crate::spool::lanes::{LaneStart, Lanes};
use crate::spool::log::Log;
use crate::spool::log::reader::Reader;
use crate::spool::log::state::InstanceState;
use crate::spool::{LaneId, ReadError};
use std::collections::BTreeMap;

/// The lanes of former runs in order, then those of new topics.
pub(in crate::spool) fn know_lanes(
    log: &Log,
    reader: &Reader,
    state: &InstanceState,
    released: &BTreeMap<LaneId, u64>,
    topics: &[String],
    segments: &BTreeMap<u64, Extents>,
) -> Result<Vec<LaneStart>, ReadError> {
    let mut names: Vec<&String> = state.lanes.iter().map(|lane| &lane.topic).collect();
    for topic in topics {
        if !names.contains(&topic) {
            names.push(topic);
        }
    }
    let mut known = Vec::new();
    for (topic, lane) in names.into_iter().zip((0_u16..).map(LaneId)) {
        let released = released.get(&lane).copied().unwrap_or(0);
        let mut waiting =
            LaneStart { topic: topic.clone(), released, pending: 0, pending_bytes: 0 };
        for (number, segment) in segments {
            let Some(extent) = segment.extent(lane) else { continue };
            if released < extent.first {
                waiting.pending += extent.records;
                waiting.pending_bytes += extent.bytes;
            } else if released < extent.last {
                waiting.add_rest(log, reader, lane, *number, extent.last)?;
            }
        }
        reader.forget(lane);
        known.push(waiting);
    }
    Ok(known)
}

/// Reads the commit time of each lane's oldest record. The drain reports one that cannot be read.
pub(in crate::spool) fn learn_ages(log: &Log, reader: &Reader, lanes: &mut Lanes) {
    for lane in (0..lanes.states().len()).filter_map(|lane| u16::try_from(lane).ok()).map(LaneId) {
        let released = lanes.released(lane);
        let Some(segment) = lanes.segment_of(lane, released) else { continue };
        if let Ok(Some(chunk)) = reader.chunk_after(log, lane, released, segment) {
            lanes.learn(lane, released, chunk.committed_at());
        }
        reader.forget(lane);
    }
}

impl LaneStart {
    /// Adds the waiting part of a segment that is partly released.
    fn add_rest(
        &mut self,
        log: &Log,
        reader: &Reader,
        lane: LaneId,
        segment: u64,
        last: u64,
    ) -> Result<(), ReadError> {
        let find = |after| match after < last {
            true => reader.chunk_after(log, lane, after, segment),
            false => Ok(None),
        };
        for rest in walk(self.released, find) {
            for record in rest?.records() {
                self.pending += 1;
                self.pending_bytes += record.bytes.len() as u64;
            }
        }
        Ok(())
    }
}
