//! A chunk: the records that one commit adds to one lane, as the store keeps them and the drain
//! reads them.
//!
//! Layout, little-endian: commit time (u64, milliseconds since the epoch), number of records (u32),
//! then each record: sequence (u64), length (u32), bytes.

use crate::spool::lanes::extents::Extent;
use bytes::Bytes;

/// Records of one lane, in order, committed together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chunk {
    /// The last sequence in this lane before this chunk, 0 if there is none.
    pub follows: u64,
    /// The sequence of its last record.
    pub last: u64,
    bytes: Bytes,
}

/// One stored record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stored<'a> {
    /// Its sequence number in the instance.
    pub sequence: u64,
    /// The commit time, in milliseconds since the epoch.
    pub committed_at: u64,
    /// The encoded record; see [`crate::record::layout`].
    pub bytes: &'a [u8],
}

/// The bytes are not a chunk: a length points past their end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bytes are not a chunk of records")]
pub struct NotAChunk;

impl Chunk {
    /// Reads a chunk as stored, checking every length.
    pub fn read(follows: u64, bytes: Bytes) -> Result<Self, NotAChunk> {
        let mut chunk = Self { follows, last: 0, bytes };
        let count = chunk.header(8).map(u32::from_le_bytes).ok_or(NotAChunk)?;
        let mut records = chunk.records();
        let mut last = 0;
        for _ in 0..count {
            last = records.next().ok_or(NotAChunk)?.sequence;
        }
        let is_whole = records.rest.is_empty() && count > 0;
        chunk.last = last;
        if is_whole { Ok(chunk) } else { Err(NotAChunk) }
    }

    /// The records in order.
    pub fn records(&self) -> Records<'_> {
        let committed_at = self.header(0).map_or(0, u64::from_le_bytes);
        Records { committed_at, rest: self.bytes.get(HEADER..).unwrap_or_default() }
    }

    /// The bytes as the store keeps them.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The commit time, in milliseconds since the epoch.
    pub fn committed_at(&self) -> u64 {
        self.header(0).map_or(0, u64::from_le_bytes)
    }

    /// The number of its records.
    pub fn count(&self) -> u64 {
        self.header(8).map_or(0, u32::from_le_bytes).into()
    }

    /// The extent of its records.
    pub fn extent(&self) -> Extent {
        let first = self.records().next().map_or(self.last, |record| record.sequence);
        Extent { first, last: self.last, records: self.count(), bytes: self.record_bytes() }
    }

    /// The bytes of its records, without those of the layout.
    pub fn record_bytes(&self) -> u64 {
        self.bytes.len() as u64 - HEADER as u64 - self.count() * RECORD_HEADER as u64
    }

    fn header<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }
}

/// Iterates over the records of a chunk.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    committed_at: u64,
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Stored<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (sequence, rest) = self.rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        let sequence = u64::from_le_bytes(*sequence);
        Some(Stored { sequence, committed_at: self.committed_at, bytes })
    }
}

/// A chunk that is still growing: its commit has not begun.
#[derive(Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    count: u32,
    last: u64,
}

impl Builder {
    /// Adds a record; sequences must grow. `expected` is the approximate size of the finished chunk
    /// in bytes, so that it is allocated once.
    pub fn push(&mut self, sequence: u64, record: &[u8], expected: usize) {
        if self.bytes.is_empty() {
            self.bytes.reserve((HEADER + RECORD_HEADER + record.len()).max(expected));
            self.bytes.resize(HEADER, 0);
        }
        self.bytes.extend_from_slice(&sequence.to_le_bytes());
        self.bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(record);
        self.count += 1;
        self.last = sequence;
    }

    /// Its bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if it holds no record yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the chunk. `None` if it holds no record.
    pub fn finish(mut self, follows: u64, committed_at: u64) -> Option<Chunk> {
        if self.count == 0 {
            return None;
        }
        self.bytes[..8].copy_from_slice(&committed_at.to_le_bytes());
        self.bytes[8..HEADER].copy_from_slice(&self.count.to_le_bytes());
        Some(Chunk { follows, last: self.last, bytes: self.bytes.into() })
    }
}

const HEADER: usize = 8 + 4;
const RECORD_HEADER: usize = 8 + 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_pushed_is_read_back(records in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..60), 1..20,
        )) {
            let mut builder = Builder::default();
            for (sequence, record) in records.iter().enumerate() {
                builder.push(sequence as u64 + 7, record, 0);
            }
            let built = builder.finish(3, 1_700).expect("it holds records");

            let chunk = Chunk::read(3, built.as_bytes().clone()).expect("it is whole");

            prop_assert_eq!(&chunk, &built);
            prop_assert_eq!(chunk.committed_at(), 1_700);
            let read: Vec<_> = chunk.records().map(|record| record.bytes.to_vec()).collect();
            prop_assert_eq!(read, records);
        }

        #[test]
        fn a_chunk_cut_short_is_refused(cut in 1_usize..40) {
            let mut builder = Builder::default();
            builder.push(9, b"some record of thirty bytes..", 0);
            let built = builder.finish(0, 0).expect("it holds a record");
            let short = built.as_bytes().slice(..built.as_bytes().len() - cut);

            prop_assert_eq!(Chunk::read(0, short), Err(NotAChunk));
        }
    }
}
