//! The mark of what was acknowledged, kept beside the segments: it shows when the newest segment
//! has lost something.
//!
//! The mark is written after each commit, before the answers. It is not synced: after a power cut
//! it may be too low, and then notices less, but it is never above what was committed.

use crate::spool::log::disk::{Disk, File};
use std::io;
use std::sync::Arc;

/// The file with the mark.
#[derive(Debug)]
pub struct Acknowledged {
    /// `None` in a folder without a mark that is only read.
    file: Option<Arc<dyn File>>,
}

/// The last commit that was acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Acknowledgement {
    /// The number of its frame.
    pub frame: u64,
    /// The last sequence given by then.
    pub sequence: u64,
}

impl Acknowledged {
    /// Opens the mark, and creates it if there is none.
    pub fn open(disk: &dyn Disk) -> io::Result<Self> {
        let is_there = disk.names()?.iter().any(|name| name == NAME);
        let file = if is_there { disk.open(NAME)? } else { disk.create(NAME)? };
        Ok(Self { file: Some(file) })
    }

    /// Opens the mark of a folder in which nothing may be created.
    pub fn look(disk: &dyn Disk) -> io::Result<Self> {
        match disk.open(NAME) {
            Ok(file) => Ok(Self { file: Some(file) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { file: None }),
            Err(error) => Err(error),
        }
    }

    /// Reads the mark; zero if it is torn.
    pub fn mark(&self) -> Acknowledgement {
        let mut bytes = [0; 24];
        let Some(file) = &self.file else { return Acknowledgement::default() };
        match file.read(&mut bytes, 0) {
            Ok(24) => decode(&bytes).unwrap_or_default(),
            Ok(_) | Err(_) => Acknowledgement::default(),
        }
    }

    /// Writes that everything up to here is about to be acknowledged.
    pub fn set(&self, mark: Acknowledgement) -> io::Result<()> {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&mark.frame.to_le_bytes());
        bytes[8..16].copy_from_slice(&mark.sequence.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..16]);
        bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
        self.file.as_ref().map_or(Ok(()), |file| file.write(&[&bytes], 0))
    }

    /// Syncs the mark to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.sync())
    }
}

fn decode(bytes: &[u8; 24]) -> Option<Acknowledgement> {
    let checksum = u32::from_le_bytes(*bytes[16..].first_chunk()?);
    (crc32c::crc32c(&bytes[..16]) == checksum).then_some(Acknowledgement {
        frame: u64::from_le_bytes(*bytes.first_chunk()?),
        sequence: u64::from_le_bytes(*bytes[8..].first_chunk()?),
    })
}

/// The file's name.
pub(in crate::spool) const NAME: &str = "acknowledged";
