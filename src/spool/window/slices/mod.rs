//! Older ids, and the places of their records, in slices of time on the disk.
//!
//! Uses fjall through its public interface; apart from the takeover of earlier spools no other file
//! names it. A slice is a keyspace with an eighth of the window, so that space is given back by
//! dropping a whole one. Ids are written sorted, one segment at a time, straight into tables.
//!
//! A slice is named by its end, in milliseconds since the epoch.

mod numbered;
mod rows;
#[cfg(test)]
mod tests;

use crate::lock::{lock, read, write};
use crate::spool::LaneId;
use crate::spool::notes::{Elsewhere, Published};
use crate::spool::window::old_ids::{Cursor, Error, Handover, OldIds};
use crate::spool::window::slices::rows::{id_key, is_whole, note_row, notes_key, sequence_key};
use crate::spool::window::{IdEntry, IdKey, Slicing};
use fjall::compaction::Leveled;
use fjall::config::PinningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

impl From<fjall::Error> for Error {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self::Unreadable(error),
            other => Self::Failed(Box::new(other)),
        }
    }
}

/// The slices.
pub struct Slices {
    database: Database,
    meta: Keyspace,
    slicing: Slicing,
    /// By their ends. Replaced as a whole, so that nobody holds the lock while reading the disk.
    slices: RwLock<Arc<BTreeMap<u64, Slice>>>,
    /// The number of rows of each slice that are notes on places of records, and not ids.
    notes: Mutex<BTreeMap<u64, u64>>,
}

/// A slice.
#[derive(Clone)]
struct Slice {
    /// The number in its keyspace's name.
    number: u64,
    rows: Keyspace,
}

