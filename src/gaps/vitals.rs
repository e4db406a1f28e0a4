//! The signs of life of one source, updated by its requests.

use crate::event::time::whole_milliseconds;
use crate::lock::lock;
use jiff::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The signs of life of one source.
#[derive(Debug)]
pub struct Vitals {
    /// The last notification that was answered 200, in milliseconds; 0 before the first.
    last: AtomicI64,
    /// The first 503 since, in milliseconds; 0 if there was none.
    refusing: AtomicI64,
    /// Periods of 503 that are over, and not yet noted.
    over: Mutex<Vec<(Timestamp, Timestamp)>>,
    changed: Arc<Notify>,
}

impl Vitals {
    pub(super) fn new(last: Option<Timestamp>, changed: Arc<Notify>) -> Self {
        let last = AtomicI64::new(last.map_or(0, Timestamp::as_millisecond));
        Self { last, refusing: AtomicI64::new(0), over: Mutex::default(), changed }
    }

    /// A notification was answered 200.
    pub fn accepted(&self, now: Timestamp) {
        self.last.store(now.as_millisecond(), Ordering::Relaxed);
        // The only check that every request pays for.
        if self.refusing.load(Ordering::Relaxed) == 0 {
            return;
        }
        let since = self.refusing.swap(0, Ordering::Relaxed);
        if since != 0
            && let Ok(since) = Timestamp::from_millisecond(since)
        {
            lock(&self.over).push((since, whole_milliseconds(now)));
            self.changed.notify_one();
        }
    }

    /// A notification was answered 503.
    pub fn refused(&self, now: Timestamp) {
        let now = now.as_millisecond();
        // If another request was first, its moment stands.
        let _ = self.refusing.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The time of the last notification that was answered 200, in this run or before.
    pub fn last(&self) -> Option<Timestamp> {
        read(&self.last)
    }

    /// The time of the first 503, while notifications are answered so.
    pub(super) fn refusing_since(&self) -> Option<Timestamp> {
        read(&self.refusing)
    }

    /// Takes the periods of 503 that ended since the last call.
    pub(super) fn take_over(&self) -> Vec<(Timestamp, Timestamp)> {
        std::mem::take(&mut lock(&self.over))
    }
}

fn read(milliseconds: &AtomicI64) -> Option<Timestamp> {
    let milliseconds = milliseconds.load(Ordering::Relaxed);
    (milliseconds != 0).then(|| Timestamp::from_millisecond(milliseconds).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_of_503_begins_and_ends_at_whole_milliseconds() {
        let vitals = Vitals::new(None, Arc::default());
        let at = |nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap();

        vitals.refused(at(1_000_000_999));
        vitals.accepted(at(2_000_000_999));

        assert_eq!(vitals.take_over(), [(at(1_000_000_000), at(2_000_000_000))]);
    }
}
