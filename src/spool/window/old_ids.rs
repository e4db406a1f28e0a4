//! Old ids: the operations that the spool needs of their store.
//!
//! # Promises
//! - When [`OldIds::absorb`] has returned, everything given to it is on the disk.
//!
//! # Limits
//! A store that can no longer read an id forgets it: that costs repeats, never records.

use crate::spool::LaneId;
use crate::spool::notes::{Elsewhere, Note, Published};
use crate::spool::window::{IdEntry, IdKey};
use std::fmt::Debug;

/// A store of old ids. The spool needs no more of a store than this.
pub trait OldIds: Debug + Send + Sync {
    /// Takes in the ids and notes of a segment, and syncs them to the disk.
    fn absorb(&self, handover: &Handover) -> Result<(), Error>;
    /// The last segment that was absorbed.
    fn absorbed(&self) -> u64;
    /// The entry of an id.
    fn find(&self, id: &IdKey) -> Result<Option<IdEntry>, Error>;
    /// The place of a record.
    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Published>, Error>;
    /// The place of a record that its own topic refused.
    fn elsewhere(&self, lane: LaneId, sequence: u64) -> Result<Option<Elsewhere>, Error>;
    /// The approximate number of ids.
    fn count(&self) -> u64;
    /// Drops slices in which every id was accepted before this time. Returns their number.
    fn forget(&self, before: u64) -> Result<usize, Error>;
    /// Some ids after one, in an order of its own.
    fn some_after(&self, after: Option<Cursor>, most: usize) -> Result<Vec<Cursor>, Error>;
    /// Reads everything. Returns the number of ids, and the faults.
    fn verify(&self) -> (u64, Vec<String>);
    /// Remembers a key for as long as the directory is kept.
    fn remember_for_good(&self, id: &IdKey) -> Result<(), Error>;
    /// True if [`OldIds::remember_for_good`] was called for it.
    fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error>;
    /// Bytes on the disk.
    fn disk_bytes(&self) -> u64;
}

/// The ids and notes that a sealed segment hands over.
#[derive(Debug, Default)]
pub struct Handover {
    /// Its number.
    pub segment: u64,
    /// Its ids, in the order in which they came.
    pub ids: Vec<(IdKey, IdEntry)>,
    /// The places of records, as noted in it.
    pub notes: Vec<Note>,
}

/// An id's place in the slices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The end of its slice.
    pub slice: u64,
    /// The id.
    pub id: IdKey,
}

/// The reason why the slices do not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the window's store failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The system does not return its files.
    #[error("the window's store cannot be used: {0}")]
    Unreadable(std::io::Error),
    /// Its content is not what was written.
    #[error("the window's store is damaged: {0}")]
    Damaged(&'static str),
}

impl Error {
    /// True if the disk has no room: the store itself is sound.
    pub fn is_lack_of_room(&self) -> bool {
        match self {
            Self::Unreadable(error) => error.kind() == std::io::ErrorKind::StorageFull,
            Self::Failed(_) | Self::Damaged(_) => false,
        }
    }
}
