//! The embedded store: the only file that names fjall.
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

use crate::spool::chunk::Chunk;
use crate::spool::lock;
use crate::spool::segments::Segment;
use crate::spool::window::{Entry, IdKey};
use bytes::Bytes;
use fjall::config::{BlockSizePolicy, FilterPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The open store.
pub struct Store {
    database: Database,
    meta: Keyspace,
    segments: RwLock<BTreeMap<u64, Keyspace>>,
    slices: RwLock<BTreeMap<u64, Keyspace>>,
    flushed: Mutex<BTreeSet<u64>>,
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
            database,
            meta,
            segments: RwLock::default(),
            slices: RwLock::default(),
            flushed: Mutex::default(),
        };
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
        Ok(batch.commit()?)
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
        read(&self.slices).values().map(|slice| slice.approximate_len() as u64).sum()
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

    /// Notes how far a lane is released and where its records went. Not synced: after a power cut
    /// Kafka's positions say it again.
    pub fn note_release(
        &self,
        lane: u16,
        released: u64,
        slice: u64,
        places: &[Place],
    ) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(&self.meta, meta_key(RELEASED, lane.into()), released.to_le_bytes());
        if let Some(last) = places.last() {
            let slices = read(&self.slices);
            let slice = slices.get(&slice).ok_or(Error::Damaged("a slice is missing"))?;
            let value: Vec<u8> = places.iter().flat_map(encode_place).collect();
            batch.insert(slice, place_key(lane, last.sequence), value);
        }
        Ok(batch.commit()?)
    }

    /// Where a record went, if it is known.
    pub fn place(&self, lane: u16, sequence: u64) -> Result<Option<Place>, Error> {
        for slice in read(&self.slices).values().rev() {
            let range = place_key(lane, sequence)..=place_key(lane, u64::MAX);
            let Some(guard) = slice.range(range).next() else { continue };
            let value = guard.value()?;
            let found = value.chunks_exact(PLACE_BYTES).filter_map(decode_place);
            if let Some(place) = found.into_iter().find(|place| place.sequence == sequence) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Notes where a record went that its own topic refused. Not synced, as places are not.
    pub fn note_elsewhere(&self, lane: u16, slice: u64, went: &Elsewhere) -> Result<(), Error> {
        let slices = read(&self.slices);
        let slice = slices.get(&slice).ok_or(Error::Damaged("a slice is missing"))?;
        let value = [&encode_place(&went.place)[..], went.reason.as_bytes()].concat();
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(slice, elsewhere_key(lane, went.place.sequence), value);
        Ok(batch.commit()?)
    }

    /// Where a record went that its own topic refused, if it did and that is known.
    pub fn elsewhere(&self, lane: u16, sequence: u64) -> Result<Option<Elsewhere>, Error> {
        for slice in read(&self.slices).values().rev() {
            let Some(value) = slice.get(elsewhere_key(lane, sequence))? else { continue };
            let parts = value.split_at_checked(PLACE_BYTES);
            let read = parts.and_then(|(place, reason)| {
                Some(Elsewhere { place: decode_place(place)?, reason: text(reason) })
            });
            return read.map(Some).ok_or(Error::Damaged("a record's place"));
        }
        Ok(None)
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

    /// Remembers something for as long as the directory is kept. Not synced.
    pub fn remember_for_good(&self, id: &IdKey) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(&self.meta, [FOR_GOOD, id.as_bytes()].concat(), []);
        Ok(batch.commit()?)
    }

    /// Whether [`Store::remember_for_good`] was told of it.
    pub fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        Ok(self.meta.contains_key([FOR_GOOD, id.as_bytes()].concat())?)
    }

    /// The number of a value in `meta`, such as the last sequence.
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

    /// Keeps what a full segment holds, so that a start need not read it.
    pub fn note_summary(&self, number: u64, segment: &Segment) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.insert(&self.meta, meta_key(SUMMARY, number), segment.encode());
        Ok(batch.commit()?)
    }

    /// What a segment holds, if it was noted.
    pub fn summary(&self, number: u64) -> Result<Option<Segment>, Error> {
        let bytes = self.meta.get(meta_key(SUMMARY, number))?;
        Ok(bytes.and_then(|bytes| Segment::decode(&bytes)))
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
            KeyspaceCreateOptions::default().max_memtable_size(SLICE_MEMTABLE_BYTES)
        })?;
        write(&self.slices).insert(number, keyspace);
        Ok(())
    }

    /// Forgets a slice and gives its space back.
    pub fn drop_slice(&self, number: u64) -> Result<(), Error> {
        let slice = write(&self.slices).remove(&number);
        slice.map_or(Ok(()), |slice| Ok(self.database.delete_keyspace(slice)?))
    }

    /// Brings everything small out of memory, so that old journals can go.
    pub fn settle(&self) -> Result<(), Error> {
        self.meta.rotate_memtable()?;
        for slice in read(&self.slices).values() {
            slice.rotate_memtable()?;
        }
        Ok(())
    }

    /// The bytes that the store has on the disk.
    pub fn disk_bytes(&self) -> Result<u64, Error> {
        Ok(self.database.disk_space()?)
    }

    fn put_meta(&self, key: Vec<u8>, value: &[u8]) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&self.meta, key, value);
        Ok(batch.commit()?)
    }

    fn forget(&self, key: Vec<u8>) -> Result<(), Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.remove(&self.meta, key);
        Ok(batch.commit()?)
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

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// The name of a segment's keyspace.
pub fn segment_name(number: u64) -> String {
    format!("{SEGMENT_PREFIX}{number:016x}")
}

