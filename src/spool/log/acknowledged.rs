//! The mark of what was acknowledged, kept beside the segments: it shows when the newest segment
//! has lost something.
//!
//! The mark is written after each commit, before the answers. It is not synced: after a power cut
//! it may be too low, and then notices less, but it is never above what was committed.
//!
//! # Promises
//! - Two slots take turns, so that a torn write leaves the mark before it.
//! - A mark is on the disk before the first segment has its name. So a log with frames and without
//!   a mark has lost it, and a start can no longer tell whether the newest frames are there.

use crate::spool::log::disk::{Disk, File};
#[cfg(test)]
use crate::spool::planted::{self, Planted};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The file with the mark, open for writing.
#[derive(Debug)]
pub struct Acknowledged {
    file: Arc<dyn File>,
    /// The place of the slot that takes the next mark.
    next: AtomicU64,
}

/// The last commit that was acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Acknowledgement {
    /// The number of its frame.
    pub frame: u64,
    /// The last sequence given by then.
    pub sequence: u64,
}

/// The mark as it was found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mark {
    /// It was read.
    Found(Acknowledgement),
    /// There is no file.
    #[default]
    Missing,
    /// Neither slot holds a mark.
    Damaged,
}

impl Mark {
    /// Reads the mark of a folder.
    pub fn read(disk: &dyn Disk) -> io::Result<Self> {
        match disk.open(NAME) {
            Ok(file) => Self::of(&*file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Missing),
            Err(error) => Err(error),
        }
    }

    /// What it tells; zero if it was not found.
    pub fn acknowledgement(self) -> Acknowledgement {
        match self {
            Self::Found(mark) => mark,
            Self::Missing | Self::Damaged => Acknowledgement::default(),
        }
    }

    fn of(file: &dyn File) -> io::Result<Self> {
        let marks = [read_slot(file, FIRST)?, read_slot(file, SECOND)?];
        Ok(marks.into_iter().flatten().max().map_or(Self::Damaged, Self::Found))
    }
}

impl Acknowledged {
    /// Opens the mark, and has it on the disk as it should be after a start: in a slot that does
    /// not hold the last one.
    pub fn open(disk: &dyn Disk, mark: Acknowledgement) -> io::Result<Self> {
        let is_there = disk.names()?.iter().any(|name| name == NAME);
        let file = if is_there { disk.open(NAME)? } else { disk.create(NAME)? };
        let (first, second) = (read_slot(&*file, FIRST)?, read_slot(&*file, SECOND)?);
        let older = if first < second { FIRST } else { SECOND };
        if first.max(second).is_none() {
            file.write(&[&encode(mark)], FIRST)?;
        }
        file.write(&[&encode(mark)], older)?;
        file.sync()?;
        if !is_there {
            disk.sync_names()?;
        }
        Ok(Self { file, next: AtomicU64::new(older ^ SECOND) })
    }

    /// Reads the mark again.
    pub fn mark(&self) -> io::Result<Mark> {
        Mark::of(&*self.file)
    }

    /// Writes that everything up to here is about to be acknowledged.
    pub fn set(&self, mark: Acknowledgement) -> io::Result<()> {
        #[cfg(test)]
        if planted::is(Planted::MarkInOneSlot) {
            let mut alone = [0; SECOND as usize + SLOT];
            alone[..SLOT].copy_from_slice(&encode(mark));
            return self.file.write(&[&alone], FIRST);
        }
        let slot = self.next.fetch_xor(SECOND, Ordering::Relaxed);
        self.file.write(&[&encode(mark)], slot)
    }

    /// Writes the mark into both slots, and syncs it to the disk.
    pub fn settle(&self) -> io::Result<()> {
        if let Mark::Found(mark) = self.mark()? {
            self.set(mark)?;
        }
        self.file.sync()
    }
}

fn encode(mark: Acknowledgement) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(&mark.frame.to_le_bytes());
    bytes[8..16].copy_from_slice(&mark.sequence.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The mark in a slot; `None` if it is torn, damaged or was never written.
fn read_slot(file: &dyn File, at: u64) -> io::Result<Option<Acknowledgement>> {
    let mut bytes = [0; SLOT];
    let read = file.read(&mut bytes, at)?;
    let is_whole = read == SLOT && is_checked(&bytes);
    let number =
        |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Ok(is_whole.then(|| Acknowledgement { frame: number(0), sequence: number(8) }))
}

/// True for bytes with the right checksum. A run of zeros has none.
fn is_checked(bytes: &[u8; SLOT]) -> bool {
    bytes[16..].first_chunk().is_some_and(|sum| crc32c::crc32c(&bytes[..16]).to_le_bytes() == *sum)
}

/// The file's name.
pub(in crate::spool) const NAME: &str = "acknowledged";
/// The file in the spool's directory, as damage names it.
pub(in crate::spool) const PLACE: &str = "log/acknowledged";
/// The bytes of a mark; the last four are zero.
const SLOT: usize = 24;
/// The first slot. Builds before there were two read and wrote it alone.
const FIRST: u64 = 0;
/// The second slot, in a sector of its own.
const SECOND: u64 = 512;
