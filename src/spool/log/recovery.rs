//! Reads the log as a start finds it, and judges it. Changes nothing.
//!
//! # Promises
//! - A frame is right, or the log ends there. What was written before the end and is gone shows: a valid
//!   frame behind a break, a gap in the numbers, a missing segment, an end before what was acknowledged.
//! - A torn tail that nobody was told of is no fault.
//!
//! # Limits
//! Of a sealed segment the summary is believed, and its frames are read only if their ids are needed, if
//! [`Depth`] asks for it, or if a reader has met damage there before.

use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::extents::Extents;
use crate::spool::log::acknowledged::{Acknowledged, Mark};
use crate::spool::log::disk::Disk;
use crate::spool::log::frame::{Found, Head, Kind, next_frame};
use crate::spool::log::segment::{FIRST_FRAME, Seal, Segment, name_of, number_of};
use crate::spool::log::state::State;
use crate::spool::notes::Note;
use crate::spool::window::slices::Handover;
use crate::spool::window::{Entry, IdKey};
use crate::spool::{Fault, LaneId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;

/// How much of the sealed segments is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// Those whose ids are not absorbed (after this segment), and the newest up to so many bytes.
    Start {
        /// The last segment that was absorbed.
        absorbed: u64,
        /// How many bytes of segments are read to see whether they are whole.
        bytes: u64,
    },
    /// All of them.
    Everything,
}

/// The log as it was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Who the instance is; none if the log is new.
    pub state: Option<State>,
    /// Each segment that holds something, oldest first.
    pub segments: Vec<Surveyed>,
    /// Segments of which nothing is needed: what they held is out, or they were never used.
    pub leftovers: Vec<u64>,
    /// Segments whose head cannot be read.
    pub headless: Vec<u64>,
    /// How far each lane is released.
    pub released: BTreeMap<LaneId, u64>,
    /// The head of the last frame.
    pub last: Head,
    /// What was acknowledged.
    pub acknowledged: Mark,
    /// What is gone that an operator does not know of. Nothing, as a rule.
    pub losses: Vec<Fault>,
    /// The gaps in the frames' numbers, the known ones among them.
    pub gaps: Vec<Gap>,
    /// The highest number of a frame that ever was, as far as anything tells.
    pub highest: u64,
    /// Frames that were read.
    pub frames: u64,
}

/// Frames that are not there.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The segment behind it.
    pub segment: u64,
    /// The number of the first frame that is not there.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

/// One segment.
#[derive(Debug)]
pub struct Surveyed {
    /// Its file.
    pub segment: Segment,
    /// How it was sealed; none if it was not.
    pub is_sealed: bool,
    /// How it ends, or would be sealed.
    pub seal: Seal,
    /// What it held to hand over, if it was read.
    pub handover: Option<Handover>,
    /// Whether something in it is broken.
    pub is_broken: bool,
}

