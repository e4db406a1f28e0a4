//! What fails is tried again, after a growing pause, and said once until it works again.

use crate::pause::Pause;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One thing that is done again and again.
#[derive(Debug)]
pub(super) struct Job {
    pause: Pause,
}

impl Job {
    /// Does it, unless it failed a moment ago.
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

/// The disk may have room again at any time; an attempt costs next to nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
