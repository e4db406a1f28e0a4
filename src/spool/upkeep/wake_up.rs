//! What wakes the thread of the upkeep, or ends it.

use crate::lock::lock;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes the upkeep's thread, or ends it.
#[derive(Debug, Default)]
pub struct WakeUp {
    state: Mutex<Rung>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    closed: bool,
}

impl WakeUp {
    /// Something changed that may need upkeep.
    pub fn wake(&self) {
        lock(&self.state).rung = true;
        self.rung.notify_one();
    }

    /// Ends the thread.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.rung.notify_one();
    }

    /// Waits for a ring or for the pause to pass. False when closed.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let state = lock(&self.state);
        let (mut state, _) = self
            .rung
            .wait_timeout_while(state, pause, |state| !state.rung && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        !state.closed
    }
}
