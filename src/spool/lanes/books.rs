//! The figures that must balance, and the changes to them.

use crate::spool::{Account, LaneId};
use std::sync::Arc;

/// The figures of P6, from one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    /// Records committed by this run, by the caller's accounts.
    pub committed: Vec<u64>,
    /// Records that were waiting when this run began.
    pub recovered: u64,
    /// Each lane.
    pub lanes: Vec<LaneBook>,
}

impl Books {
    /// The lanes that have had a record, or may get one from a configured source.
    pub fn used(&self) -> impl Iterator<Item = &LaneBook> {
        self.lanes.iter().filter(|lane| lane.is_used)
    }

    /// The records committed in an account.
    pub fn in_account(&self, account: Account) -> u64 {
        self.committed.get(account.index()).copied().unwrap_or(0)
    }
}

/// One lane's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneBook {
    /// Its number.
    pub number: LaneId,
    /// The topic it feeds.
    pub topic: Arc<str>,
    /// Waiting records.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// Records that this run has committed in Kafka, in this lane's topic.
    pub published: u64,
    /// Those among `published` that an earlier run had sent, without noting it.
    pub found: u64,
    /// Records that were withdrawn in this run, because another replica published the same event.
    pub withdrawn: u64,
    /// The last sequence that has left the spool.
    pub released: u64,
    /// True if it has had a record, or may get one from a configured source.
    pub is_used: bool,
}

/// Records that left a lane.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Leaving {
    /// The sequence of the last one.
    pub through: u64,
    /// The number that went to the lane's own topic.
    pub published: u64,
    /// The number of those that an earlier run had sent, without noting it.
    pub found: u64,
    /// The number that Kafka refused for good: they went to the quarantine topic.
    pub quarantined: u64,
    /// The number that is not published, because another replica published the same event.
    pub withdrawn: u64,
    /// The bytes of all of them.
    pub bytes: u64,
}

impl Leaving {
    /// Adds a withdrawn record.
    pub fn pass(&mut self, sequence: u64, bytes: u64) {
        self.through = sequence;
        self.withdrawn += 1;
        self.bytes += bytes;
    }
}
