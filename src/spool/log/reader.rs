//! Reads back records that are no longer in memory, lane by lane, forward.
//!
//! # Promises
//! - Each chunk's checksum is checked.
//! - A lane's chunks come in order, and none is left out, except for those that an operator knows
//!   to be lost.
//!
//! # Limits
//! Each lane that is read keeps about a megabyte in memory. Going back costs reading its segment
//! from the start.

use crate::lock::lock;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::log::Log;
use crate::spool::log::frame::{FoundFrame, Kind, next_frame};
use crate::spool::log::segment::{FIRST_FRAME, Segment, name_of};
use crate::spool::log::state::Gone;
use crate::spool::{LaneId, ReadError};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The last reading place of each lane.
#[derive(Debug, Default)]
pub struct Reader {
    lanes: Mutex<BTreeMap<LaneId, Ahead>>,
    /// Frames that may be missing.
    gone: Gone,
}

/// The chunks read ahead of one lane.
#[derive(Debug, Default)]
struct Ahead {
    /// `chunks` has all chunks with a record after this sequence, up to the place that was reached.
    after: u64,
    chunks: VecDeque<Arc<Chunk>>,
    segment: u64,
    at: u64,
    frame: u64,
}

impl Reader {
    /// A reader that passes over frames that are known to be lost.
    pub fn new(gone: Gone) -> Self {
        Self { lanes: Mutex::default(), gone }
    }

    /// Frames that may be missing.
    pub fn gone(&self) -> &Gone {
        &self.gone
    }

    /// Returns a lane's chunk with the first record after a sequence. `from` is the segment that
    /// has it.
    pub fn chunk_after(
        &self,
        log: &Log,
        lane: LaneId,
        sequence: u64,
        from: u64,
    ) -> Result<Option<Arc<Chunk>>, ReadError> {
        let mut lanes = lock(&self.lanes);
        let ahead = lanes.entry(lane).or_default();
        let is_further = ahead.segment >= from && ahead.after <= sequence && ahead.segment > 0;
        if !is_further {
            *ahead = Ahead { after: sequence, segment: from, at: FIRST_FRAME, ..Ahead::default() };
        }
        loop {
            while ahead.chunks.front().is_some_and(|chunk| chunk.last <= sequence) {
                ahead.chunks.pop_front();
                ahead.after = sequence;
            }
            if let Some(chunk) = ahead.chunks.front() {
                return Ok(Some(Arc::clone(chunk)));
            }
            ahead.after = sequence;
            let Some(segment) = log.segment(ahead.segment) else {
                // It was given back meanwhile, so all of it was released.
                lanes.remove(&lane);
                return Ok(None);
            };
            if ahead.at < segment.end() {
                ahead.read_piece(&segment, lane, &self.gone).inspect_err(|error| {
                    if matches!(error, ReadError::Damaged(_)) {
                        log.note_damage(segment.number);
                    }
                })?;
            } else if let Some(next) = log.segment_after(ahead.segment) {
                // Segments between may have been given back, so their frame numbers are not
                // checked.
                (ahead.segment, ahead.at, ahead.frame) = (next.number, FIRST_FRAME, 0);
            } else {
                return Ok(None);
            }
        }
    }

    /// Drops the chunks that were read ahead of a lane.
    pub fn forget(&self, lane: LaneId) {
        lock(&self.lanes).remove(&lane);
    }
}

impl Ahead {
    /// Reads the frames that begin in the next piece of a segment.
    fn read_piece(
        &mut self,
        segment: &Segment,
        lane: LaneId,
        gone: &Gone,
    ) -> Result<(), ReadError> {
        let end = segment.end();
        let mut piece = segment.read_vec(self.at, PIECE.min(end - self.at))?;
        let mut at = 0;
        while at < piece.len() {
            let found = match FoundFrame::read(segment.salt, &piece[at..]) {
                Ok(found) => found,
                Err(_) if at > 0 => break,
                Err(_) => {
                    // It is larger than a piece, or damaged: then the next frame is searched.
                    piece = segment.read_vec(self.at, end - self.at)?;
                    let (place, found) =
                        next_frame(segment.salt, &piece, 0).ok_or_else(|| self.damaged(segment))?;
                    at = place;
                    found
                }
            };
            let frame_end = at + found.length as usize;
            if frame_end > piece.len() {
                if at > 0 {
                    break;
                }
                piece = segment.read_vec(self.at, found.length)?;
                if frame_end > piece.len() {
                    return Err(self.damaged(segment));
                }
            }
            let number = found.head.number;
            if gone.covers(number, number) {
                at = frame_end;
                continue;
            }
            if self.frame > 0 && !gone.covers(self.frame + 1, number - 1) {
                return Err(self.damaged(segment));
            }
            for entry in &found.directory {
                if entry.kind == Kind::Records && entry.lane == lane {
                    let frame = &piece[at..frame_end];
                    let bytes = entry.bytes(frame).ok_or_else(|| self.damaged(segment))?;
                    let chunk = Chunk::read(0, Bytes::copy_from_slice(bytes))
                        .map_err(|_| self.damaged(segment))?;
                    self.chunks.push_back(Arc::new(chunk));
                }
            }
            self.frame = number;
            at = frame_end;
        }
        self.at += at as u64;
        Ok(())
    }

    fn damaged(&self, segment: &Segment) -> ReadError {
        let (name, at) = (name_of(segment.number), self.at);
        ReadError::Damaged(format!("{name} is not as it was written, from byte {at} on"))
    }
}

const PIECE: u64 = 1 << 20;