impl Slices {
    /// Opens the slices in a folder, creating them if there are none.
    pub fn open(folder: &Path, slicing: Slicing) -> Result<Self, Error> {
        let database = Database::builder(folder)
            .worker_threads(WORKERS)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(MAX_JOURNAL_BYTES)
            .manual_journal_persist(true)
            .open()?;
        let meta = database.keyspace("meta", || {
            KeyspaceCreateOptions::default().max_memtable_size(META_MEMTABLE_BYTES)
        })?;
        let slices =
            Self { database, meta, slicing, slices: RwLock::default(), notes: Mutex::default() };
        for name in slices.database.list_keyspace_names() {
            if name.starts_with(RECORDS) {
                // Records of the earlier format; they are in the log now.
                let records = slices.database.keyspace(&name, KeyspaceCreateOptions::default)?;
                slices.database.delete_keyspace(records)?;
                continue;
            }
            let digits = name.strip_prefix(PREFIX);
            if let Some(number) = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
                slices.open_slice(number)?;
            }
        }
        Ok(slices)
    }

    /// Opens an existing slice.
    fn open_slice(&self, number: u64) -> Result<(), Error> {
        let rows = self.keyspace(number)?;
        let end = numbered::end(number, &rows)?;
        if let Some(row) = self.meta.get(notes_key(number))? {
            let notes = row.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            lock(&self.notes).insert(end, notes);
        }
        Arc::make_mut(&mut write(&self.slices)).insert(end, Slice { number, rows });
        Ok(())
    }

    /// The slice that ends at a time; makes it if there is none.
    fn slice(&self, end: u64) -> Result<Slice, Error> {
        if let Some(slice) = self.all().get(&end) {
            return Ok(slice.clone());
        }
        let slice = Slice { number: end, rows: self.keyspace(end)? };
        Arc::make_mut(&mut write(&self.slices)).insert(end, slice.clone());
        Ok(slice)
    }

    fn keyspace(&self, number: u64) -> Result<Keyspace, Error> {
        Ok(self.database.keyspace(&format!("{PREFIX}{number:016x}"), || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(SLICE_MEMTABLE_BYTES)
                .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(LOOSE_TABLES)))
                // Pinned in memory, ten bits for each id: a block that has outgrown the cache's
                // largest, some 1.5 MB, would otherwise be read whole at every look.
                .filter_block_pinning_policy(PinningPolicy::all(true))
        })?)
    }

    fn all(&self) -> Arc<BTreeMap<u64, Slice>> {
        Arc::clone(&read(&self.slices))
    }

    fn find_row(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, Error> {
        for slice in self.all().values().rev() {
            if let Some(value) = slice.rows.get(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.meta, key, value);
        Ok(batch.commit()?)
    }
}

impl OldIds for Slices {
    fn absorb(&self, handover: &Handover) -> Result<(), Error> {
        let mut rows: BTreeMap<u64, BTreeMap<Vec<u8>, Vec<u8>>> = BTreeMap::new();
        let mut newest = self.all().keys().last().copied().unwrap_or(0);
        for (id, entry) in &handover.ids {
            let end = self.slicing.end_after(entry.accepted_at);
            newest = newest.max(end);
            rows.entry(end).or_default().insert(id_key(id), entry.encode().to_vec());
        }
        let mut notes = 0;
        for (key, value) in handover.notes.iter().filter_map(note_row) {
            notes += 1;
            rows.entry(newest).or_default().insert(key, value);
        }
        for (end, rows) in rows {
            let slice = self.slice(end)?;
            let mut ingestion = slice.rows.start_ingestion()?;
            for (key, value) in rows {
                ingestion.write(key, value)?;
            }
            ingestion.finish()?;
        }
        if notes > 0 {
            let before = lock(&self.notes).get(&newest).copied().unwrap_or(0);
            // Only one thread absorbs. Counting does not wait for the disk.
            let number = self.slice(newest)?.number;
            self.put(&notes_key(number), &(before + notes).to_le_bytes())?;
            lock(&self.notes).insert(newest, before + notes);
        }
        self.put(ABSORBED, &handover.segment.to_le_bytes())
    }

    fn absorbed(&self) -> u64 {
        let row = self.meta.get(ABSORBED).ok().flatten();
        row.and_then(|row| Some(u64::from_le_bytes(*row.first_chunk()?))).unwrap_or(0)
    }

    fn find(&self, id: &IdKey) -> Result<Option<IdEntry>, Error> {
        let Some(row) = self.find_row(&id_key(id))? else { return Ok(None) };
        IdEntry::decode(&row).map(Some).ok_or(Error::Damaged("an id's entry"))
    }

    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Published>, Error> {
        for slice in self.all().values().rev() {
            let range = sequence_key(b'p', lane, sequence)..=sequence_key(b'p', lane, u64::MAX);
            let Some(row) = slice.rows.range(range).next() else { continue };
            let places = Published::decode_all(&row.value()?);
            if let Some(place) = places.into_iter().find(|place| place.sequence == sequence) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    fn elsewhere(&self, lane: LaneId, sequence: u64) -> Result<Option<Elsewhere>, Error> {
        let Some(row) = self.find_row(&sequence_key(b'q', lane, sequence))? else {
            return Ok(None);
        };
        Elsewhere::decode(&row).map(Some).ok_or(Error::Damaged("a record's place"))
    }

    fn count(&self) -> u64 {
        let notes = lock(&self.notes);
        self.all()
            .iter()
            .map(|(end, slice)| {
                let notes = notes.get(end).copied().unwrap_or(0);
                (slice.rows.approximate_len() as u64).saturating_sub(notes)
            })
            .sum()
    }

    fn forget(&self, before: u64) -> Result<usize, Error> {
        let over: Vec<u64> = self.all().range(..=before).map(|(end, _)| *end).collect();
        for end in &over {
            let slice = Arc::make_mut(&mut write(&self.slices)).remove(end);
            if let Some(slice) = slice {
                self.database.delete_keyspace(slice.rows)?;
            }
        }
        Ok(over.len())
    }

    fn some_after(&self, after: Option<Cursor>, most: usize) -> Result<Vec<Cursor>, Error> {
        let mut found = Vec::new();
        let first = after.map_or(0, |after| after.slice);
        let slices: Vec<(u64, Slice)> =
            self.all().range(first..).map(|(end, slice)| (*end, slice.clone())).collect();
        for (end, slice) in slices {
            let from = match after.filter(|after| after.slice == end) {
                Some(after) => [&id_key(&after.id)[..], &[0]].concat(),
                None => vec![b'i'],
            };
            for row in slice.rows.range(from..vec![b'i' + 1]).take(most - found.len()) {
                let key = row.key()?;
                let id = key.get(1..).and_then(<[u8]>::first_chunk).copied();
                let id = IdKey::stored(id.ok_or(Error::Damaged("an id's key"))?);
                found.push(Cursor { slice: end, id });
            }
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    }

    fn verify(&self) -> (u64, Vec<String>) {
        let (mut ids, mut faults) = (0, Vec::new());
        for Slice { number, rows } in self.all().values() {
            for row in rows.iter() {
                match row.into_inner().map_err(Error::from) {
                    Ok((key, value)) => {
                        ids += u64::from(key.first() == Some(&b'i'));
                        if !is_whole(&key, &value) {
                            faults.push(format!("slice {number}: an entry is damaged"));
                        }
                    }
                    Err(error) => faults.push(format!("slice {number}: {error}")),
                }
                if faults.len() > MOST_FAULTS {
                    return (ids, faults);
                }
            }
        }
        (ids, faults)
    }

    fn remember_for_good(&self, id: &IdKey) -> Result<(), Error> {
        self.put(&[FOR_GOOD, id.as_bytes()].concat(), &[])
    }

    fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        Ok(self.meta.contains_key([FOR_GOOD, id.as_bytes()].concat())?)
    }

    fn disk_bytes(&self) -> u64 {
        self.database.disk_space().unwrap_or(0)
    }
}

impl Debug for Slices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slices").finish_non_exhaustive()
    }
}

const PREFIX: &str = "window-";
/// Segments of the earlier format.
const RECORDS: &str = "records-";
const ABSORBED: &[u8] = b"absorbed";
const FOR_GOOD: &[u8] = b"replay/";
/// Flushing and compacting share a thread: a second one would get compactions from the first in a
/// busy loop while one runs.
const WORKERS: usize = 1;
/// Blocks of ids that are read repeatedly.
const CACHE_BYTES: u64 = 8 << 20;
const MAX_JOURNAL_BYTES: u64 = 64 << 20;
const META_MEMTABLE_BYTES: u64 = 1 << 20;
const SLICE_MEMTABLE_BYTES: u64 = 8 << 20;
/// Tables of a slice that wait until they are merged into the larger ones. A segment gives one, and a
/// merge writes the whole slice again; a look passes the others by their filters.
const LOOSE_TABLES: u8 = 12;
const MOST_FAULTS: usize = 10;
