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

use crate::spool::LaneId;
use bytes::Bytes;

/// What a frame's head says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// One more than the frame before has.
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

/// What a section holds.
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
    /// Who the instance is.
    State,
    /// What a segment holds.
    Summary,
}

/// A part of a frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Section {
    /// What it holds.
    pub kind: Kind,
    /// Of which lane; 0 if of none.
    pub lane: LaneId,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A frame that is to be written.
#[derive(Clone, Debug)]
pub struct Frame {
    head: Vec<u8>,
    sections: Vec<Section>,
    padding: usize,
}

/// A frame as it stands in a segment, its head and directory checked.
#[derive(Clone, Debug)]
pub struct Found {
    /// What its head says.
    pub head: Head,
    /// Its length.
    pub length: u64,
    /// Its sections: what they are, and where in the frame.
    pub directory: Vec<Entry>,
}

/// A section in a frame's directory.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it holds.
    pub kind: Kind,
    /// Of which lane.
    pub lane: LaneId,
    /// Where it begins, counted from the frame's first byte.
    pub at: usize,
    /// Its length.
    pub length: usize,
    checksum: u32,
}

/// The bytes are not a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotAFrame {
    /// They are none.
    Invalid,
    /// They may be the beginning of one: at least so many are needed to tell.
    Longer(usize),
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

    /// The bytes it takes.
    pub fn length(&self) -> u64 {
        let bytes: usize = self.sections.iter().map(|section| section.bytes.len()).sum();
        (self.head.len() + bytes + self.padding) as u64
    }

    /// Its parts, to be written one after the other.
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

impl Found {
    /// Reads the head and the directory of the frame that begins with these bytes.
    pub fn read(salt: u64, bytes: &[u8]) -> Result<Self, NotAFrame> {
        let head = bytes.get(..HEAD).ok_or(NotAFrame::Longer(HEAD))?;
        if head[..4] != MAGIC {
            return Err(NotAFrame::Invalid);
        }
        let length = small(head, 8) as usize;
        let sections = small(head, 12) as usize;
        let directory_end = sections.checked_mul(ENTRY).map_or(usize::MAX, |bytes| HEAD + bytes);
        if directory_end > length || !length.is_multiple_of(8) {
            return Err(NotAFrame::Invalid);
        }
        let all = bytes.get(..directory_end).ok_or(NotAFrame::Longer(directory_end))?;
        if salted(salt, &all[8..]) != small(all, 4) {
            return Err(NotAFrame::Invalid);
        }
        let mut directory = Vec::with_capacity(sections);
        let mut at = directory_end;
        for entry in all[HEAD..].chunks_exact(ENTRY) {
            let kind = Kind::of(short(entry, 0)).ok_or(NotAFrame::Invalid)?;
            let length = small(entry, 4) as usize;
            let lane = LaneId(short(entry, 2));
            directory.push(Entry { kind, lane, at, length, checksum: small(entry, 8) });
            at = at.checked_add(length).ok_or(NotAFrame::Invalid)?;
        }
        if at > length {
            return Err(NotAFrame::Invalid);
        }
        let head = Head {
            number: long(head, 16),
            last_sequence: long(head, 24),
            wall: long(head, 32),
            steady: long(head, 40),
            run: long(head, 48),
        };
        Ok(Self { head, length: length as u64, directory })
    }

    /// Whether every byte of it is as it was written. `frame` begins with it.
    pub fn is_whole(&self, frame: &[u8]) -> bool {
        let end = self.directory.last().map_or(HEAD, |entry| entry.at + entry.length);
        let padding = frame.get(end..self.length as usize);
        padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
            && self.directory.iter().all(|entry| entry.bytes(frame).is_some())
    }

    /// Whether it holds a segment's summary, and nothing else.
    pub fn is_summary(&self) -> bool {
        self.directory.iter().any(|entry| entry.kind == Kind::Summary)
    }
}

impl Entry {
    /// The section's bytes, if they are as they were written. `frame` begins with the frame.
    pub fn bytes<'f>(&self, frame: &'f [u8]) -> Option<&'f [u8]> {
        let bytes = frame.get(self.at..self.at.checked_add(self.length)?)?;
        (crc32c::crc32c(bytes) == self.checksum).then_some(bytes)
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

/// The first place from `from` on, at a multiple of 8, where a frame of this salt begins. `bytes`
/// begin at a multiple of 8 of their file.
pub fn next_frame(salt: u64, bytes: &[u8], from: usize) -> Option<(usize, Found)> {
    let rest = bytes.get(from..)?;
    memchr::memmem::find_iter(rest, &MAGIC).map(|at| from + at).filter(|at| at % 8 == 0).find_map(
        |at| {
            let found = Found::read(salt, &bytes[at..]).ok()?;
            (at as u64 + found.length <= bytes.len() as u64).then_some((at, found))
        },
    )
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn small(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The bytes that a frame takes beside its sections' own.
pub fn overhead(sections: usize) -> u64 {
    (HEAD + sections * ENTRY + 8) as u64
}

const MAGIC: [u8; 4] = *b"frm2";
const HEAD: usize = 56;
const ENTRY: usize = 16;
const ZEROS: [u8; 8] = [0; 8];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_of(frame: &Frame) -> Vec<u8> {
        frame.parts().concat()
    }

    fn frame(salt: u64, sections: &[Vec<u8>]) -> Frame {
        let head = Head { number: 7, last_sequence: 40, wall: 1, steady: 2, run: 3 };
        let section = |bytes: &Vec<u8>| Section {
            kind: Kind::Ids,
            lane: LaneId(4),
            bytes: bytes.clone().into(),
        };
        Frame::build(salt, head, sections.iter().map(section).collect())
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back(sections in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..50), 0..5,
        )) {
            let frame = frame(9, &sections);
            let bytes = bytes_of(&frame);
            prop_assert_eq!(bytes.len() as u64, frame.length());

            let found = Found::read(9, &bytes).unwrap();

            prop_assert_eq!(found.length, frame.length());
            prop_assert_eq!(found.head.last_sequence, 40);
            let read: Vec<_> =
                found.directory.iter().map(|entry| entry.bytes(&bytes).unwrap().to_vec()).collect();
            prop_assert_eq!(read, sections);
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_makes_it_no_whole_frame() {
        let sound = bytes_of(&frame(9, &[b"some bytes".to_vec(), b"and more".to_vec()]));
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            let is_whole = Found::read(9, &bytes).is_ok_and(|found| found.is_whole(&bytes));
            assert!(!is_whole, "byte {at}");
        }
    }

    #[test]
    fn a_frame_of_another_salt_is_none_and_one_behind_others_is_found() {
        let bytes = [vec![0; 24], bytes_of(&frame(1, &[])), bytes_of(&frame(2, &[]))].concat();

        assert!(Found::read(2, &bytes[24..]).is_err());
        assert_eq!(next_frame(2, &bytes, 0).map(|(at, _)| at), Some(80));
        assert_eq!(next_frame(1, &bytes, 0).map(|(at, _)| at), Some(24));
        assert_eq!(next_frame(1, &bytes, 25).map(|(at, _)| at), None);
    }
}
