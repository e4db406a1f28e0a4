//! Old ids: what the spool needs of the store that keeps them.
//!
//! # Promises
//! - When [`OldIds::absorb`] has returned, what it was given is on the disk.
//!
//! # Limits
//! A store that cannot read an id any more forgets it: that costs repeats, never records.

use crate::spool::LaneId;
use crate::spool::notes::{Elsewhere, Note, Published};
use crate::spool::window::{IdEntry, IdKey};
use std::fmt::Debug;

/// Where old ids are. The spool needs no more of a store than this.
pub trait OldIds: Debug + Send + Sync {
    /// Takes in what a segment hands over, and brings it to the disk.
    fn absorb(&self, handover: &Handover) -> Result<(), Error>;
    /// The last segment that was absorbed.
    fn absorbed(&self) -> u64;
    /// What is remembered of an id.
    fn find(&self, id: &IdKey) -> Result<Option<IdEntry>, Error>;
    /// Where a record went.
    fn place(&self, lane: LaneId, sequence: u64) -> Result<Option<Published>, Error>;
    /// Where a record went that its own topic refused.
    fn elsewhere(&self, lane: LaneId, sequence: u64) -> Result<Option<Elsewhere>, Error>;
    /// How many ids there are, about.
    fn count(&self) -> u64;
    /// Drops what is older than the window. How many slices went.
    fn forget(&self, now: u64) -> Result<usize, Error>;
    /// Some ids after one, in an order of its own.
    fn some_after(&self, after: Option<Cursor>, most: usize) -> Result<Vec<Cursor>, Error>;
    /// Reads everything. The number of ids, and what is wrong.
    fn verify(&self) -> (u64, Vec<String>);
    /// Remembers something for as long as the directory is kept.
    fn remember_for_good(&self, id: &IdKey) -> Result<(), Error>;
    /// Whether [`OldIds::remember_for_good`] was told of it.
    fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error>;
    /// Bytes on the disk.
    fn disk_bytes(&self) -> u64;
}

/// What a sealed segment hands over.
#[derive(Debug, Default)]
pub struct Handover {
    /// Its number.
    pub segment: u64,
    /// Its ids, in the order in which they came.
    pub ids: Vec<(IdKey, IdEntry)>,
    /// Where records went, as told in it.
    pub notes: Vec<Note>,
}

/// An id's place in the slices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// Its slice.
    pub slice: u64,
    /// The id.
    pub id: IdKey,
}

/// Why the slices do not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the window's store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system does not give its files.
    #[error("the window's store cannot be used: {0}")]
    Unreadable(#[source] std::io::Error),
    /// What it holds is not what was written.
    #[error("the window's store is damaged: {0}")]
    Damaged(&'static str),
}
