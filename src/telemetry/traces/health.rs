//! Reports the health of the collector in the log.
//!
//! # Promises
//! One message says that spans are lost, and the reason. One says that all are taken again, and how
//! many were lost, once no span was lost for [`CALM`].

use crate::lock::lock;
use prometheus::IntCounter;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The health of the collector.
#[derive(Debug)]
pub(super) struct Health {
    state: Mutex<State>,
    /// All spans that were lost.
    lost: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    /// The reason for which the last call failed, if it did.
    trouble: Option<String>,
    losing: Option<Losing>,
}

/// A time in which spans are lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Losing {
    spans: u64,
    last: Instant,
}

impl Health {
    /// The health of a collector that was not called yet. `lost` counts the lost spans.
    pub fn new(lost: IntCounter) -> Self {
        Self { state: Mutex::default(), lost }
    }

    /// Notes the outcome of a call: the reason if it failed.
    pub fn called(&self, trouble: Option<String>) {
        lock(&self.state).trouble = trouble;
    }

    /// Notes that spans are lost, because calls fail or too many spans wait.
    pub fn lost(&self, spans: u64, now: Instant) {
        self.lost.inc_by(spans);
        let began = lock(&self.state).lose(spans, now);
        if let Some(trouble) = began {
            tracing::warn!(
                event = "traces_lost",
                trouble,
                "the collector of telemetry.otlp does not take all spans, and those are lost: {trouble}"
            );
        }
    }

    /// Notes that the collector refuses spans of a call that succeeded.
    pub fn refused(&self, spans: u64, why: String, now: Instant) {
        self.called(Some(why));
        self.lost(spans, now);
        self.called(None);
    }

    /// Notes that the collector took spans.
    pub fn took(&self, now: Instant) {
        let ended = lock(&self.state).take(now);
        if let Some(Losing { spans, .. }) = ended {
            tracing::info!(
                event = "traces_taken",
                lost = spans,
                "the collector takes all spans again; {spans} were lost"
            );
        }
    }

    /// True if the last call succeeded and no spans are being lost.
    pub fn is_well(&self) -> bool {
        let state = lock(&self.state);
        state.trouble.is_none() && state.losing.is_none()
    }

    /// The number of lost spans.
    #[cfg(test)]
    pub fn losses(&self) -> u64 {
        self.lost.get()
    }
}

impl State {
    /// Counts lost spans. Returns the reason if they are the first.
    fn lose(&mut self, spans: u64, now: Instant) -> Option<String> {
        let losing = self.losing.get_or_insert(Losing { spans: 0, last: now });
        let is_first = losing.spans == 0;
        *losing = Losing { spans: losing.spans + spans, last: now };
        is_first.then(|| self.trouble.clone().unwrap_or_else(|| OVERFLOW.to_owned()))
    }

    /// Ends and returns the loss, if no span was lost for a while.
    fn take(&mut self, now: Instant) -> Option<Losing> {
        let is_calm = |losing: &mut Losing| now.saturating_duration_since(losing.last) >= CALM;
        self.losing.take_if(is_calm)
    }
}

const OVERFLOW: &str = "it is too slow, and too many spans wait";
/// The time without a loss after which the loss has ended. It keeps a collector that takes every
/// other call from filling the log.
const CALM: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_takes_every_other_call_is_said_once() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut state = State { trouble: Some("it answers 500".to_owned()), losing: None };

        let said: Vec<_> = (0..30)
            .filter_map(|second| {
                let began = state.lose(7, at(second));
                state.trouble = None;
                assert_eq!(state.take(at(second + 1)), None);
                began
            })
            .collect();
        let ended = state.take(at(39)).expect("ten seconds without a loss");

        assert_eq!(said, ["it answers 500"]);
        assert_eq!(ended.spans, 30 * 7);
        assert_eq!(state.take(at(40)), None);
        assert_eq!(state.lose(1, at(41)).as_deref(), Some(OVERFLOW));
    }
}
