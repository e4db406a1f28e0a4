//! How the store's journals are laid out, to read one without the store.
//!
//! A journal is a row of batches: a start with the number of items, the items, an end with their
//! checksum. Behind the last one lie zeros, laid out in advance. Every batch of ours has an item
//! that numbers it.
//!
//! # Limits
//! Checksums are left to the store, which refuses to open when one is wrong.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a journal holds up to its end, or to the first thing that cannot be understood.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Journal {
    /// How many batches.
    pub batches: u64,
    /// The numbers of those that have one, in order, as runs without a gap.
    pub numbers: Vec<RangeInclusive<u64>>,
    /// Whether a batch is the last thing in it.
    pub is_whole: bool,
}

impl Journal {
    /// Reads a journal.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut cursor = Cursor(BufReader::with_capacity(PIECE, File::open(path)?));
        let mut journal = Self::default();
        loop {
            match cursor.batch() {
                Ok(number) => journal.add(number),
                Err(Stop::End) => return Ok(Self { is_whole: true, ..journal }),
                Err(Stop::Torn) => return Ok(journal),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    fn add(&mut self, number: Option<u64>) {
        self.batches += 1;
        let Some(number) = number else { return };
        match self.numbers.last_mut() {
            Some(run) if run.end() + 1 == number => *run = *run.start()..=number,
            _ => self.numbers.push(number..=number),
        }
    }
}

/// All journals of a store, oldest first.
pub fn list(store: &Path) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut journals = BTreeMap::new();
    let entries = match fs::read_dir(store) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journals),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_suffix(".jnl")?.parse().ok()) {
            journals.insert(number, path);
        }
    }
    Ok(journals)
}

/// What journals take on the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// The one that is written.
    pub active: u64,
    /// Those that are full, and go when nothing in them is in memory alone.
    pub full: u64,
}

impl Sizes {
    /// Asks the file system.
    pub(super) fn of(store: &Path) -> io::Result<Self> {
        let mut sizes = Self::default();
        for path in list(store)?.into_values() {
            match fs::metadata(path) {
                // What is laid out in advance takes nothing yet.
                Ok(found) => {
                    let newest = found.blocks() * 512;
                    sizes.full += std::mem::replace(&mut sizes.active, newest);
                }
                // It went meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sizes)
    }
}

struct Cursor(BufReader<File>);

/// Why there is no further batch.
enum Stop {
    /// The last one was the last.
    End,
    /// What follows is not a batch, or not a whole one.
    Torn,
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Torn,
            _ => Self::Failed(error),
        }
    }
}

impl Cursor {
    /// The number of the next batch, if it has one.
    fn batch(&mut self) -> Result<Option<u64>, Stop> {
        let mut tag = [0];
        // At the end of the file nothing is read, and the tag stays zero.
        let _ = self.0.read(&mut tag)?;
        match tag[0] {
            0 => return Err(Stop::End),
            START => {}
            _ => return Err(Stop::Torn),
        }
        let items = u32::from_le_bytes(self.take()?);
        let _seqno: [u8; 8] = self.take()?;
        let mut number = None;
        for _ in 0..items {
            match self.take()? {
                [ITEM] => number = self.item()?.or(number),
                [CLEAR] => self.skip(8)?,
                _ => return Err(Stop::Torn),
            }
        }
        let [tag] = self.take()?;
        let _checksum: [u8; 8] = self.take()?;
        let whole = tag == END && self.take()? == END_OF_BATCH;
        if whole { Ok(number) } else { Err(Stop::Torn) }
    }

    /// The batch's number, if this is the item that has it.
    fn item(&mut self) -> Result<Option<u64>, Stop> {
        let _kind_and_compression: [u8; 2] = self.take()?;
        let _keyspace: [u8; 8] = self.take()?;
        let key = u16::from_le_bytes(self.take()?);
        let _length: [u8; 4] = self.take()?;
        let value = u32::from_le_bytes(self.take()?);
        if usize::from(key) == BATCH.len() && value == 8 {
            let (key, value): ([u8; BATCH.len()], _) = (self.take()?, self.take()?);
            return Ok((key == BATCH).then_some(u64::from_le_bytes(value)));
        }
        self.skip(i64::from(key) + i64::from(value))?;
        Ok(None)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Past the end of the file this succeeds, and what is taken next does not.
    fn skip(&mut self, bytes: i64) -> Result<(), Stop> {
        Ok(self.0.seek_relative(bytes)?)
    }
}

/// The key of a batch's number. No other key has five bytes.
pub const BATCH: [u8; 5] = *b"batch";
/// What every batch ends with.
pub const END_OF_BATCH: [u8; 4] = *b"FJL\x03";

/// At a flush the store begins a new journal if more than this is in the old one.
pub const FULL_BYTES: u64 = 64_000_000;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const PIECE: usize = 256 << 10;
