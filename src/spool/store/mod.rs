//! The embedded store: the only folder that names fjall.
//!
//! One database with three kinds of keyspace, so that space is given back by dropping whole ones
//! (deleted keys are tombstones, which free nothing on a disk that is already full):
//! - `records-N`: a segment of records; chunks by lane and last sequence.
//! - `window-N`: a slice of time; the ids accepted in it, and where their records went in Kafka.
//! - `meta`: what is true of the whole spool.
//!
//! # Promises
//! - [`Store::commit`] returns when everything in it is on the disk, or nothing of it counts.
//! - After a failed commit the store accepts nothing more.

pub mod journal;
mod keys;
mod meta;
mod places;

use crate::spool::chunk::Chunk;
use crate::spool::lock;
use crate::spool::store::journal::BATCH;
use crate::spool::store::keys::{SEGMENT_PREFIX, SLICE_PREFIX, chunk_key, id_key, numbered};
use crate::spool::store::meta::{FORMAT, LAST_SEQUENCE, PLACES, SUMMARY, meta_key};
use crate::spool::store::places::PLACE_BYTES;
use crate::spool::window::{Entry, IdKey};
use fjall::config::{BlockSizePolicy, FilterPolicy, PinningPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use keys::{segment_name, slice_name};

/// The open store.
pub struct Store {
    dir: PathBuf,
    database: Database,
    meta: Keyspace,
    segments: RwLock<BTreeMap<u64, Keyspace>>,
    slices: RwLock<BTreeMap<u64, Keyspace>>,
    flushed: Mutex<BTreeSet<u64>>,
    /// The number of the last batch.
    last_batch: Mutex<u64>,
    /// How many entries of each slice are no ids, but notes of where records went.
    place_rows: Mutex<BTreeMap<u64, u64>>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it open.
    #[error("the spool is in use by another process")]
    InUse,
    /// What it holds is not what was written.
    #[error("the spool is damaged: {0}")]
    Damaged(&'static str),
    /// A later build wrote it.
    #[error(
        "the spool was written by a newer build: its format is {0}, and this build knows {FORMAT}"
    )]
    Newer(u64),
    /// The store crate failed, which after a commit is final.
    #[error("the spool's store failed: {0}")]
    Failed(#[source] fjall::Error),
}

impl From<fjall::Error> for Error {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => Self::InUse,
            fjall::Error::JournalRecovery(_) | fjall::Error::Unrecoverable => {
                Self::Damaged("its journal does not end as it was written")
            }
            other => Self::Failed(other),
        }
    }
}

/// What one durable commit adds.
#[derive(Debug)]
pub struct Commit {
    /// The segment that takes the records.
    pub segment: u64,
    /// The records, by lane.
    pub chunks: Vec<(u16, Chunk)>,
    /// The slice that takes the ids.
    pub slice: u64,
    /// The ids, with what is remembered of them.
    pub ids: Vec<(IdKey, Entry)>,
    /// The last sequence given so far.
    pub last_sequence: u64,
}

/// Where a run of records of one lane went, for [`Store::place`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The record's sequence.
    pub sequence: u64,
    /// The partition it was published to.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// Where a record went that its own topic refused for good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// Its place in the quarantine topic.
    pub place: Place,
    /// Why it is there.
    pub reason: String,
}

