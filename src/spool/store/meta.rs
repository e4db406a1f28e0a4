//! What is true of the whole spool: who it is, its lanes and runs, how far each lane is released.

use crate::spool::segments::Segment;
use crate::spool::store::journal::BATCH;
use crate::spool::store::{Error, Store};
use crate::spool::window::IdKey;
use bytes::Bytes;
use fjall::PersistMode;
use std::collections::BTreeMap;

impl Store {
    /// Refuses what a later build wrote; notes the format where there is none yet.
    pub(super) fn check_format(&self) -> Result<(), Error> {
        match self.meta.get(FORMAT_KEY)?.and_then(|bytes| number(&bytes)) {
            Some(FORMAT) => Ok(()),
            Some(found) if found > FORMAT => Err(Error::Newer(found)),
            Some(_) | None => self.put_meta(FORMAT_KEY.to_vec(), &FORMAT.to_le_bytes()),
        }
    }

    pub(super) fn read_last_batch(&self) -> Result<u64, Error> {
        Ok(self.meta.get(BATCH)?.and_then(|bytes| number(&bytes)).unwrap_or(0))
    }

    /// Remembers something for as long as the directory is kept. Not synced.
    pub fn remember_for_good(&self, id: &IdKey) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(&self.meta, [FOR_GOOD, id.as_bytes()].concat(), []);
        self.write(batch)
    }

    /// Whether [`Store::remember_for_good`] was told of it.
    pub fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        Ok(self.meta.contains_key([FOR_GOOD, id.as_bytes()].concat())?)
    }

    /// The last sequence that was given.
    pub fn last_sequence(&self) -> Result<u64, Error> {
        Ok(self.meta.get(LAST_SEQUENCE)?.and_then(|bytes| number(&bytes)).unwrap_or(0))
    }

    /// How far each lane is released, as far as this directory knows.
    pub fn released(&self) -> Result<BTreeMap<u16, u64>, Error> {
        let rows = self.meta_rows(RELEASED)?;
        Ok(rows.iter().filter_map(|(lane, value)| Some((*lane as u16, number(value)?))).collect())
    }

    /// The lanes that were ever used: number and topic.
    pub fn lanes(&self) -> Result<Vec<(u16, String)>, Error> {
        let rows = self.meta_rows(LANE)?;
        Ok(rows.into_iter().map(|(lane, topic)| (lane as u16, text(&topic))).collect())
    }

    /// The runs that ever wrote here: first sequence and name, oldest first.
    pub fn runs(&self) -> Result<Vec<(u64, String)>, Error> {
        let rows = self.meta_rows(RUN)?;
        Ok(rows.into_iter().map(|(first, name)| (first, text(&name))).collect())
    }

    /// The instance's name, if the directory was ever named.
    pub fn instance(&self) -> Result<Option<String>, Error> {
        Ok(self.meta.get(INSTANCE)?.map(|name| text(&name)))
    }

    /// Names the instance, once.
    pub fn name_instance(&self, name: &str) -> Result<(), Error> {
        self.put_meta(INSTANCE.to_vec(), name.as_bytes())
    }

    /// Adds a lane for a topic.
    pub fn add_lane(&self, lane: u16, topic: &str) -> Result<(), Error> {
        self.put_meta(meta_key(LANE, lane.into()), topic.as_bytes())
    }

    /// Begins a run whose first record will have the given sequence.
    pub fn begin_run(&self, first: u64, name: &str) -> Result<(), Error> {
        self.put_meta(meta_key(RUN, first), name.as_bytes())
    }

    /// Forgets a run of which nothing waits.
    pub fn forget_run(&self, first: u64) -> Result<(), Error> {
        self.forget(meta_key(RUN, first))
    }

    /// How many notes of where records went are in each slice. Those of builds that did not count
    /// them are not known.
    pub(super) fn read_place_rows(&self) -> Result<BTreeMap<u64, u64>, Error> {
        let rows = self.meta_rows(PLACES)?;
        Ok(rows.iter().filter_map(|(slice, rows)| Some((*slice, number(rows)?))).collect())
    }

    /// Keeps what a full segment holds, so that a start need not read it.
    pub fn note_summary(&self, number: u64, segment: &Segment) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(&self.meta, meta_key(SUMMARY, number), segment.encode());
        self.write(batch)
    }

    /// What a segment holds, if it was noted.
    pub fn summary(&self, number: u64) -> Result<Option<Segment>, Error> {
        let bytes = self.meta.get(meta_key(SUMMARY, number))?;
        Ok(bytes.and_then(|bytes| Segment::decode(&bytes)))
    }

    fn put_meta(&self, key: Vec<u8>, value: &[u8]) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&self.meta, key, value);
        self.write(batch)
    }

    pub(super) fn forget(&self, key: Vec<u8>) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.remove(&self.meta, key);
        self.write(batch)
    }

    fn meta_rows(&self, kind: &[u8]) -> Result<Vec<(u64, Bytes)>, Error> {
        let rows = self.meta.prefix(kind).map(|guard| {
            let (key, value) = guard.into_inner()?;
            let number = key.last_chunk().ok_or(Error::Damaged("a key of the spool's table"))?;
            Ok((u64::from_be_bytes(*number), value.into()))
        });
        rows.collect()
    }
}

pub(super) fn meta_key(kind: &[u8], number: u64) -> Vec<u8> {
    [kind, &number.to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) const LAST_SEQUENCE: &[u8] = b"sequence";
/// What this build writes. Grows when an earlier build could no longer read it; spools of builds that
/// noted none are read as they are.
pub(super) const FORMAT: u64 = 1;
const FORMAT_KEY: &[u8] = b"format";
const INSTANCE: &[u8] = b"instance";
pub(super) const RELEASED: &[u8] = b"released/";
const LANE: &[u8] = b"lane/";
const RUN: &[u8] = b"run/";
const FOR_GOOD: &[u8] = b"replay/";
/// How many notes of where records went are in a slice.
pub(super) const PLACES: &[u8] = b"places/";
pub(super) const SUMMARY: &[u8] = b"segment/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_a_newer_build_wrote_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.put_meta(FORMAT_KEY.to_vec(), &(FORMAT + 1).to_le_bytes()).unwrap();
        drop(store);

        let refused = Store::open(dir.path()).unwrap_err();

        assert!(matches!(refused, Error::Newer(found) if found == FORMAT + 1), "{refused}");
    }
}
