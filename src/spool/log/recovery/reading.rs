//! Reads one segment frame by frame, and gathers its content.

use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::extents::Extents;
use crate::spool::log::frame::{FoundFrame, Kind, next_frame};
use crate::spool::log::ids;
use crate::spool::log::segment::FIRST_FRAME;
use crate::spool::window::old_ids::Handover;
use bytes::Bytes;

/// The content gathered from one segment.
#[derive(Debug)]
pub(super) struct SegmentReading {
    pub(super) first: Option<u64>,
    pub(super) end: u64,
    pub(super) extents: Extents,
    pub(super) handover: Handover,
    pub(super) is_broken: bool,
    /// The number of records in the last frame.
    pub(super) records: u64,
}

impl SegmentReading {
    /// Begins with a segment of which nothing was read yet.
    pub(super) fn new(segment: u64) -> Self {
        Self {
            first: None,
            end: FIRST_FRAME,
            extents: Extents::default(),
            handover: Handover { segment, ..Handover::default() },
            is_broken: false,
            records: 0,
        }
    }

    /// Finds the frame at a place, or the next one after a break.
    pub(super) fn next(
        &mut self,
        salt: u64,
        bytes: &[u8],
        at: usize,
    ) -> Option<(usize, FoundFrame)> {
        if let Some(found) = bytes.get(at..).and_then(|rest| FoundFrame::read(salt, rest).ok())
            && at as u64 + found.length <= bytes.len() as u64
        {
            return Some((at, found));
        }
        let behind = next_frame(salt, bytes, at);
        self.is_broken |= behind.is_some();
        behind
    }

    /// Takes in a frame. False if one of its sections is not as it was written.
    pub(super) fn take(&mut self, found: &FoundFrame, frame: &[u8]) -> bool {
        if !found.is_whole(frame) {
            return false;
        }
        let mut chunks = Vec::new();
        let mut ids = Vec::new();
        for entry in &found.directory {
            let Some(bytes) = entry.bytes(frame) else { return false };
            match entry.kind {
                Kind::Records => match Chunk::read(0, Bytes::copy_from_slice(bytes)) {
                    Ok(chunk) => chunks.push((entry.lane, chunk)),
                    Err(_) => return false,
                },
                Kind::Ids => ids.extend(ids::read(bytes)),
                Kind::Released | Kind::Refused | Kind::State | Kind::Summary => {}
            }
        }
        self.first.get_or_insert(found.head.number);
        self.records = chunks.iter().map(|(_, chunk)| chunk.count()).sum();
        for (lane, chunk) in chunks {
            self.extents.add(lane, chunk.extent());
        }
        self.handover.ids.extend(ids);
        true
    }
}
