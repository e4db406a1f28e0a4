//! The window: the remembered ids, for as long as they are remembered.
//!
//! Ids of segments that were not absorbed yet are in memory, beside the append that looks for them
//! ([`recent`]). When a segment is sealed its ids go into slices of time on the disk ([`slices`]),
//! which are dropped as a whole; a filter ([`filter`]) recognises most new ids with one look.
//!
//! # Promises
//! - An id is found from the commit of its record until the window has passed.
//! - Space is given back: ids are in slices of time that are dropped as a whole.
//!
//! # Limits
//! An id is kept up to one slice longer than the window. Ids are identified by 128 bits of SHA-256
//! over source and id, so a collision is far less likely than a broken disk.

pub mod filter;
pub mod old_ids;
pub mod recent;
pub mod slices;

use crate::spool::LaneId;
use ring::digest::{Context, SHA256};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The key of an entry in the window: a source and an id, hashed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IdKey([u8; 16]);

impl Hash for IdKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low());
    }
}

impl IdKey {
    /// The key of an event id at a source.
    pub fn of_id(source: &str, id: &str) -> Self {
        Self::hash(source, b"\0id\0", id)
    }

    /// The key of a fact at a source, whichever registration told it.
    pub fn of_fact(source: &str, fact: &str) -> Self {
        Self::hash(source, b"\0fact\0", fact)
    }

    /// The key of one replay at a source.
    pub fn of_replay(source: &str, what: &str) -> Self {
        Self::hash(source, b"\0replay\0", what)
    }

    /// The key of a fact as one registration told it. Without a registration, as told by an unknown
    /// one.
    pub fn of_telling(source: &str, fact: &str, hook: Option<&str>) -> Self {
        Self::hash(source, b"\0told\0", &format!("{fact}\0{}", hook.unwrap_or_default()))
    }

    /// The key as it is stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A key that was stored.
    pub fn stored(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Half of the key, as random as the other half.
    pub fn low(&self) -> u64 {
        u64::from_le_bytes(*self.0.first_chunk().expect("16 bytes hold 8"))
    }

    /// The other half.
    pub fn high(&self) -> u64 {
        u64::from_le_bytes(*self.0.last_chunk().expect("16 bytes hold 8"))
    }

    fn hash(source: &str, kind: &[u8], id: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(source.as_bytes());
        context.update(kind);
        context.update(id.as_bytes());
        let digest = context.finish();
        Self(*digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes"))
    }
}

/// The entry of an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdEntry {
    /// The time at which it was accepted, in milliseconds since the epoch.
    pub accepted_at: u64,
    /// The sequence of its record.
    pub sequence: u64,
    /// The lane of its record.
    pub lane: LaneId,
}

impl IdEntry {
    /// The entry as stored.
    pub fn encode(&self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..8].copy_from_slice(&self.accepted_at.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..].copy_from_slice(&self.lane.0.to_le_bytes());
        bytes
    }

    /// Reads an entry as stored; `None` if it is not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 18] = bytes.try_into().ok()?;
        Some(Self {
            accepted_at: u64::from_le_bytes(*bytes.first_chunk()?),
            sequence: u64::from_le_bytes(*bytes[8..].first_chunk()?),
            lane: LaneId(u16::from_le_bytes(*bytes[16..].first_chunk()?)),
        })
    }
}

/// The period for which ids are remembered.
#[derive(Debug)]
pub struct Period(AtomicU64);

impl Period {
    /// A period of this length.
    pub fn of(length: Duration) -> Self {
        Self(AtomicU64::new(milliseconds(length)))
    }

    /// Remembers ids for at least this long from now on.
    pub fn extend(&self, length: Duration) {
        self.0.fetch_max(milliseconds(length), Ordering::Relaxed);
    }

    /// Its length.
    pub fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// True if an id is still remembered. An id from the future (the clock was set back) is.
    pub fn remembers(&self, entry: &IdEntry, now: u64) -> bool {
        now.saturating_sub(entry.accepted_at) < self.milliseconds()
    }

    /// The time up to which ids that were accepted earlier are forgotten.
    pub fn begin(&self, now: u64) -> u64 {
        now.saturating_sub(self.milliseconds())
    }
}

/// The division of time into slices, each of which is known by its end.
///
/// Ends are times, so that slices of another length, from before the window was changed, still say
/// how old their ids are.
#[derive(Clone, Copy, Debug)]
pub struct Slicing {
    length: u64,
}

impl Slicing {
    /// Cuts a window into eight slices, so that at most nine are searched, and an eighth more is
    /// kept.
    pub fn of(window: Duration) -> Self {
        Self { length: (milliseconds(window) / 8).max(1) }
    }

    /// The end of the slice that an id accepted at this time belongs to. The id is older than it.
    pub fn end_after(&self, accepted_at: u64) -> u64 {
        (accepted_at / self.length + 1).saturating_mul(self.length)
    }
}

fn milliseconds(window: Duration) -> u64 {
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_id_of_two_sources_is_two_ids() {
        assert_eq!(IdKey::of_id("a", "1"), IdKey::of_id("a", "1"));
        assert_ne!(IdKey::of_id("a", "1"), IdKey::of_id("b", "1"));
        assert_ne!(IdKey::of_id("a", "1"), IdKey::of_fact("a", "1"));
        assert_ne!(IdKey::of_id("a", "1"), IdKey::of_replay("a", "1"));
    }

    proptest! {
        #[test]
        fn a_slice_is_over_only_when_its_last_id_is_forgotten(
            accepted_at in 0_u64..10_000, now in 0_u64..40_000, window in 1_u64..9_000,
        ) {
            let window = Duration::from_millis(window);
            let period = Period::of(window);
            let entry = IdEntry { accepted_at, sequence: 1, lane: LaneId(0) };

            if Slicing::of(window).end_after(accepted_at) <= period.begin(now) {
                prop_assert!(!period.remembers(&entry, now));
            }
        }

        #[test]
        fn an_entry_is_read_back(accepted_at: u64, sequence: u64, lane: u16) {
            let entry = IdEntry { accepted_at, sequence, lane: LaneId(lane) };
            prop_assert_eq!(IdEntry::decode(&entry.encode()), Some(entry));
        }
    }
}
