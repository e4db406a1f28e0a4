//! Wakes the upkeep's thread, or ends it.

use crate::lock::lock;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The wake-up of the upkeep's thread.
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
    /// Wakes the thread, because something changed that may need upkeep.
    pub fn wake(&self) {
        lock(&self.state).rung = true;
        self.rung.notify_one();
    }

    /// Ends the thread.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.rung.notify_one();
    }

    /// Waits for a wake-up or for the pause to pass. False after [`WakeUp::close`].
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
