//! How the store names its keyspaces, and the keys in them.

use crate::spool::window::IdKey;

/// The name of a segment's keyspace.
pub fn segment_name(number: u64) -> String {
    format!("{SEGMENT_PREFIX}{number:016x}")
}

/// The name of a slice's keyspace.
pub fn slice_name(number: u64) -> String {
    format!("{SLICE_PREFIX}{number:016x}")
}

pub(super) fn numbered(name: &str, prefix: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(prefix)?, 16).ok()
}

pub(super) fn chunk_key(lane: u16, last: u64) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(&lane.to_be_bytes());
    key[2..].copy_from_slice(&last.to_be_bytes());
    key
}

pub(super) fn id_key(id: &IdKey) -> [u8; 17] {
    let mut key = [b'i'; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

pub(super) const SEGMENT_PREFIX: &str = "records-";
pub(super) const SLICE_PREFIX: &str = "window-";
