//! Repeats a failed job after a growing pause, and logs the failure once until it works again.

use crate::pause::Pause;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A job that is done periodically.
#[derive(Debug)]
pub(super) struct Job {
    pause: Pause,
}

impl Job {
    /// Does the job, unless it failed a moment ago.
    pub(super) fn attempt<E: Display>(
        &mut self,
        now: Instant,
        what: &str,
        job: impl FnOnce() -> Result<(), E>,
    ) {
        if self.pause.left(now).is_some() {
            return;
        }
        match job() {
            Ok(()) if self.pause.has_begun() => {
                tracing::info!(event = "upkeep_resumed", "can {what} again");
                self.pause.end();
            }
            Ok(()) => {}
            Err(error) => {
                if !self.pause.has_begun() {
                    tracing::error!(event = "upkeep_failed", error = %error,
                        "cannot {what}; trying again");
                }
                self.pause.begin(now);
            }
        }
    }
}

impl Default for Job {
    fn default() -> Self {
        Self { pause: Pause::up_to(LONGEST_PAUSE) }
    }
}

/// The disk may have space again at any time; an attempt costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Logs a trouble once, until it is over.
#[derive(Debug, Default)]
pub struct Once {
    said: AtomicBool,
}

impl Once {
    /// Logs it, if it is new.
    pub fn say(&self, error: &dyn Display) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::error!(event = "window_damaged", error = %error,
                "old ids cannot be looked up; a redelivery may be stored again");
        }
    }
}
