//! Bounds the time that an answer may take.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time that a delivery, and then the commit, may take: less once the process is told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// The usual time.
    pub usual: Duration,
    /// The time of silence after some records were reported: one broker of several is away.
    pub gap: Duration,
    /// The time after the process was told to stop.
    pub stopping: Duration,
    /// True once the process was told to stop.
    pub stop: &'a AtomicBool,
}

impl Patience<'_> {
    /// The time that may be taken now.
    pub fn left(&self) -> Duration {
        if self.stop.load(Ordering::Acquire) { self.stopping } else { self.usual }
    }

    pub(super) fn is_over(&self, began: Instant) -> bool {
        began.elapsed() >= self.left()
    }
}

/// The number of records that were not reported yet, and the time since the last report.
pub(super) struct Unheard {
    of: usize,
    left: usize,
    since: Instant,
}

impl Unheard {
    pub(super) fn of(records: usize, now: Instant) -> Self {
        Self { of: records, left: records, since: now }
    }

    /// The time since the last report, given that `left` records are missing. Zero if none was
    /// reported at all.
    pub(super) fn gap(&mut self, left: usize, now: Instant) -> Duration {
        if left < self.left {
            self.left = left;
            self.since = now;
        }
        if self.left == self.of {
            Duration::ZERO
        } else {
            now.saturating_duration_since(self.since)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_from_the_beginning_is_no_gap_and_silence_after_something_is() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut unheard = Unheard::of(3, began);

        assert_eq!(unheard.gap(3, after(9)), Duration::ZERO);
        assert_eq!(unheard.gap(2, after(9)), Duration::ZERO);
        assert_eq!(unheard.gap(2, after(18)), Duration::from_secs(9));
    }
}
