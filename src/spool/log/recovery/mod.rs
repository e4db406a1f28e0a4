//! Reads the log as a start finds it, and judges it. Changes nothing.
//!
//! # Promises
//! - A frame is valid, or the log ends there. Losses before the end are noticed: a valid frame
//!   after a break, a gap in the numbers, a missing segment, an end before the acknowledged mark, a
//!   mark that is missing or damaged.
//! - A torn tail that nobody was told of is no fault.
//!
//! # Limits
//! The summary of a sealed segment is trusted. Its frames are read only if their ids are needed, if
//! [`Depth`] asks for it, or if a reader has met damage there before.

mod depth;
mod judgement;
mod reading;

use crate::spool::log::acknowledged::Mark;
use crate::spool::log::disk::Disk;
use crate::spool::log::frame::{FoundFrame, Head, Kind};
use crate::spool::log::recovery::depth::Wanted;
use crate::spool::log::recovery::reading::SegmentReading;
use crate::spool::log::segment::{FIRST_FRAME, SPARE, Seal, Segment, name_of, number_of};
use crate::spool::log::state::InstanceState;
use crate::spool::log::{reserve, suspects};
use crate::spool::notes::Note;
use crate::spool::window::old_ids::Handover;
use crate::spool::{Damage, LaneId};
use std::collections::BTreeMap;
use std::io;

pub use crate::spool::log::recovery::depth::Depth;

/// The log as it was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// The identity of the instance; `None` if the log is new.
    pub state: Option<InstanceState>,
    /// The segments with content, oldest first.
    pub segments: Vec<Surveyed>,
    /// Segments that are no longer needed: their records are released, or they were never used.
    pub leftovers: Vec<u64>,
    /// Segments whose head cannot be read.
    pub headless: Vec<u64>,
    /// The released sequence of each lane.
    pub released: BTreeMap<LaneId, u64>,
    /// The head of the last frame.
    pub last: Head,
    /// The acknowledged mark.
    pub mark: Mark,
    /// The losses that an operator does not know of; usually none.
    pub losses: Vec<Damage>,
    /// The gaps in the frame numbers, including the known ones.
    pub gaps: Vec<Gap>,
    /// The highest frame number that ever existed, as far as it is known.
    pub highest: u64,
    /// The number of frames read.
    pub frames: u64,
}

/// Missing frames.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The segment after the gap.
    pub segment: u64,
    /// The number of the first missing frame.
    pub first: u64,
    /// The number of the last missing frame.
    pub last: u64,
    /// The first and the last sequence that were in them, if that is known.
    pub records: Option<(u64, u64)>,
}

/// One segment.
#[derive(Debug)]
pub struct Surveyed {
    /// Its file.
    pub segment: Segment,
    /// True if it was sealed.
    pub is_sealed: bool,
    /// Its seal, or the one it would get.
    pub seal: Seal,
    /// The ids and notes to hand over, if it was read.
    pub handover: Option<Handover>,
    /// True if something in it is broken.
    pub is_broken: bool,
}

impl Survey {
    /// Reads the log on a disk.
    pub fn of(disk: &dyn Disk, depth: Depth) -> io::Result<Self> {
        let names = disk.names()?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        // Only later work opens these, and would fail on what is not a file.
        for name in names.iter().filter(|name| [SPARE, reserve::NAME].contains(&name.as_str())) {
            disk.open(name)?;
        }
        let mut survey = Self { mark: Mark::read(disk)?, ..Self::default() };
        let suspect = suspects::read(disk)?;
        let wanted = Wanted::of(disk, depth, suspect, &numbers)?;
        for number in numbers {
            survey.read_segment(disk, number, &wanted)?;
        }
        if survey.state.is_none() && !survey.segments.is_empty() && depth != Depth::Everything {
            // Only unused segments were read: the identity is in a segment before them.
            return Self::of(disk, Depth::Everything);
        }
        survey.conclude();
        Ok(survey)
    }

