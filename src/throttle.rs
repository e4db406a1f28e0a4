//! Keeps the log lines that a flood can cause from flooding the log.

use crate::lock::lock;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lets one log line through in each interval, and counts the lines that it holds back.
#[derive(Debug)]
pub struct Throttle {
    every: Duration,
    last: Mutex<Option<Passed>>,
}

#[derive(Clone, Copy, Debug)]
struct Passed {
    when: Instant,
    held_back: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::every(USUAL)
    }
}

impl Throttle {
    /// Lets one line through in each interval of this length.
    pub fn every(every: Duration) -> Self {
        Self { every, last: Mutex::default() }
    }

    /// The number of lines held back since the last one that passed, if one may pass now.
    pub fn pass(&self) -> Option<u64> {
        let mut last = lock(&self.last);
        match last.as_mut() {
            Some(passed) if passed.when.elapsed() < self.every => {
                passed.held_back += 1;
                None
            }
            _ => {
                let held_back = last.map_or(0, |passed| passed.held_back);
                *last = Some(Passed { when: Instant::now(), held_back: 0 });
                Some(held_back)
            }
        }
    }
}

/// Often enough for a person who reads along, and seldom enough for a disk.
const USUAL: Duration = Duration::from_secs(10);
