//! Reads a spool of the earlier format, through fjall's public interface.

use crate::spool::LaneId;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::takeover::Error;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The old database.
pub struct Earlier {
    database: Database,
    meta: Keyspace,
}

impl Earlier {
    /// Opens it.
    pub fn open(store: &Path) -> Result<Self, Error> {
        let database = Database::builder(store).worker_threads(1).open()?;
        let meta = database.keyspace("meta", KeyspaceCreateOptions::default)?;
        let earlier = Self { database, meta };
        match earlier.number(b"format")? {
            None | Some(1) => Ok(earlier),
            Some(other) => Err(Error::Damaged(format!("its format is {other}, not 1"))),
        }
    }

    /// The instance's name.
    pub fn instance(&self) -> Result<String, Error> {
        Ok(self.meta.get(b"instance")?.map(|name| text(&name)).unwrap_or_default())
    }

    /// The last sequence that was given.
    pub fn last_sequence(&self) -> Result<u64, Error> {
        Ok(self.number(b"sequence")?.unwrap_or(0))
    }

    /// The released sequence of each lane.
    pub fn released(&self) -> Result<BTreeMap<LaneId, u64>, Error> {
        let rows = self.rows(b"released/")?;
        Ok(rows.iter().filter_map(|(lane, row)| Some((LaneId(*lane as u16), long(row)?))).collect())
    }

    /// The lanes: number and topic.
    pub fn lanes(&self) -> Result<Vec<(LaneId, String)>, Error> {
        let rows = self.rows(b"lane/")?;
        Ok(rows.into_iter().map(|(lane, topic)| (LaneId(lane as u16), text(&topic))).collect())
    }

    /// The runs: first sequence and name, oldest first.
    pub fn runs(&self) -> Result<Vec<(u64, String)>, Error> {
        Ok(self.rows(b"run/")?.into_iter().map(|(first, name)| (first, text(&name))).collect())
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<u64> {
        let names = self.database.list_keyspace_names();
        let numbers = names
            .iter()
            .filter_map(|name| u64::from_str_radix(name.strip_prefix(SEGMENT)?, 16).ok());
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        numbers
    }

    /// All chunks of a segment, lane by lane, in order. It is an error if a sequence is missing
    /// among them.
    pub fn chunks(&self, segment: u64) -> Result<Vec<(LaneId, Chunk)>, Error> {
        let name = format!("{SEGMENT}{segment:016x}");
        let keyspace = self.database.keyspace(&name, KeyspaceCreateOptions::default)?;
        let mut chunks = Vec::new();
        let mut sequences = Vec::new();
        for row in keyspace.iter() {
            let (key, value) = row.into_inner()?;
            let damaged = || Error::Damaged(format!("a chunk of records in {name}"));
            let lane = u16::from_be_bytes(*key.first_chunk().ok_or_else(damaged)?);
            let chunk = Chunk::read(0, value.to_vec().into()).map_err(|_| damaged())?;
            sequences.extend(chunk.records().map(|record| record.sequence));
            chunks.push((LaneId(lane), chunk));
        }
        sequences.sort_unstable();
        match sequences.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
            Some(gap) => {
                Err(Error::Damaged(format!("record {} follows {} in {name}", gap[1], gap[0])))
            }
            None => Ok(chunks),
        }
    }

    fn number(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        Ok(self.meta.get(key)?.and_then(|row| long(&row)))
    }

    fn rows(&self, kind: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let rows = self.meta.prefix(kind).map(|row| {
            let (key, value) = row.into_inner()?;
            let number = key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            Ok((number, value.to_vec()))
        });
        rows.collect()
    }
}

/// The last sequence that was acknowledged; 0 if the mark is missing or torn.
pub fn acknowledged(dir: &Path) -> Result<u64, Error> {
    let bytes = match std::fs::read(dir.join("mark")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let (sequence, inverted) = (long(&bytes), bytes.get(8..).and_then(long));
    Ok(sequence.filter(|sequence| Some(!sequence) == inverted).unwrap_or(0))
}

fn long(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SEGMENT: &str = "records-";
