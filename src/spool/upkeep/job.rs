//! What fails is tried again, after a growing pause, and said once until it works again.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

/// One thing that is done again and again.
#[derive(Debug, Default)]
pub(super) struct Job {
    failures: u32,
    /// Rounds to wait before the next attempt.
    wait: u32,
}

impl Job {
    /// Does it, unless it failed a moment ago.
    pub(super) fn attempt<E: Display>(&mut self, what: &str, job: impl FnOnce() -> Result<(), E>) {
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        match job() {
            Ok(()) if self.failures > 0 => {
                tracing::info!(event = "upkeep_resumed", "can {what} again");
                self.failures = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.failures == 0 {
                    tracing::error!(event = "upkeep_failed", error = %error,
                        "cannot {what}; trying again");
                }
                self.failures += 1;
                self.wait = (1 << self.failures.min(9)).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Half a minute.
const LONGEST_PAUSE: u32 = 300;

/// Says a trouble once, until it is over.
#[derive(Debug, Default)]
pub struct Once {
    said: AtomicBool,
}

impl Once {
    /// Says it, if it is new.
    pub fn say(&self, error: &dyn Display) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::error!(event = "window_damaged", error = %error,
                "old ids cannot be looked up; a redelivery may be stored again");
        }
    }
}
