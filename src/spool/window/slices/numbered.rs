//! The slices of earlier builds, which were numbered in units of their length.
//!
//! A change of the window changed the unit, and with it the time that a number stands for. So the
//! end of such a slice is found from an id in it.

use crate::spool::window::IdEntry;
use crate::spool::window::old_ids::Error;
use fjall::Keyspace;

/// The end of a slice with this number in its name, or the latest possible one.
pub(super) fn end(number: u64, rows: &Keyspace) -> Result<u64, Error> {
    if number >= EARLIEST_END {
        return Ok(number);
    }
    for row in rows.prefix(b"i") {
        if let Some(IdEntry { accepted_at, .. }) = IdEntry::decode(&row.value()?) {
            // An id is not accepted before its slice begins, so the unit is at most this quotient.
            return Ok(accepted_at + accepted_at / number.max(1) + 1);
        }
    }
    // It holds nothing to remember.
    Ok(number)
}

/// Smaller numbers are no ends: this one is a day in 2004. Earlier builds numbered slices of an
/// hour by some 500,000.
const EARLIEST_END: u64 = 1 << 40;
