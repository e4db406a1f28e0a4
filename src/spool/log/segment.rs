//! One file of the log, from being laid out to being sealed.
//!
//! A segment is laid out before it is used: its room is taken from the disk, its head is synced, and
//! only then it gets its name. So a commit that goes into it needs no room and changes no metadata,
//! and a file with a segment's name has a head that lasts.

use crate::spool::LaneId;
use crate::spool::lanes::extents::Extents;
use crate::spool::log::disk::{Disk, File, write_zeros};
use crate::spool::log::frame::{FoundFrame, Frame, Head, Kind, NotAFrame, Section, salted};
use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A segment's file, held open from its beginning to its end.
#[derive(Debug)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// What its checksums begin with.
    pub salt: u64,
    file: Arc<dyn File>,
    /// Where the last frame that is on the disk ends.
    end: AtomicU64,
}

/// How a segment's room is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// The disk keeps it free: at once, but writing there changes metadata once.
    Reserve,
    /// It is written: takes its time, beside the writer.
    Zeros,
}

/// How a sealed segment ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seal {
    /// The number of its first frame.
    pub first: u64,
    /// The number of its last frame.
    pub last: u64,
    /// The last sequence that was given by then.
    pub last_sequence: u64,
    /// What it holds.
    pub extents: Extents,
    /// Where its frames end.
    pub end: u64,
}

impl Segment {
    /// Lays a segment out. A file that was kept for this is used again.
    pub fn lay_out(disk: &dyn Disk, number: u64, length: u64, fill: Fill) -> io::Result<Self> {
        let is_kept = disk.names()?.iter().any(|name| name == SPARE);
        let file = if is_kept { disk.open(SPARE)? } else { disk.create(SPARE)? };
        if is_kept {
            // Or a crash could give the file its earlier name back, with this segment's head in it.
            disk.sync_names()?;
        }
        let written = file.length()?;
        if written < length {
            file.reserve(length)?;
            if fill == Fill::Zeros {
                write_zeros(&*file, written.max(FIRST_FRAME), length)?;
            }
        }
        let mut salt = [0; 8];
        SystemRandom::new().fill(&mut salt).expect("the system gives random bytes");
        let salt = u64::from_le_bytes(salt);
        file.write(&[&head_page(number, salt)], 0)?;
        file.sync()?;
        disk.rename(SPARE, &name_of(number))?;
        disk.sync_names()?;
        Ok(Self { number, salt, file, end: AtomicU64::new(FIRST_FRAME) })
    }

    /// Opens a segment that is there. `None` if its head cannot be read.
    pub fn open(disk: &dyn Disk, number: u64) -> io::Result<Option<Self>> {
        let file = disk.open(&name_of(number))?;
        let mut page = vec![0; FIRST_FRAME as usize];
        let read = file.read(&mut page, 0)?;
        page.truncate(read);
        if page.starts_with(&MAGIC[..FAMILY]) && page[..16] != MAGIC {
            let said = "the log was written by a newer build";
            return Err(io::Error::new(io::ErrorKind::Unsupported, said));
        }
        let salt = [0, SECOND_HEAD].into_iter().find_map(|at| read_head(page.get(at..)?, number));
        Ok(salt.map(|salt| Self { number, salt, file, end: AtomicU64::new(FIRST_FRAME) }))
    }

    /// Where the last frame that is on the disk ends.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Everything up to here is on the disk.
    pub fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Writes a frame at a place.
    pub fn write(&self, frame: &Frame, at: u64) -> io::Result<()> {
        self.file.write(&frame.parts(), at)
    }

    /// Writes once more what was read up to here, and syncs it.
    ///
    /// It may be in the system's memory alone, taken for written: after a sync that failed, only what is
    /// written anew is brought to the disk.
    pub fn rewrite(&self, end: u64) -> io::Result<()> {
        let bytes = self.read_vec(FIRST_FRAME, end - FIRST_FRAME)?;
        self.file.write(&[&bytes], FIRST_FRAME)?;
        self.file.sync()
    }

    /// Brings all that was written to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Makes the file at least so long, its room taken.
    pub fn reserve(&self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }

