//! The figures of the spool, for its metrics.

use crate::lock::lock;
use crate::spool::Spool;
use crate::spool::lanes::Books;
use std::sync::atomic::Ordering;

/// The figures of the store itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// The approximate number of remembered ids.
    pub ids: u64,
    /// Bytes of waiting records.
    pub pending_bytes: u64,
    /// Bytes to compare with the disk's reserve: those free, and those laid out and not used.
    pub disk_free: u64,
}

impl Spool {
    /// The figures of P6, from one moment.
    pub fn books(&self) -> Books {
        lock(&self.inner.lanes).books()
    }

    /// The figures of the store. Does not read the disk.
    pub fn figures(&self) -> Figures {
        let inner = &*self.inner;
        Figures {
            ids: inner.old_ids.count() + lock(&inner.admission).recent.count() as u64,
            pending_bytes: inner.pending_bytes.load(Ordering::Relaxed),
            disk_free: inner.room.load(Ordering::Relaxed),
        }
    }
}
