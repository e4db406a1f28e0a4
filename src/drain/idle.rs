//! Asks now and then whether Kafka still answers, while there is nothing to send.

use crate::drain::{Drain, Stepped};
use std::time::{Duration, Instant};

impl Drain {
    /// Probes Kafka if it was not heard of for a while. Returns the time until the first pause of a
    /// lane ends, at most some seconds.
    pub(super) fn idle(&mut self, now: Instant) -> Stepped {
        if self.timing.wants_a_probe(now)
            && let Some(session) = &self.session
        {
            match session.probe(&self.settings) {
                Ok(()) => self.heard(now),
                Err(trouble) => self.give_up(trouble, now),
            }
        }
        let next = self.lanes.iter().filter_map(|lane| lane.pause.left(now)).min();
        Stepped::Idle(next.map_or(IDLE, |next| next.min(IDLE)))
    }
}

const IDLE: Duration = Duration::from_secs(5);