impl Survey {
    /// Reads the log on a disk.
    pub fn of(disk: &dyn Disk, depth: Depth) -> io::Result<Self> {
        let names = disk.names()?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        let mut survey = Self { acknowledged: Acknowledged::look(disk)?.mark(), ..Self::default() };
        let suspect = read_suspects(disk)?;
        let wanted = Wanted::of(disk, depth, suspect, &numbers)?;
        for number in numbers {
            survey.read_segment(disk, number, &wanted)?;
        }
        if survey.state.is_none() && !survey.segments.is_empty() && depth != Depth::Everything {
            // Only unused segments were read: who the instance is stands in one before them.
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
            self.follow(number, seal.first);
            self.last = Head { number: seal.last, last_sequence: seal.last_sequence, ..self.last };
            segment.set_end(seal.end);
            let (is_sealed, handover, is_broken) = (true, None, false);
            self.segments.push(Surveyed { segment, is_sealed, seal, handover, is_broken });
            return Ok(());
        }
        let mut reading = Reading::new(number);
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
            self.follow(number, found.head.number);
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
            self.losses.push(Fault::at(
                name_of(number),
                format!(
                    "ends at frame {}, and was sealed after frame {}",
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

    /// Notes a gap if a frame does not follow the one before.
    fn follow(&mut self, segment: u64, number: u64) {
        let first = self.last.number + 1;
        if first != number {
            self.gaps.push(Gap { segment, first, last: number.saturating_sub(1) });
        }
    }

    fn take_notes(&mut self, found: &Found, frame: &[u8], reading: &mut Reading) {
        for entry in &found.directory {
            let Some(bytes) = entry.bytes(frame) else { continue };
            let note = match entry.kind {
                Kind::State => {
                    if let Some(state) = State::read(bytes) {
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

    /// Judges the log as a whole.
    fn conclude(&mut self) {
        let known = self.state.clone().unwrap_or_default();
        let (over, kept): (Vec<_>, Vec<_>) = self
            .segments
            .drain(..)
            .partition(|found| known.gone.covers(found.seal.first, found.seal.last));
        self.segments = kept;
        self.leftovers.extend(over.iter().map(|found| found.segment.number));
        for gap in self.gaps.iter().filter(|gap| !known.gone.covers(gap.first, gap.last)) {
            let said = match gap.first == gap.last {
                true => format!("frame {} is missing before it", gap.first),
                false => format!("frames {} to {} are missing before it", gap.first, gap.last),
            };
            self.losses.push(Fault::at(name_of(gap.segment), said));
        }
        for number in &self.headless {
            self.losses.push(Fault::at(name_of(*number), "cannot be read"));
        }
        self.highest = self.highest.max(self.last.number).max(self.acknowledged.frame);
        if self.acknowledged.frame > self.last.number {
            let (told, last) = (self.acknowledged, self.last);
            let said = format!(
                "frame {} with record {} was acknowledged, and the log ends at frame {} with record {}",
                told.frame, told.sequence, last.number, last.last_sequence
            );
            let newest = self.segments.last().map(|found| name_of(found.segment.number));
            self.losses.push(Fault::at(newest.unwrap_or_else(|| "log".to_owned()), said));
        }
    }
}

/// What is gathered of one segment.
#[derive(Debug)]
struct Reading {
    first: Option<u64>,
    end: u64,
    extents: Extents,
    handover: Handover,
    is_broken: bool,
}

impl Reading {
    fn new(segment: u64) -> Self {
        Self {
            first: None,
            end: FIRST_FRAME,
            extents: Extents::default(),
            handover: Handover { segment, ..Handover::default() },
            is_broken: false,
        }
    }

    /// The frame at a place, or the next one behind a break.
    fn next(&mut self, salt: u64, bytes: &[u8], at: usize) -> Option<(usize, Found)> {
        if let Some(found) = bytes.get(at..).and_then(|rest| Found::read(salt, rest).ok())
            && at as u64 + found.length <= bytes.len() as u64
        {
            return Some((at, found));
        }
        let behind = next_frame(salt, bytes, at);
        self.is_broken |= behind.is_some();
        behind
    }

    /// Takes in a frame. False if one of its sections is not as it was written.
    fn take(&mut self, found: &Found, frame: &[u8]) -> bool {
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
                Kind::Ids => ids.extend(read_ids(bytes)),
                Kind::Released | Kind::Refused | Kind::State | Kind::Summary => {}
            }
        }
        self.first.get_or_insert(found.head.number);
        for (lane, chunk) in chunks {
            self.extents.add(lane, chunk.extent());
        }
        self.handover.ids.extend(ids);
        true
    }
}

/// Which segments are read frame by frame.
struct Wanted {
    from: u64,
    suspects: Vec<u64>,
}

impl Wanted {
    fn of(disk: &dyn Disk, depth: Depth, suspects: Vec<u64>, numbers: &[u64]) -> io::Result<Self> {
        let Depth::Start { absorbed, bytes } = depth else {
            return Ok(Self { from: 0, suspects });
        };
        let (mut from, mut left) = (u64::MAX, bytes);
        for number in numbers.iter().rev() {
            let length = match disk.open(&name_of(*number)) {
                Ok(file) => file.length()?,
                Err(error) => return Err(error),
            };
            // The newest that holds something is needed, whatever it takes; an unused one may follow.
            let is_needed = *number > absorbed || numbers.iter().rev().take(2).any(|n| n == number);
            if !is_needed && length > left {
                break;
            }
            left = left.saturating_sub(length);
            from = *number;
        }
        Ok(Self { from, suspects })
    }

    fn includes(&self, number: u64) -> bool {
        number >= self.from || self.suspects.contains(&number)
    }
}

/// The ids of a section.
fn read_ids(bytes: &[u8]) -> impl Iterator<Item = (IdKey, Entry)> {
    bytes.chunks_exact(ID_BYTES).filter_map(|row| {
        let (id, entry) = row.split_first_chunk::<16>()?;
        Some((IdKey::stored(*id), Entry::decode(entry)?))
    })
}

/// The segments in which a reader has met damage.
fn read_suspects(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = disk.names()?;
    Ok(names.iter().filter_map(|name| number_of(name.strip_prefix(SUSPECT)?)).collect())
}

/// Notes that a segment is damaged, so that the next start reads it, and refuses.
pub fn note_suspect(disk: &dyn Disk, segment: u64) -> io::Result<()> {
    disk.create(&format!("{SUSPECT}{}", name_of(segment)))?.sync()?;
    disk.sync_names()
}

/// Forgets all such notes.
pub fn forget_suspects(disk: &dyn Disk) -> io::Result<()> {
    for name in disk.names()?.iter().filter(|name| name.starts_with(SUSPECT)) {
        disk.remove(name)?;
    }
    Ok(())
}

/// A key and its entry.
pub const ID_BYTES: usize = 16 + 18;
const SUSPECT: &str = "damaged-";
