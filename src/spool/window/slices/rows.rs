//! The rows of a slice: their keys, and the form of each.
//!
//! | key | value |
//! |---|---|
//! | `i`, the id | its entry |
//! | `p`, the lane, the last sequence | places of published records, in order |
//! | `q`, the lane, the sequence | the place in quarantine and the reason |

use crate::spool::LaneId;
use crate::spool::notes::{Elsewhere, Note, PLACE_BYTES, Published};
use crate::spool::window::{IdEntry, IdKey};

/// The key of the number of notes in a slice.
pub(super) fn notes_key(slice: u64) -> Vec<u8> {
    [NOTES, &slice.to_be_bytes()].concat()
}

/// The key of an id.
pub(super) fn id_key(id: &IdKey) -> Vec<u8> {
    [&b"i"[..], id.as_bytes()].concat()
}

/// The key of a note about a record; `kind` is `p` or `q`.
pub(super) fn sequence_key(kind: u8, lane: LaneId, sequence: u64) -> Vec<u8> {
    [&[kind][..], &lane.0.to_be_bytes(), &sequence.to_be_bytes()].concat()
}

/// The key and value of a note. `None` for a note without places, which need not be stored.
pub(super) fn note_row(note: &Note) -> Option<(Vec<u8>, Vec<u8>)> {
    match note {
        Note::Released { lane, places, .. } => {
            let last = places.last()?.sequence;
            Some((sequence_key(b'p', *lane, last), Published::encode_all(places)))
        }
        Note::Refused { lane, went } => {
            Some((sequence_key(b'q', *lane, went.place.sequence), went.encode()))
        }
    }
}

/// True if a row has the form that belongs to its key.
pub(super) fn is_whole(key: &[u8], value: &[u8]) -> bool {
    match key.first() {
        Some(b'i') => IdEntry::decode(value).is_some(),
        Some(b'p') => value.len().is_multiple_of(PLACE_BYTES),
        Some(b'q') => Elsewhere::decode(value).is_some(),
        Some(_) | None => false,
    }
}

/// The prefix of the number of notes in a slice.
const NOTES: &[u8] = b"places/";