    fn read_segment(&mut self, disk: &dyn Disk, number: u64, wanted: &Wanted) -> io::Result<()> {
        let Some(segment) = Segment::open(disk, number)? else {
            self.headless.push(number);
            return Ok(());
        };
        let seal = segment.read_seal()?;
        if let Some(seal) = seal.clone().filter(|_| !wanted.includes(number)) {
            self.follow(number, seal.first, None);
            self.last = Head { number: seal.last, last_sequence: seal.last_sequence, ..self.last };
            segment.set_end(seal.end);
            let (is_sealed, handover, is_broken) = (true, None, false);
            self.segments.push(Surveyed { segment, is_sealed, seal, handover, is_broken });
            return Ok(());
        }
        let mut reading = SegmentReading::new(number);
        let bytes = segment.read_vec(FIRST_FRAME, segment.length()?)?;
        let mut at = 0;
        while let Some((place, found)) = reading.next(segment.salt, &bytes, at) {
            at = place + found.length as usize;
            if found.is_summary() {
                break;
            }
            if !reading.take(&found, &bytes[place..]) {
                reading.is_broken = true;
                continue;
            }
            reading.end = FIRST_FRAME + at as u64;
            self.frames += 1;
            let before = found.head.last_sequence.saturating_sub(reading.records);
            self.follow(number, found.head.number, Some(before));
            self.last = found.head;
            self.take_notes(&found, &bytes[place..], &mut reading);
        }
        let is_short = seal.as_ref().is_some_and(|seal| seal.last > self.last.number);
        if let Some(seal) = &seal {
            self.highest = self.highest.max(seal.last);
            reading.is_broken |= is_short;
        }
        let Some(first) = reading.first else {
            match seal {
                // It was full, and nothing of it can be read.
                Some(_) => self.headless.push(number),
                None => self.leftovers.push(number),
            }
            return Ok(());
        };
        if let (Some(seal), true) = (&seal, is_short) {
            self.losses.push(Damage::at(
                name_of(number),
                format!(
                    "ends at frame {}, but was sealed after frame {}",
                    self.last.number, seal.last
                ),
            ));
        }
        segment.set_end(reading.end);
        self.segments.push(Surveyed {
            segment,
            is_sealed: seal.is_some(),
            seal: Seal {
                first,
                last: self.last.number,
                last_sequence: self.last.last_sequence,
                extents: reading.extents,
                end: reading.end,
            },
            handover: Some(reading.handover),
            is_broken: reading.is_broken,
        });
        Ok(())
    }

    /// Notes a gap if a frame does not follow the one before. `before` is the last sequence that was
    /// given before it.
    fn follow(&mut self, segment: u64, number: u64, before: Option<u64>) {
        let first = self.last.number + 1;
        if first != number {
            let records = before.map(|before| (self.last.last_sequence + 1, before));
            self.gaps.push(Gap { segment, first, last: number.saturating_sub(1), records });
        }
    }

    fn take_notes(&mut self, found: &FoundFrame, frame: &[u8], reading: &mut SegmentReading) {
        for entry in &found.directory {
            let Some(bytes) = entry.bytes(frame) else { continue };
            let note = match entry.kind {
                Kind::State => {
                    if let Some(state) = InstanceState::read(bytes) {
                        let lanes = state.lanes.iter().zip(0_u16..);
                        self.released
                            .extend(lanes.map(|(lane, number)| (LaneId(number), lane.released)));
                        self.state = Some(state);
                    }
                    continue;
                }
                Kind::Released => Note::released(entry.lane, bytes),
                Kind::Refused => Note::refused(entry.lane, bytes),
                Kind::Records | Kind::Ids | Kind::Summary => continue,
            };
            if let Some(Note::Released { lane, through, .. }) = &note {
                let released = self.released.entry(*lane).or_default();
                *released = (*released).max(*through);
            }
            reading.handover.notes.extend(note);
        }
    }
}
