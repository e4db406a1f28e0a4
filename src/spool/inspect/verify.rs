//! Reads everything in a spool, and reports the parts that are not as they were written.
//!
//! # Promises
//! - Every byte that counts is read, and its checksum compared.
//! - A fault ends the reading of its own segment only, so that all segments are read.

use crate::record::layout::Parts;
use crate::spool::lanes::LaneBook;
use crate::spool::lanes::chunk::{Chunk, Stored};
use crate::spool::lanes::extents::Extents;
use crate::spool::log::Log;
use crate::spool::log::acknowledged::{self, Mark};
use crate::spool::log::frame::Kind;
use crate::spool::log::segment::{FIRST_FRAME, Segment, name_of};
use crate::spool::log::state::Gone;
use crate::spool::window::old_ids::OldIds;
use crate::spool::{Damage, LaneId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// The parts that were read, and the faults found.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Segments that were read.
    pub segments: u64,
    /// Commits in them.
    pub chunks: u64,
    /// Records in them.
    pub records: u64,
    /// Remembered ids.
    pub ids: u64,
    /// The last sequence in the store.
    pub last_sequence: u64,
    /// The last sequence that was acknowledged.
    pub acknowledged: u64,
    /// The faults; empty if everything is sound.
    pub faults: Vec<Damage>,
}

impl Verification {
    /// True if there is no fault.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes a fault.
    pub fn add(&mut self, place: impl Into<String>, fault: impl Into<String>) {
        self.faults.push(Damage::at(place, fault));
    }

    /// Takes in the acknowledged mark of a running relay.
    pub(super) fn take_mark(&mut self, mark: io::Result<Mark>) {
        match mark {
            Ok(Mark::Found(mark)) => self.acknowledged = mark.sequence,
            Ok(Mark::Missing | Mark::Damaged) => self.add(acknowledged::PLACE, "cannot be read"),
            Err(error) => self.add(acknowledged::PLACE, error.to_string()),
        }
    }

    /// Reads all frames.
    pub(super) fn read_log(&mut self, log: &Log, gone: &Gone) {
        let mut reached = BTreeMap::new();
        for segment in log.segments() {
            let name = name_of(segment.number);
            match self.read_segment(&segment, gone, &mut reached) {
                Ok(()) => {}
                // It was removed meanwhile.
                Err(_) if log.segment(segment.number).is_none() => {}
                Err(fault) => self.add(name, fault),
            }
        }
        self.last_sequence = reached.into_values().max().unwrap_or(0);
    }

    fn read_segment(
        &mut self,
        segment: &Segment,
        gone: &Gone,
        reached: &mut BTreeMap<LaneId, u64>,
    ) -> Result<(), String> {
        let end = segment.end();
        let mut extents = Extents::default();
        let (mut at, mut before, mut is_whole) = (FIRST_FRAME, None, true);
        // A frame that cannot be read lies before this place.
        let mut is_behind_a_break = false;
        while at < end {
            let frame = segment.frame_at(at).map_err(|error| error.to_string())?;
            let Some((found, bytes)) = frame else {
                is_whole = false;
                if let Some(behind) = segment.frame_behind(at).map_err(|error| error.to_string())? {
                    (at, is_behind_a_break) = (behind, true);
                    continue;
                }
                match before {
                    Some(before) if gone.covers(before + 1, before + 1) => break,
                    Some(_) | None => return Err(format!("cannot be read from byte {at} on")),
                }
            };
            let number = found.head.number;
            let broken = std::mem::take(&mut is_behind_a_break);
            let first = match before.replace(number) {
                Some(before) => before + 1,
                None => number.saturating_sub(u64::from(broken)),
            };
            if !gone.covers(first, number - 1) {
                let said = match broken {
                    true => format!("frames {first} to {} cannot be read", number - 1),
                    false => format!("frame {number} directly follows frame {}", first - 1),
                };
                self.add(name_of(segment.number), said);
            }
            for entry in found.directory.iter().filter(|entry| entry.kind == Kind::Records) {
                let chunk = entry.bytes(&bytes).map(Bytes::copy_from_slice);
                let chunk = chunk.and_then(|bytes| Chunk::read(0, bytes).ok());
                let chunk = chunk.ok_or_else(|| format!("frame {number} holds no chunk"))?;
                self.read_chunk(&name_of(segment.number), entry.lane, &chunk, reached);
                extents.add(entry.lane, chunk.extent());
            }
            at += found.length;
        }
        self.segments += 1;
        if let Ok(Some(seal)) = segment.read_seal()
            && is_whole
            && seal.extents != extents
        {
            return Err("its records differ from its summary".to_owned());
        }
        Ok(())
    }

    fn read_chunk(
        &mut self,
        place: &str,
        lane: LaneId,
        chunk: &Chunk,
        reached: &mut BTreeMap<LaneId, u64>,
    ) {
        self.chunks += 1;
        self.records += chunk.count();
        for record in chunk.records() {
            let before = reached.insert(lane, record.sequence).unwrap_or(0);
            if before >= record.sequence {
                self.add(place, format!("record {} comes after record {before}", record.sequence));
            }
            if let Some(fault) = fault_of(&record) {
                self.add(place, format!("record {}: {fault}", record.sequence));
            }
        }
    }

    /// Reads all old ids.
    pub(super) fn read_window(&mut self, old_ids: &dyn OldIds, recent: u64) {
        let (ids, faults) = old_ids.verify();
        self.ids = ids + recent;
        self.faults.extend(faults.into_iter().map(|fault| Damage::at("window", fault)));
    }

    /// Compares the log with the books.
    pub(super) fn conclude(&mut self, books: &[LaneBook], last_sequence: u64) {
        self.last_sequence = self.last_sequence.max(last_sequence);
        let last = self.last_sequence;
        for book in books.iter().filter(|book| book.released > last) {
            let (topic, released) = (&book.topic, book.released);
            self.add(
                "log",
                format!("{topic} is released up to record {released}, past the last stored record"),
            );
        }
        if self.last_sequence < self.acknowledged {
            let (last, acknowledged) = (self.last_sequence, self.acknowledged);
            self.add(
                acknowledged::PLACE,
                format!(
                    "record {acknowledged} was acknowledged, but the log ends at record {last}"
                ),
            );
        }
    }
}

fn fault_of(record: &Stored<'_>) -> Option<&'static str> {
    let Ok(parts) = Parts::read(record.bytes) else { return Some("is not a record") };
    if parts.key.is_empty() {
        return Some("has no key");
    }
    let stamp = parts.headers().find(|(name, _)| *name == "ce_sequence").map(|(_, stamp)| stamp);
    let is_stamped = stamp.is_none_or(|stamp| {
        std::str::from_utf8(stamp).is_ok_and(|text| text.parse() == Ok(record.sequence))
    });
    (!is_stamped).then_some("its ce_sequence differs")
}
