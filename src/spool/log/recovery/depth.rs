//! Selects the segments that a survey reads frame by frame.

use crate::spool::log::disk::Disk;
use crate::spool::log::segment::name_of;
use std::io;

/// The sealed segments that are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// Those whose ids are not absorbed (after this segment), and the newest, up to this many
    /// bytes.
    Start {
        /// The last segment that was absorbed.
        absorbed: u64,
        /// The bytes of segments that are read to check them.
        bytes: u64,
    },
    /// All of them.
    Everything,
}

/// The segments that are read frame by frame.
pub(super) struct Wanted {
    from: u64,
    suspects: Vec<u64>,
}

impl Wanted {
    pub(super) fn of(
        disk: &dyn Disk,
        depth: Depth,
        suspects: Vec<u64>,
        numbers: &[u64],
    ) -> io::Result<Self> {
        let Depth::Start { absorbed, bytes } = depth else {
            return Ok(Self { from: 0, suspects });
        };
        let (mut from, mut left) = (u64::MAX, bytes);
        for number in numbers.iter().rev() {
            let length = match disk.open(&name_of(*number)) {
                Ok(file) => file.length()?,
                Err(error) => return Err(error),
            };
            // The newest segment with content is needed, whatever it takes; an unused one may
            // follow it.
            let is_needed = *number > absorbed || numbers.iter().rev().take(2).any(|n| n == number);
            if !is_needed && length > left {
                break;
            }
            left = left.saturating_sub(length);
            from = *number;
        }
        Ok(Self { from, suspects })
    }

    /// True if a segment is read frame by frame.
    pub(super) fn includes(&self, number: u64) -> bool {
        number >= self.from || self.suspects.contains(&number)
    }
}
