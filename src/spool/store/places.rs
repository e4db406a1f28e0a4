//! Where records went in Kafka, kept in the slice of the window that was the newest then.

use crate::spool::lock;
use crate::spool::store::keys::chunk_key;
use crate::spool::store::meta::{PLACES, RELEASED, meta_key, text};
use crate::spool::store::{Elsewhere, Error, Place, Store, read};
use fjall::{OwnedWriteBatch, PersistMode};

impl Store {
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
            let keyspace = slices.get(&slice).ok_or(Error::Damaged("a slice is missing"))?;
            let value: Vec<u8> = places.iter().flat_map(encode_place).collect();
            batch.insert(keyspace, place_key(lane, last.sequence), value);
            self.count_place(&mut batch, slice);
        }
        self.write(batch)
    }

    /// Counts a row of a slice that is no id.
    fn count_place(&self, batch: &mut OwnedWriteBatch, slice: u64) {
        let mut rows = lock(&self.place_rows);
        let rows = rows.entry(slice).or_default();
        *rows += 1;
        batch.insert(&self.meta, meta_key(PLACES, slice), rows.to_le_bytes());
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
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        {
            let slices = read(&self.slices);
            let keyspace = slices.get(&slice).ok_or(Error::Damaged("a slice is missing"))?;
            let value = [&encode_place(&went.place)[..], went.reason.as_bytes()].concat();
            batch.insert(keyspace, elsewhere_key(lane, went.place.sequence), value);
        }
        self.count_place(&mut batch, slice);
        self.write(batch)
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
}

fn elsewhere_key(lane: u16, sequence: u64) -> [u8; 11] {
    let mut key = [b'q'; 11];
    key[1..].copy_from_slice(&chunk_key(lane, sequence));
    key
}

fn place_key(lane: u16, last: u64) -> [u8; 11] {
    let mut key = [b'p'; 11];
    key[1..].copy_from_slice(&chunk_key(lane, last));
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

pub(super) const PLACE_BYTES: usize = 8 + 4 + 8;
