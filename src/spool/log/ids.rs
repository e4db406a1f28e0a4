//! The encoding of ids in a frame.

use crate::spool::LaneId;
use crate::spool::log::frame::{Kind, Section};
use crate::spool::window::{IdEntry, IdKey};

/// The section of a frame that carries these ids.
pub fn section(ids: &[(IdKey, IdEntry)]) -> Section {
    let mut bytes = Vec::with_capacity(ids.len() * ID_BYTES);
    for (id, entry) in ids {
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&entry.encode());
    }
    Section { kind: Kind::Ids, lane: LaneId(0), bytes: bytes.into() }
}

/// Reads a section.
pub fn read(bytes: &[u8]) -> impl Iterator<Item = (IdKey, IdEntry)> {
    bytes.chunks_exact(ID_BYTES).filter_map(|row| {
        let (id, entry) = row.split_first_chunk::<16>()?;
        Some((IdKey::stored(*id), IdEntry::decode(entry)?))
    })
}

/// A key and its entry.
pub const ID_BYTES: usize = 16 + 18;
