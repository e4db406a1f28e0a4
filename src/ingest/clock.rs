//! The clock of a request: the time of day, and the spool's own time for the window.

use crate::ingest::Now;
use crate::spool::clock;
use jiff::Timestamp;
use std::time::Instant;

/// The two clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    spool: clock::Clock,
}

impl Clock {
    /// A clock beside the spool's own.
    pub fn of(spool: clock::Clock) -> Self {
        Self { spool }
    }

    /// The current moment by both clocks.
    pub fn now(&self) -> Now {
        let instant = Instant::now();
        Now { wall: Timestamp::now(), steady: self.spool.steady_at(instant), instant }
    }
}
