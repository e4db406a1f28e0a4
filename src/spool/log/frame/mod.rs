//! A frame: what one commit adds to the log. This page is the format.
//!
//! A segment is a file named by its number in 16 hexadecimal digits, `.log` behind it. All numbers are
//! little-endian. It begins with a page of 4,096 bytes that holds the same head twice, at 0 and at 2,048:
//!
//! ```text
//!  0  magic      16  "cadrelay log 2\0\0"
//! 16  number      8  of the segment
//! 24  salt        8  drawn anew whenever the file is put to use
//! 32  checksum    4  CRC32C of the 32 bytes before
//! ```
//!
//! Then frames, each at a multiple of 8:
//!
//! ```text
//!  0  magic       4  "frm2"
//!  4  checksum    4  CRC32C of the segment's salt, the head from 8 on, and the directory
//!  8  length      4  of the whole frame, the zeros at its end included
//! 12  sections    4  how many
//! 16  number      8  one more than the frame before has, over all segments
//! 24  last        8  the last sequence that was given when the frame was written
//! 32  wall        8  milliseconds since 1970 by the system's clock at the commit
//! 40  steady      8  the same by the instance's own clock
//! 48  run         8  the run that wrote it: its name is this number in 12 hexadecimal digits
//! 56  directory  16  for each section: kind (2), lane (2), length (4), checksum (4), zero (4)
//!     the sections' bytes, each with the CRC32C that the directory says, then zeros to a multiple of 8
//! ```
//!
//! | kind | lane | bytes |
//! |---|---|---|
//! | 1 records | its lane | a chunk, as `spool::lanes::chunk` draws it |
//! | 2 ids | | for each id: key (16), accepted at (8), sequence (8), lane (2) |
//! | 3 released | its lane | through (8), then for each record that left: sequence (8), partition (4), offset (8) |
//! | 4 refused | its lane | sequence (8), partition (4), offset (8) in the quarantine topic, the reason as text |
//! | 5 state | | JSON: who the instance is, see [`super::state`]; first in each segment |
//! | 6 summary | | for each lane in the segment: lane (2), first, last, records, bytes (8 each) |
//!
//! A summary stands alone in the last frame of a segment that is sealed. It has the number of the frame
//! before it, because it adds nothing. Behind it the file ends with a seal of 24 bytes:
//!
//! ```text
//!  0  at          8  where the summary's frame begins
//!  8  first       8  the number of the segment's first frame
//! 16  magic       4  "seal"
//! 20  checksum    4  CRC32C of the salt and the 20 bytes before
//! ```
//!
//! The salt makes everything that lay in a file before, and whatever a body contains, no frame.

mod found;
#[cfg(test)]
mod tests;

use crate::spool::LaneId;
use bytes::Bytes;

pub use crate::spool::log::frame::found::{FoundFrame, FrameSection, NotAFrame, next_frame};

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// One more than the number of the frame before.
    pub number: u64,
    /// The last sequence that was given.
    pub last_sequence: u64,
    /// Milliseconds since 1970 by the system's clock.
    pub wall: u64,
    /// The same by the instance's own clock.
    pub steady: u64,
    /// The run that wrote it.
    pub run: u64,
}

/// The kind of a section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A chunk of one lane.
    Records,
    /// Ids, with their entries.
    Ids,
    /// Records that left a lane.
    Released,
    /// A record that its lane's topic refused.
    Refused,
    /// The identity of the instance.
    State,
    /// The summary of a segment.
    Summary,
}

/// A part of a frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section {
    /// The kind of its content.
    pub kind: Kind,
    /// Its lane; 0 if it has none.
    pub lane: LaneId,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A frame to be written.
#[derive(Clone, Debug)]
pub struct Frame {
    head: Vec<u8>,
    sections: Vec<Section>,
    padding: usize,
}

impl Frame {
    /// Builds a frame for a segment with this salt.
    pub fn build(salt: u64, head: Head, sections: Vec<Section>) -> Self {
        let bytes: usize = sections.iter().map(|section| section.bytes.len()).sum();
        let head_bytes = HEAD + sections.len() * ENTRY;
        let padding = (head_bytes + bytes).next_multiple_of(8) - head_bytes - bytes;
        let length = (head_bytes + bytes + padding) as u32;
        let mut written = Vec::with_capacity(head_bytes);
        written.extend_from_slice(&MAGIC);
        written.extend_from_slice(&[0; 4]);
        written.extend_from_slice(&length.to_le_bytes());
        written.extend_from_slice(&(sections.len() as u32).to_le_bytes());
        for number in [head.number, head.last_sequence, head.wall, head.steady, head.run] {
            written.extend_from_slice(&number.to_le_bytes());
        }
        for section in &sections {
            written.extend_from_slice(&section.kind.code().to_le_bytes());
            written.extend_from_slice(&section.lane.0.to_le_bytes());
            written.extend_from_slice(&(section.bytes.len() as u32).to_le_bytes());
            written.extend_from_slice(&crc32c::crc32c(&section.bytes).to_le_bytes());
            written.extend_from_slice(&[0; 4]);
        }
        let checksum = salted(salt, &written[8..]);
        written[4..8].copy_from_slice(&checksum.to_le_bytes());
        Self { head: written, sections, padding }
    }

    /// The number of its bytes.
    pub fn length(&self) -> u64 {
        let bytes: usize = self.sections.iter().map(|section| section.bytes.len()).sum();
        (self.head.len() + bytes + self.padding) as u64
    }

    /// Its parts, in the order in which they are written.
    pub fn parts(&self) -> Vec<&[u8]> {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(self.sections.len() + 2);
        parts.push(&self.head);
        parts.extend(self.sections.iter().map(|section| &*section.bytes));
        if self.padding > 0 {
            parts.push(&ZEROS[..self.padding]);
        }
        parts
    }
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Records, Self::Ids, Self::Released, Self::Refused, Self::State, Self::Summary];

    fn code(self) -> u16 {
        match self {
            Self::Records => 1,
            Self::Ids => 2,
            Self::Released => 3,
            Self::Refused => 4,
            Self::State => 5,
            Self::Summary => 6,
        }
    }

    fn of(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The checksum of bytes in a segment with this salt.
pub fn salted(salt: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), bytes)
}

/// The bytes of a frame beside those of its sections.
pub fn overhead(sections: usize) -> u64 {
    (HEAD + sections * ENTRY + 8) as u64
}

const MAGIC: [u8; 4] = *b"frm2";
const HEAD: usize = 56;
const ENTRY: usize = 16;
const ZEROS: [u8; 8] = [0; 8];
