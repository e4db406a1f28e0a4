//! The thread that writes decisions.

use crate::recent::Inner;

/// Writes waiting decisions, turn by turn, until the relay stops.
pub(super) fn run(inner: &Inner) {
    while inner.buffer.next_turn() {
        inner.write_out();
    }
    inner.write_out();
}
