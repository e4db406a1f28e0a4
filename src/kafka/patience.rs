//! How long an answer may take.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a delivery, and then the commit, may take: less once the process is told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// As a rule.
    pub usual: Duration,
    /// After something was heard of the batch and then nothing more: one broker of several is away.
    pub gap: Duration,
    /// After it is told to stop.
    pub stopping: Duration,
    /// Whether it is told to stop.
    pub stop: &'a AtomicBool,
}

impl Patience<'_> {
    /// How long it may take now.
    pub fn left(&self) -> Duration {
        if self.stop.load(Ordering::Acquire) { self.stopping } else { self.usual }
    }

    pub(super) fn is_over(&self, began: Instant) -> bool {
        began.elapsed() >= self.left()
    }
}

/// What was not heard of yet, and since when nothing was.
pub(super) struct Unheard {
    of: usize,
    left: usize,
    since: Instant,
}

impl Unheard {
    pub(super) fn of(records: usize, now: Instant) -> Self {
        Self { of: records, left: records, since: now }
    }

    /// How long nothing more was heard, now that so many are left. None at all is not a gap.
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
