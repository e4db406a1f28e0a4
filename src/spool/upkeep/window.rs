//! Hands ids over to the window, and keeps its filter effective.

use crate::lock::lock;
use crate::spool::Inner;
use crate::spool::window::old_ids;
use std::sync::atomic::Ordering;

/// Hands the ids of sealed segments over to the window's slices, and forgets them in memory.
pub(super) fn absorb(inner: &Inner) -> Result<(), old_ids::Error> {
    loop {
        let oldest = lock(&inner.sealed).values().next().cloned();
        let Some(sealed) = oldest else { break };
        inner.old_ids.absorb(&sealed.handover)?;
        let ids = &sealed.handover.ids;
        inner.filter.add(ids.iter().map(|(id, _)| id));
        {
            // From here on, an append that looked before looks again.
            let mut admission = lock(&inner.admission);
            admission.absorbed += 1;
            inner.absorbed.store(admission.absorbed, Ordering::Release);
        }
        for some in ids.chunks(AT_ONCE) {
            let mut admission = lock(&inner.admission);
            some.iter().for_each(|(id, _)| admission.recent.forget(id, sealed.last));
        }
        lock(&inner.admission).recent.settle();
        let number = sealed.handover.segment;
        lock(&inner.leaving).absorbed.insert(number, (sealed.first, sealed.last));
        lock(&inner.sealed).remove(&number);
    }
    let mut admission = lock(&inner.admission);
    admission.shortage.window = false;
    Ok(())
}

/// Drops the slices that are older than the window.
pub(super) fn forget(inner: &Inner) -> Result<(), old_ids::Error> {
    let before = inner.period.begin(inner.latest.load(Ordering::Relaxed));
    if inner.old_ids.forget(before)? > 0 {
        inner.filter.begin(&*inner.old_ids);
    }
    Ok(())
}

/// Rebuilds a worn filter, one step in each round.
pub(super) fn renew_filter(inner: &Inner) -> Result<(), old_ids::Error> {
    if inner.filter.go_on(&*inner.old_ids)? {
        inner.upkeep.wake();
    } else if inner.filter.is_worn() {
        inner.filter.begin(&*inner.old_ids);
        inner.upkeep.wake();
    }
    Ok(())
}

/// The ids forgotten in memory under one lock: some microseconds.
const AT_ONCE: usize = 256;
