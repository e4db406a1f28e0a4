//! A segment: one file of the log, from being laid out to being sealed.
//!
//! A segment is laid out before it is used: its space is taken from the disk, its head is synced,
//! and only then it gets its name. So a commit into it needs no space and changes no metadata, and
//! a file with a segment's name has a durable head.

use crate::spool::LaneId;
use crate::spool::lanes::extents::Extents;
use crate::spool::log::disk::{Disk, File, write_zeros};
use crate::spool::log::frame::{
    FoundFrame, Frame, Head, Kind, NotAFrame, Section, next_frame, salted,
};
use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A segment's file, held open from its beginning to its end.
#[derive(Debug)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// The salt of its checksums.
    pub salt: u64,
    file: Arc<dyn File>,
    /// The end of the last frame that is on the disk.
    end: AtomicU64,
}

/// The way in which a segment's space is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// The file system reserves it: fast, but the first write there changes metadata.
    Reserve,
    /// Zeros are written: slow, but done beside the writer.
    Zeros,
}

/// The end of a sealed segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seal {
    /// The number of its first frame.
    pub first: u64,
    /// The number of its last frame.
    pub last: u64,
    /// The last sequence given by then.
    pub last_sequence: u64,
    /// Its content.
    pub extents: Extents,
    /// The end of its frames.
    pub end: u64,
}

impl Segment {
    /// Lays a segment out. A spare file is used again.
    pub fn lay_out(disk: &dyn Disk, number: u64, length: u64, fill: Fill) -> io::Result<Self> {
        let is_kept = disk.names()?.iter().any(|name| name == SPARE);
        let file = if is_kept { disk.open(SPARE)? } else { disk.create(SPARE)? };
        if is_kept {
            // Otherwise a crash could give the file its earlier name back, with this segment's head
            // in it.
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

    /// Opens an existing segment. `None` if its head cannot be read.
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

    /// The end of the last frame that is on the disk.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Sets the end up to which everything is on the disk.
    pub fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Writes a frame at a place.
    pub fn write(&self, frame: &Frame, at: u64) -> io::Result<()> {
        self.file.write(&frame.parts(), at)
    }

    /// Writes again everything that was read up to here, and syncs it.
    ///
    /// It may only be in the system's memory, counted as written: after a failed sync, only bytes
    /// that are written again reach the disk.
    pub fn rewrite(&self, end: u64) -> io::Result<()> {
        let bytes = self.read_vec(FIRST_FRAME, end - FIRST_FRAME)?;
        self.file.write(&[&bytes], FIRST_FRAME)?;
        self.file.sync()
    }

    /// Syncs everything that was written.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Makes the file at least this long, and takes its space.
    pub fn reserve(&self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }

    /// True if its name, in this folder, leads to its file.
    pub fn is_in(&self, folder: &Path) -> io::Result<bool> {
        self.file.is_at(&folder.join(name_of(self.number)))
    }

    /// The file's length.
    pub fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    /// Reads from a place.
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read(bytes, at)
    }

    /// Reads this many bytes from a place, or as many as there are.
    pub fn read_vec(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.file.read(&mut bytes, at)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Ends the segment: writes its summary after its last frame, and gives back the rest of the
    /// file.
    ///
    /// The frames are on the disk before, so a summary never counts a missing one.
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

    /// Reads the seal at the file's end, if it is sealed.
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

    /// Reads the frame at a place, with its bytes. `None` if there is no whole one.
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

    /// The place of the first frame behind a broken one.
    pub fn frame_behind(&self, broken: u64) -> io::Result<Option<u64>> {
        let end = self.end().saturating_sub(broken);
        let bytes = self.read_vec(broken, end)?;
        let behind = next_frame(self.salt, &bytes, ALIGNMENT);
        Ok(behind.map(|(at, _)| broken + at as u64))
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

/// The salt in a head, if the head is that of this segment.
fn read_head(bytes: &[u8], number: u64) -> Option<u64> {
    let head = bytes.get(..36)?;
    let checksum = u32::from_le_bytes(*head[32..].first_chunk()?);
    let is_ours = head[..16] == MAGIC
        && head[16..24] == number.to_le_bytes()
        && crc32c::crc32c(&head[..32]) == checksum;
    is_ours.then(|| head[24..].first_chunk().map(|salt| u64::from_le_bytes(*salt)))?
}

/// The name of a file that is kept for reuse.
pub const SPARE: &str = "spare";
/// The beginning of the first frame.
pub const FIRST_FRAME: u64 = 4096;
const SECOND_HEAD: usize = 2048;
const MAGIC: [u8; 16] = *b"cadrelay log 2\0\0";
/// The bytes of the magic that later formats have as well.
const FAMILY: usize = 13;
const SEAL: u64 = 24;
/// Frames begin at multiples of this.
const ALIGNMENT: usize = 8;
/// Most frames are read at once.
const USUAL_FRAME: u64 = 64 << 10;
