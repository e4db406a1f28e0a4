//! The clock of the window.

use crate::ingest::Now;
use jiff::Timestamp;
use std::time::Instant;

/// Time that never jumps while the process runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    began: Instant,
}

impl Clock {
    /// A clock set by the system's.
    pub fn start() -> Self {
        Self { wall: Timestamp::now(), began: Instant::now() }
    }

    /// The moment, by both clocks.
    pub fn now(&self) -> Now {
        let began = u64::try_from(self.wall.as_millisecond()).unwrap_or(0);
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX / 2);
        Now { wall: Timestamp::now(), steady: began + since }
    }
}
