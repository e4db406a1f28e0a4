//! A pause between two attempts, longer each time.

use std::time::{Duration, Instant};

/// A pause that grows with each failure: 250 ms at first, doubling up to a longest one.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    until: Option<Instant>,
    failures: u32,
    longest: Duration,
}

impl Pause {
    /// Begins without a pause. None will be longer than this.
    pub fn up_to(longest: Duration) -> Self {
        Self { until: None, failures: 0, longest }
    }

    /// Begins the next pause and returns its length.
    pub fn begin(&mut self, now: Instant) -> Duration {
        let length = growing(FIRST_PAUSE, self.failures, self.longest);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + length);
        length
    }

    /// Begins the next pause, with a random length between half and one and a half of the due one.
    pub fn begin_about(&mut self, now: Instant, random: u64) -> Duration {
        let length = self.begin(now);
        let nanoseconds = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).max(1);
        let length = length / 2 + Duration::from_nanos(random % nanoseconds);
        self.until = Some(now + length);
        length
    }

    /// Notes a success: the next pause is short again.
    pub fn end(&mut self) {
        *self = Self::up_to(self.longest);
    }

    /// True if the last attempt failed.
    pub fn has_begun(&self) -> bool {
        self.failures > 0
    }

    /// The rest of the pause, if one is under way.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

/// A pause that doubles with each earlier failure, up to the longest.
pub fn growing(first: Duration, failures: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(failures)).min(longest)
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_to_its_bound_and_begins_anew_after_success() {
        let now = Instant::now();
        let mut pause = Pause::up_to(LONGEST);

        let lengths: Vec<_> = (0..8).map(|_| pause.begin(now)).collect();

        assert_eq!(lengths[0], FIRST_PAUSE);
        assert!(lengths.is_sorted());
        assert_eq!(lengths[7], LONGEST);
        assert_eq!(pause.left(now), Some(LONGEST));
        pause.end();
        assert_eq!(pause.left(now), None);
        assert_eq!(pause.begin(now), FIRST_PAUSE);
    }

    const LONGEST: Duration = Duration::from_secs(15);
}