    /// The file's length.
    pub fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    /// Reads from a place.
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read(bytes, at)
    }

    /// Reads so many bytes from a place, or what there is.
    pub fn read_vec(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.file.read(&mut bytes, at)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Ends the segment: its summary behind its last frame, the rest of the file given back.
    ///
    /// The frames are on the disk before: a summary never tells of what is not.
    pub fn seal(&self, seal: &Seal) -> io::Result<()> {
        let summary =
            Section { kind: Kind::Summary, lane: LaneId(0), bytes: seal.extents.encode().into() };
        let head = Head { number: seal.last, last_sequence: seal.last_sequence, ..Head::default() };
        let frame = Frame::build(self.salt, head, vec![summary]);
        let trailer = self.trailer(seal.end, seal.first);
        let mut parts = frame.parts();
        parts.push(&trailer);
        self.file.write(&parts, seal.end)?;
        self.file.cut(seal.end + frame.length() + SEAL)?;
        self.file.sync()
    }

    /// The seal at the file's end, if it is sealed.
    pub fn read_seal(&self) -> io::Result<Option<Seal>> {
        let length = self.length()?;
        let Some(at) = length.checked_sub(SEAL).filter(|at| *at >= FIRST_FRAME) else {
            return Ok(None);
        };
        let trailer = self.read_vec(at, SEAL)?;
        let Some(trailer) = trailer.first_chunk::<24>() else { return Ok(None) };
        let number =
            |at: usize| trailer[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (end, first) = (number(0), number(8));
        if self.trailer(end, first) != *trailer || end >= at {
            return Ok(None);
        }
        let bytes = self.read_vec(end, at - end)?;
        let Ok(found) = FoundFrame::read(self.salt, &bytes) else { return Ok(None) };
        let summary = found.directory.iter().find(|entry| entry.kind == Kind::Summary);
        let extents = summary.and_then(|entry| Extents::decode(entry.bytes(&bytes)?));
        Ok(extents.map(|extents| Seal {
            first,
            last: found.head.number,
            last_sequence: found.head.last_sequence,
            extents,
            end,
        }))
    }

    /// The frame at a place, and its bytes. `None` if there is no whole one.
    pub fn frame_at(&self, at: u64) -> io::Result<Option<(FoundFrame, Vec<u8>)>> {
        let mut wanted = USUAL_FRAME;
        loop {
            let bytes = self.read_vec(at, wanted)?;
            match FoundFrame::read(self.salt, &bytes) {
                Ok(found) if found.length <= bytes.len() as u64 => {
                    return Ok(found.is_whole(&bytes).then_some((found, bytes)));
                }
                Ok(found) if (bytes.len() as u64) == wanted => wanted = found.length,
                Err(NotAFrame::Longer(length)) if (bytes.len() as u64) == wanted => {
                    wanted = length as u64;
                }
                Ok(_) | Err(_) => return Ok(None),
            }
        }
    }

    fn trailer(&self, at: u64, first: u64) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&at.to_le_bytes());
        bytes[8..16].copy_from_slice(&first.to_le_bytes());
        bytes[16..20].copy_from_slice(b"seal");
        let checksum = salted(self.salt, &bytes[..20]);
        bytes[20..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// The name of a segment's file.
pub fn name_of(number: u64) -> String {
    format!("{number:016x}.log")
}

/// The number of the segment whose file has this name.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

fn head_page(number: u64, salt: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(36);
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&number.to_le_bytes());
    head.extend_from_slice(&salt.to_le_bytes());
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
    let mut page = vec![0; FIRST_FRAME as usize];
    page[..36].copy_from_slice(&head);
    page[SECOND_HEAD..SECOND_HEAD + 36].copy_from_slice(&head);
    page
}

/// The salt that a head tells, if it is that of this segment.
fn read_head(bytes: &[u8], number: u64) -> Option<u64> {
    let head = bytes.get(..36)?;
    let checksum = u32::from_le_bytes(*head[32..].first_chunk()?);
    let is_ours = head[..16] == MAGIC
        && head[16..24] == number.to_le_bytes()
        && crc32c::crc32c(&head[..32]) == checksum;
    is_ours.then(|| head[24..].first_chunk().map(|salt| u64::from_le_bytes(*salt)))?
}

/// A file that waits to be used again.
pub const SPARE: &str = "spare";
/// Where the first frame begins.
pub const FIRST_FRAME: u64 = 4096;
const SECOND_HEAD: usize = 2048;
const MAGIC: [u8; 16] = *b"cadrelay log 2\0\0";
/// Also a later format begins so.
const FAMILY: usize = 13;
const SEAL: u64 = 24;
/// Most frames are read in one go.
const USUAL_FRAME: u64 = 64 << 10;