/// The name of a slice's keyspace.
pub fn slice_name(number: u64) -> String {
    format!("{SLICE_PREFIX}{number:016x}")
}

/// What every commit in a journal ends with.
pub const END_OF_COMMIT: &[u8] = b"FJL\x03";

const SEGMENT_PREFIX: &str = "records-";
const SLICE_PREFIX: &str = "window-";
const LAST_SEQUENCE: &[u8] = b"sequence";
const INSTANCE: &[u8] = b"instance";
const RELEASED: &[u8] = b"released/";
const LANE: &[u8] = b"lane/";
const RUN: &[u8] = b"run/";
const SUMMARY: &[u8] = b"segment/";
const FOR_GOOD: &[u8] = b"replay/";
const PLACE_BYTES: usize = 8 + 4 + 8;

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

fn numbered(name: &str, prefix: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(prefix)?, 16).ok()
}

fn chunk_key(lane: u16, last: u64) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(&lane.to_be_bytes());
    key[2..].copy_from_slice(&last.to_be_bytes());
    key
}

fn read_chunk(key: &[u8], value: fjall::UserValue) -> Result<Chunk, Error> {
    let last = key.last_chunk().ok_or(Error::Damaged("a chunk's key"))?;
    // Where a chunk read back follows on does not matter: only the lane's tail in memory asks.
    Chunk::read(0, u64::from_be_bytes(*last), value.into())
        .map_err(|_| Error::Damaged("a chunk of records"))
}

fn id_key(id: &IdKey) -> [u8; 17] {
    let mut key = [b'i'; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

fn place_key(lane: u16, last: u64) -> [u8; 11] {
    let mut key = [b'p'; 11];
    key[1..].copy_from_slice(&chunk_key(lane, last));
    key
}

fn elsewhere_key(lane: u16, sequence: u64) -> [u8; 11] {
    let mut key = [b'q'; 11];
    key[1..].copy_from_slice(&chunk_key(lane, sequence));
    key
}

fn encode_place(place: &Place) -> [u8; PLACE_BYTES] {
    let mut bytes = [0; PLACE_BYTES];
    bytes[..8].copy_from_slice(&place.sequence.to_le_bytes());
    bytes[8..12].copy_from_slice(&place.partition.to_le_bytes());
    bytes[12..].copy_from_slice(&place.offset.to_le_bytes());
    bytes
}

fn decode_place(bytes: &[u8]) -> Option<Place> {
    Some(Place {
        sequence: u64::from_le_bytes(*bytes.first_chunk()?),
        partition: i32::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
        offset: i64::from_le_bytes(*bytes.get(12..)?.first_chunk()?),
    })
}

fn meta_key(kind: &[u8], number: u64) -> Vec<u8> {
    [kind, &number.to_be_bytes()].concat()
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
