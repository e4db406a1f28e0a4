//! Lays segments out: as large as usual, or as the disk allows.

use crate::lock::{lock, write};
use crate::spool::log::segment::{FIRST_FRAME, Fill, SPARE, Segment};
use crate::spool::log::{Cursor, Log, SLACK, Spare, reserve};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Log {
    /// Lays out a segment with space for frames of this many bytes.
    pub fn lay_out(&self, number: u64, bytes: u64, fill: Fill) -> io::Result<Cursor> {
        self.lay_out_in(number, self.segment_bytes.max(least_for(bytes)), fill)
    }

    /// The same, but smaller if the disk has no room for a usual segment, and at last in the space
    /// that was kept back.
    pub fn lay_out_what_fits(&self, number: u64, bytes: u64) -> io::Result<Cursor> {
        let least = least_for(bytes);
        for halved in 0..=MOST_HALVED {
            let room = (self.segment_bytes >> halved).max(least);
            match self.lay_out_in(number, room, Fill::Reserve) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => self.clear_spare()?,
                laid_out => return laid_out,
            }
        }
        let kept = reserve::take(&*self.disk, least)?;
        self.has_reserve.store(false, Ordering::Relaxed);
        self.lay_out_in(number, kept.unwrap_or(least), Fill::Reserve)
    }

    /// Keeps space back for a start on a full disk, unless there is some.
    pub fn keep_back(&self) -> io::Result<()> {
        if !self.has_reserve.load(Ordering::Relaxed) {
            reserve::keep(&*self.disk, self.reserve_bytes())?;
            self.has_reserve.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn reserve_bytes(&self) -> u64 {
        (self.segment_bytes / 3).max(LEAST_RESERVE)
    }

    /// Removes what a segment that did not fit has left.
    fn clear_spare(&self) -> io::Result<()> {
        *lock(&self.spare) = Spare::None;
        match self.disk.remove(SPARE) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn lay_out_in(&self, number: u64, room: u64, fill: Fill) -> io::Result<Cursor> {
        let mut spare = lock(&self.spare);
        let segment = Arc::new(Segment::lay_out(&*self.disk, number, room, fill)?);
        *spare = Spare::None;
        write(&self.segments).insert(number, Arc::clone(&segment));
        Ok(Cursor { segment, at: FIRST_FRAME, room: room - SLACK })
    }
}

/// The least length of a segment for a frame of this many bytes.
fn least_for(bytes: u64) -> u64 {
    FIRST_FRAME + bytes + SLACK
}

/// The smallest segment that is tried is 768 KiB: the notes of some million records.
const MOST_HALVED: u32 = 5;
/// The least that is kept back: a segment with one frame.
const LEAST_RESERVE: u64 = 16 << 10;
