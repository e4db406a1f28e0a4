//! The counters of the requests to one source.

use prometheus::{Gauge, Histogram};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The counters of one source that are not the spool's.
#[derive(Clone, Debug)]
pub struct SourceMeters {
    /// Seconds from the request's last byte to its answer.
    pub duration: Histogram,
    /// When the last proven notification came.
    pub last_notification: Gauge,
    /// Answers that stored nothing.
    pub answers: Arc<Answers>,
}

/// Notifications that stored nothing, by outcome.
#[derive(Debug, Default)]
pub struct Answers {
    /// Redeliveries.
    pub duplicate: AtomicU64,
    /// Not believed.
    pub unproven: AtomicU64,
    /// Not JSON and not provable, or encoded.
    pub malformed: AtomicU64,
    /// Over the body limit.
    pub too_large: AtomicU64,
    /// Could not be stored.
    pub unavailable: AtomicU64,
}
