//! Finds frames in a segment, and checks them against their checksums.

use crate::spool::LaneId;
use crate::spool::log::frame::{ENTRY, HEAD, Head, Kind, MAGIC, salted};

/// A frame found in a segment, with its head and directory checked.
#[derive(Clone, Debug)]
pub struct FoundFrame {
    /// Its head.
    pub head: Head,
    /// Its length.
    pub length: u64,
    /// Its sections: their kinds, and their places in the frame.
    pub directory: Vec<FrameSection>,
}

/// A section in a frame's directory.
#[derive(Clone, Copy, Debug)]
pub struct FrameSection {
    /// The kind of its content.
    pub kind: Kind,
    /// Its lane.
    pub lane: LaneId,
    /// Its beginning, counted from the frame's first byte.
    pub at: usize,
    /// Its length.
    pub length: usize,
    checksum: u32,
}

/// The bytes are not a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotAFrame {
    /// They are not the beginning of a frame.
    Invalid,
    /// They may be the beginning of a frame: at least this many bytes are needed to tell.
    Longer(usize),
}

impl FoundFrame {
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
            directory.push(FrameSection { kind, lane, at, length, checksum: small(entry, 8) });
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

    /// True if every byte is as it was written. `frame` must begin with the frame.
    pub fn is_whole(&self, frame: &[u8]) -> bool {
        let end = self.directory.last().map_or(HEAD, |entry| entry.at + entry.length);
        let padding = frame.get(end..self.length as usize);
        padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
            && self.directory.iter().all(|entry| entry.bytes(frame).is_some())
    }

    /// True if it holds a segment's summary.
    pub fn is_summary(&self) -> bool {
        self.directory.iter().any(|entry| entry.kind == Kind::Summary)
    }
}

impl FrameSection {
    /// The section's bytes, if they are as they were written. `frame` must begin with the frame.
    pub fn bytes<'f>(&self, frame: &'f [u8]) -> Option<&'f [u8]> {
        let bytes = frame.get(self.at..self.at.checked_add(self.length)?)?;
        (crc32c::crc32c(bytes) == self.checksum).then_some(bytes)
    }
}

/// Finds the first place from `from` on, at a multiple of 8, where a frame with this salt begins.
/// `bytes` must begin at a multiple of 8 of their file.
pub fn next_frame(salt: u64, bytes: &[u8], from: usize) -> Option<(usize, FoundFrame)> {
    let rest = bytes.get(from..)?;
    memchr::memmem::find_iter(rest, &MAGIC).map(|at| from + at).filter(|at| at % 8 == 0).find_map(
        |at| {
            let found = FoundFrame::read(salt, &bytes[at..]).ok()?;
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
