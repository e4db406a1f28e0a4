//! The clock of a request: the time of day, and the spool's own for the window.

use crate::ingest::Now;
use crate::spool::clock;
use jiff::Timestamp;

/// Both times.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    spool: clock::Clock,
}

impl Clock {
    /// A clock beside the spool's own.
    pub fn of(spool: clock::Clock) -> Self {
        Self { spool }
    }

    /// The moment, by both clocks.
    pub fn now(&self) -> Now {
        Now { wall: Timestamp::now(), steady: self.spool.now().steady }
    }
}
