//! The input and the result of an append.

use crate::record::layout::Record;
use crate::spool::window::IdKey;
use crate::spool::{Account, LaneId};
use std::time::Duration;

/// A fact as told by one hook.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// The identity of the fact at its source, whichever hook tells it.
    pub fact: IdKey,
    /// The identity of the fact as told by this hook.
    pub by_hook: IdKey,
    /// The time after its storing in which another hook's telling is a repeat.
    pub within: Duration,
}

/// A record to be stored, with the id that must not be stored twice.
#[derive(Debug)]
pub struct Submission {
    /// The identity of its event at its source.
    pub id: IdKey,
    /// Its fact, if the same fact told by another hook is a repeat.
    pub fact: Option<Telling>,
    /// The lane of the record.
    pub lane: LaneId,
    /// The record; the spool stamps its sequence.
    pub record: Record,
    /// The account in which it counts when it is stored.
    pub account: Account,
    /// The current time in milliseconds since the epoch, by a clock that does not jump.
    pub now: u64,
}

/// The result of a submission. A repeat is an outcome, not an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is on the disk.
    New {
        /// Its sequence number in the instance.
        sequence: u64,
    },
    /// Its id was remembered; nothing was stored.
    Duplicate,
}

/// The reason why nothing was stored. Every one passes, or ends the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The limit of waiting bytes is reached.
    #[error("the spool is full")]
    Full,
    /// The disk's reserve is reached.
    #[error("the spool's disk is nearly full")]
    DiskLow,
    /// A commit failed; only a new start helps.
    #[error("the spool's store failed")]
    Failed,
    /// The process is stopping.
    #[error("the spool is closing")]
    Closing,
}