impl Store {
    /// Opens the store in a directory, making it if there is none.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let database = Database::builder(dir)
            .worker_threads(WORKERS)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(MAX_JOURNAL_BYTES)
            .manual_journal_persist(true)
            .open()?;
        let meta = database.keyspace("meta", || {
            KeyspaceCreateOptions::default().max_memtable_size(META_MEMTABLE_BYTES)
        })?;
        let store = Self {
            dir: dir.to_owned(),
            database,
            meta,
            segments: RwLock::default(),
            slices: RwLock::default(),
            flushed: Mutex::default(),
            last_batch: Mutex::default(),
            place_rows: Mutex::default(),
        };
        *lock(&store.place_rows) = store.read_place_rows()?;
        *lock(&store.last_batch) = store.read_last_batch()?;
        store.check_format()?;
        for name in store.database.list_keyspace_names() {
            if let Some(number) = numbered(&name, SEGMENT_PREFIX) {
                store.open_segment(number)?;
            } else if let Some(number) = numbered(&name, SLICE_PREFIX) {
                store.open_slice(number)?;
            }
        }
        Ok(store)
    }

    /// Writes records and ids and waits until they are on the disk.
    pub fn commit(&self, commit: Commit) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        {
            let segments = read(&self.segments);
            let segment =
                segments.get(&commit.segment).ok_or(Error::Damaged("a segment is missing"))?;
            for (lane, chunk) in &commit.chunks {
                batch.insert(segment, chunk_key(*lane, chunk.last), chunk.as_bytes().clone());
            }
            let slices = read(&self.slices);
            let slice = slices.get(&commit.slice).ok_or(Error::Damaged("a slice is missing"))?;
            for (id, entry) in &commit.ids {
                batch.insert(slice, id_key(id), entry.encode());
            }
        }
        batch.insert(&self.meta, LAST_SEQUENCE, commit.last_sequence.to_le_bytes());
        self.write(batch)
    }

    /// What is remembered of an id, newest slice first.
    pub fn find_id(&self, id: &IdKey) -> Result<Option<Entry>, Error> {
        for slice in read(&self.slices).values().rev() {
            if let Some(bytes) = slice.get(id_key(id))? {
                let entry = Entry::decode(&bytes).ok_or(Error::Damaged("an id's entry"))?;
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// How many ids are remembered, about: an id counts until its slice is dropped.
    pub fn count_ids(&self) -> u64 {
        let slices = read(&self.slices);
        let rows = lock(&self.place_rows);
        let ids = slices.iter().map(|(number, slice)| {
            let places = rows.get(number).copied().unwrap_or(0);
            (slice.approximate_len() as u64).saturating_sub(places)
        });
        ids.sum()
    }

    /// The first chunk of a lane that holds a record after the given sequence.
    pub fn chunk_after(&self, lane: u16, sequence: u64) -> Result<Option<Chunk>, Error> {
        for segment in read(&self.segments).values() {
            let range = chunk_key(lane, sequence + 1)..=chunk_key(lane, u64::MAX);
            if let Some(guard) = segment.range(range).next() {
                let (key, value) = guard.into_inner()?;
                return read_chunk(&key, value).map(Some);
            }
        }
        Ok(None)
    }

    /// All chunks of a segment, lane by lane, in order.
    pub fn chunks(
        &self,
        segment: u64,
    ) -> Result<impl Iterator<Item = Result<(u16, Chunk), Error>>, Error> {
        let segments = read(&self.segments);
        let segment = segments.get(&segment).ok_or(Error::Damaged("a segment is missing"))?;
        Ok(segment.iter().map(|guard| {
            let (key, value) = guard.into_inner()?;
            let lane = key.first_chunk().ok_or(Error::Damaged("a chunk's key"))?;
            Ok((u16::from_be_bytes(*lane), read_chunk(&key, value)?))
        }))
    }

    /// Reads all of a slice: how many ids are in it.
    pub fn read_slice(&self, slice: u64) -> Result<u64, Error> {
        let slice = read(&self.slices).get(&slice).cloned();
        let slice = slice.ok_or(Error::Damaged("a slice is missing"))?;
        let mut ids = 0;
        for guard in slice.iter() {
            let (key, value) = guard.into_inner()?;
            match key.first() {
                Some(b'i') if Entry::decode(&value).is_some() => ids += 1,
                Some(b'p') if value.len().is_multiple_of(PLACE_BYTES) => {}
                Some(b'q') if value.len() > PLACE_BYTES => {}
                Some(_) | None => return Err(Error::Damaged("an id's entry")),
            }
        }
        Ok(ids)
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<u64> {
        read(&self.segments).keys().copied().collect()
    }

    /// Makes a segment ready to be written.
    pub fn open_segment(&self, number: u64) -> Result<(), Error> {
        if read(&self.segments).contains_key(&number) {
            return Ok(());
        }
        let keyspace = self.database.keyspace(&segment_name(number), || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(SEGMENT_MEMTABLE_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(SEGMENT_BLOCK_BYTES))
                .filter_policy(FilterPolicy::disabled())
        })?;
        write(&self.segments).insert(number, keyspace);
        Ok(())
    }

    /// Writes a segment that takes no more records out of memory into its tables, in the background.
    pub fn flush_segment(&self, number: u64) -> Result<(), Error> {
        let segment = read(&self.segments).get(&number).cloned();
        let Some(segment) = segment else { return Ok(()) };
        if lock(&self.flushed).insert(number) {
            segment.rotate_memtable()?;
        }
        Ok(())
    }

    /// Gives a segment's space back.
    pub fn drop_segment(&self, number: u64) -> Result<(), Error> {
        let Some(segment) = write(&self.segments).remove(&number) else { return Ok(()) };
        lock(&self.flushed).remove(&number);
        self.database.delete_keyspace(segment)?;
        self.forget(meta_key(SUMMARY, number))
    }

    /// The slices, oldest first.
    pub fn slices(&self) -> Vec<u64> {
        read(&self.slices).keys().copied().collect()
    }

    /// Makes a slice ready to be written.
    pub fn open_slice(&self, number: u64) -> Result<(), Error> {
        if read(&self.slices).contains_key(&number) {
            return Ok(());
        }
        let keyspace = self.database.keyspace(&slice_name(number), || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(SLICE_MEMTABLE_BYTES)
                // Kept in memory, ten bits an id: one that has grown past the cache's largest
                // block, some 1.5 MB, would be read whole at every look for a new id.
                .filter_block_pinning_policy(PinningPolicy::all(true))
        })?;
        write(&self.slices).insert(number, keyspace);
        Ok(())
    }

    /// Forgets a slice and gives its space back.
    pub fn drop_slice(&self, number: u64) -> Result<(), Error> {
        let Some(slice) = write(&self.slices).remove(&number) else { return Ok(()) };
        self.database.delete_keyspace(slice)?;
        lock(&self.place_rows).remove(&number);
        self.forget(meta_key(PLACES, number))
    }

    /// Brings everything small out of memory, so that old journals can go.
    pub fn settle(&self) -> Result<(), Error> {
        self.meta.rotate_memtable()?;
        for slice in read(&self.slices).values() {
            slice.rotate_memtable()?;
        }
        Ok(())
    }

    /// The number of the last batch that was written.
    pub fn last_batch(&self) -> u64 {
        *lock(&self.last_batch)
    }

    /// What the journals take on the disk.
    pub fn journals(&self) -> Result<journal::Sizes, Error> {
        journal::Sizes::of(&self.dir).map_err(|error| Error::Failed(error.into()))
    }

    /// The bytes that the store has on the disk.
    pub fn disk_bytes(&self) -> Result<u64, Error> {
        Ok(self.database.disk_space()?)
    }

    /// Writes a batch, with its number: a start sees when one is gone from the journals.
    fn write(&self, mut batch: OwnedWriteBatch) -> Result<(), Error> {
        // Held until it is written, so that the numbers are in order in the journals.
        let mut last = lock(&self.last_batch);
        batch.insert(&self.meta, BATCH, (*last + 1).to_le_bytes());
        batch.commit()?;
        *last += 1;
        Ok(())
    }
}

/// Whether a process has the store in a directory open.
pub fn is_open(dir: &Path) -> io::Result<bool> {
    match File::open(dir.join("lock"))?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Flushing and compacting share a thread: with a second one, the first hands compactions to it in a
/// loop that never rests while one runs.
const WORKERS: usize = 1;
/// Blocks of the window's filters and of records read back; the hot ones are few.
const CACHE_BYTES: u64 = 12 << 20;
/// Bounds what a start replays: about half a second.
const MAX_JOURNAL_BYTES: u64 = 128 << 20;
const META_MEMTABLE_BYTES: u64 = 1 << 20;
const SLICE_MEMTABLE_BYTES: u64 = 8 << 20;
/// More than a segment ever holds, so that only [`Store::flush_segment`] writes it out: records that
/// leave quickly are dropped without having been written twice.
const SEGMENT_MEMTABLE_BYTES: u64 = 256 << 20;
const SEGMENT_BLOCK_BYTES: u32 = 64 << 10;

fn read_chunk(key: &[u8], value: fjall::UserValue) -> Result<Chunk, Error> {
    let last = key.last_chunk().ok_or(Error::Damaged("a chunk's key"))?;
    // Where a chunk read back follows on does not matter: only the lane's tail in memory asks.
    Chunk::read(0, u64::from_be_bytes(*last), value.into())
        .map_err(|_| Error::Damaged("a chunk of records"))
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
