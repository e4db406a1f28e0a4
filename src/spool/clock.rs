//! The instance's own clock, by which ids are remembered and forgotten.
//!
//! It continues from the pair of times (the system's, its own) in the last commit. While the
//! process runs it does not read the system's clock, so a jump of that clock changes nothing; and
//! because the jump is in the next pair, a restart after it changes nothing either.
//!
//! # Limits
//! Only the system's clock knows the time that passes while nothing runs. If it was set back
//! meanwhile, no time has passed.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    steady: u64,
    began: Instant,
}

/// A moment by both clocks, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// By the system's clock.
    pub wall: u64,
    /// By the instance's own.
    pub steady: u64,
}

impl Clock {
    /// A clock that continues from the last commit, or from the system's clock if there is none.
    pub fn after(last: Option<Moment>) -> Self {
        Self { steady: steady_at(wall(), last), began: Instant::now() }
    }

    /// The current moment.
    pub fn now(&self) -> Moment {
        Moment { wall: wall(), steady: self.steady_at(Instant::now()) }
    }

    /// A moment by the instance's own clock, in milliseconds since 1970.
    pub fn steady_at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        self.steady + u64::try_from(since.as_millis()).unwrap_or(0)
    }
}

/// The lead of the system's clock over the instance's, in milliseconds.
pub fn offset(wall: u64, steady: u64) -> i64 {
    wall.cast_signed().saturating_sub(steady.cast_signed())
}

/// The instance's time at the start of a process.
fn steady_at(wall: u64, last: Option<Moment>) -> u64 {
    match last {
        Some(last) => last.steady + wall.saturating_sub(last.wall),
        None => wall,
    }
}

fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_before_the_last_commit_is_no_time_that_has_passed() {
        let day = 86_400_000;
        let last = |wall, steady| Some(Moment { wall, steady });

        assert_eq!(steady_at(100 * day, None), 100 * day);
        // An hour down.
        assert_eq!(steady_at(100 * day + 7, last(100 * day, 100 * day)), 100 * day + 7);
        // The clock had jumped four days ahead in the run, and was put right again while it was down.
        assert_eq!(steady_at(104 * day + 7, last(104 * day, 100 * day)), 100 * day + 7);
        assert_eq!(steady_at(100 * day, last(104 * day, 100 * day)), 100 * day);
    }
}
