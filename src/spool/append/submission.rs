//! What an append is given, and what it answers.

use crate::record::layout::Record;
use crate::spool::window::IdKey;
use crate::spool::{Account, LaneId};
use std::time::Duration;

/// A fact as one hook tells it.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// The identity of the fact at its source, whichever hook tells it.
    pub fact: IdKey,
    /// The same as told by this hook.
    pub by_hook: IdKey,
    /// For how long after it was stored another hook's telling is a repeat.
    pub within: Duration,
}

/// A record that wants to be stored, with the id that must not be stored twice.
#[derive(Debug)]
pub struct Submission {
    /// The identity of its event at its source.
    pub id: IdKey,
    /// Its fact, if the same told by another hook is a repeat.
    pub fact: Option<Telling>,
    /// The lane it belongs to.
    pub lane: LaneId,
    /// The record; the spool stamps its sequence.
    pub record: Record,
    /// The account that it counts in, when it is stored.
    pub account: Account,
    /// Now, in milliseconds since the epoch, by a clock that does not jump.
    pub now: u64,
}

/// What became of a submission. A repeat is an outcome, not an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It is on the disk.
    New {
        /// Its place in the instance's history.
        sequence: u64,
    },
    /// Its id was remembered; nothing was stored.
    Duplicate,
}

/// Why nothing was stored. Every one of them passes, or ends the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// As much waits as may wait.
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
