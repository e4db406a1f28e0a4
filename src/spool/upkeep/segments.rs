//! Lays segments out, seals them, and removes them.

use crate::lock::lock;
use crate::spool::log::Keep;
use crate::spool::log::segment::{FIRST_FRAME, Fill, Seal};
#[cfg(test)]
use crate::spool::planted::{self, Planted};
use crate::spool::{Inner, Sealed};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Lays out the segment after the current one, once that is partly full.
pub(super) fn lay_out_next(inner: &Inner) -> io::Result<()> {
    let (is_due, number) = {
        let writing = lock(&inner.writing);
        let used = writing.cursor.at() - FIRST_FRAME;
        (used >= inner.log.segment_bytes / 4, writing.cursor.segment() + 1)
    };
    if !is_due && !lock(&inner.admission).shortage.segment {
        return Ok(());
    }
    // Held while it is laid out: the writer waits for it if it gets so far.
    let mut next = lock(&inner.next);
    if next.is_none() && inner.active.load(Ordering::Acquire) + 1 == number {
        *next = Some(inner.log.lay_out(number, 0, Fill::Zeros)?);
    }
    drop(next);
    lock(&inner.admission).shortage.segment = false;
    if std::mem::take(&mut lock(&inner.writing).is_short) {
        tracing::info!(event = "spool_room", "a further segment is laid out");
    }
    Ok(())
}

/// Seals the segments that take no more frames.
pub(super) fn seal_full(inner: &Inner) -> io::Result<()> {
    let full: Vec<u64> = lock(&inner.full).clone();
    for number in full {
        let kept = lock(&inner.unabsorbed).remove(&number);
        if let Some(kept) = kept {
            let seal = Seal {
                first: kept.first,
                last: kept.last,
                last_sequence: kept.last_sequence,
                extents: lock(&inner.lanes).segment(number),
                end: inner.log.segment(number).map_or(FIRST_FRAME, |segment| segment.end()),
            };
            if let Err(error) = inner.log.seal(number, &seal) {
                lock(&inner.unabsorbed).insert(number, kept);
                return Err(error);
            }
            let sealed = Sealed { handover: kept.handover, first: kept.first, last: kept.last };
            lock(&inner.sealed).insert(number, Arc::new(sealed));
        }
        lock(&inner.full).retain(|full| *full != number);
    }
    Ok(())
}

/// Removes segments in which nothing waits, each after a frame has named it as gone.
pub(super) fn remove(inner: &Inner, is_low: bool) -> io::Result<()> {
    let over: Vec<u64> = {
        let lanes = lock(&inner.lanes);
        let leaving = lock(&inner.leaving);
        leaving.absorbed.keys().copied().filter(|number| !lanes.waits_in(*number)).collect()
    };
    let (wants_note, removable) = {
        let mut leaving = lock(&inner.leaving);
        for number in over {
            if let Some((first, last)) = leaving.absorbed.remove(&number) {
                leaving.gone.add(first, last);
                leaving.version += 1;
                let version = leaving.version;
                leaving.segments.insert(number, version);
            }
        }
        let noted = leaving.noted;
        #[cfg(test)]
        let noted = match planted::is(Planted::RemovalBeforeItsNote) {
            true => u64::MAX,
            false => noted,
        };
        let may_go = leaving.segments.iter().filter(|(_, version)| **version <= noted);
        let removable: Vec<u64> = may_go.map(|(number, _)| *number).collect();
        (leaving.version > noted, removable)
    };
    if wants_note {
        inner.ask_writer(|asked| asked.state = true);
    }
    let keep = if is_low { Keep::Nothing } else { Keep::Spare };
    for number in removable {
        inner.log.remove(number, keep)?;
        lock(&inner.lanes).forget_segment(number);
        lock(&inner.leaving).segments.remove(&number);
    }
    if is_low { inner.log.drop_spare() } else { Ok(()) }
}
