//! The counters of the requests to one source.

use jiff::Timestamp;
use prometheus::{Gauge, Histogram};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The metrics of one source that the spool does not count.
#[derive(Clone, Debug)]
pub struct SourceMeters {
    /// Seconds from the request's last byte to its answer.
    pub duration: Histogram,
    /// The time at which the last proven notification came.
    pub last_notification: Gauge,
    /// Answers that stored nothing.
    pub answers: Arc<Answers>,
}

/// Notifications that stored nothing, by outcome.
#[derive(Debug, Default)]
pub struct Answers {
    /// Redeliveries.
    pub duplicate: AtomicU64,
    /// Notifications without proof.
    pub unproven: AtomicU64,
    /// Not JSON and not provable, or with a content-encoding.
    pub malformed: AtomicU64,
    /// Over the body limit.
    pub too_large: AtomicU64,
    /// Could not be stored.
    pub unavailable: AtomicU64,
}

/// The answers to the notifications of one source, counted since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Outcomes {
    /// Stored for the first time.
    pub accepted: u64,
    /// Redeliveries.
    pub duplicate: u64,
    /// Not understood, and stored for the quarantine topic.
    pub quarantined: u64,
    /// Notifications without proof.
    pub unproven: u64,
    /// Not JSON and not provable, or with a content-encoding.
    pub malformed: u64,
    /// Over the body limit.
    pub too_large: u64,
    /// Could not be stored.
    pub unavailable: u64,
}

impl SourceMeters {
    /// The time at which the last notification was answered 200.
    pub fn last_notification(&self) -> Option<Timestamp> {
        let seconds = self.last_notification.get();
        let milliseconds = (seconds * 1000.0) as i64;
        (milliseconds > 0).then(|| Timestamp::from_millisecond(milliseconds).ok()).flatten()
    }
}

impl Answers {
    /// The counts of this moment, together with the spool's.
    pub fn outcomes(&self, accepted: u64, quarantined: u64) -> Outcomes {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Outcomes {
            accepted,
            duplicate: count(&self.duplicate),
            quarantined,
            unproven: count(&self.unproven),
            malformed: count(&self.malformed),
            too_large: count(&self.too_large),
            unavailable: count(&self.unavailable),
        }
    }
}

impl Outcomes {
    /// Notifications that were not answered 200.
    pub fn refused(&self) -> u64 {
        self.unproven + self.malformed + self.too_large + self.unavailable
    }

    /// All notifications received.
    pub fn received(&self) -> u64 {
        self.accepted + self.duplicate + self.quarantined + self.refused()
    }
}
