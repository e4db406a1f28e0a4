//! Times the stages of one notification.

use crate::event::id::EventId;
use opentelemetry::trace::SpanContext;
use std::time::{Duration, Instant, SystemTime};

/// The walk of one notification, from its last byte to its answer. Empty if no spans are made.
#[derive(Debug, Default)]
pub struct Walk(pub(super) Option<Box<Times>>);

/// Times by a monotonic clock, counted from one reading of the time of day.
#[derive(Debug)]
pub(super) struct Times {
    pub began: SystemTime,
    pub clock: Instant,
    pub parent: Option<SpanContext>,
    /// The stages in their order, each with its end.
    pub ended: Vec<(Stage, Duration)>,
    pub event: Option<String>,
}

/// A stage of a notification's walk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The check of the proof.
    Prove,
    /// The reading of the body, and the making of the record.
    Read,
    /// The way of the record to the disk.
    Commit,
}

/// The answer to a notification.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The name of its source.
    pub source: &'a str,
    /// Its outcome, by the name that the metrics use.
    pub outcome: &'static str,
    /// The status of the answer.
    pub status: u16,
}

impl Walk {
    pub(super) fn begin(parent: Option<SpanContext>) -> Self {
        Self(Some(Box::new(Times {
            began: SystemTime::now(),
            clock: Instant::now(),
            parent,
            ended: Vec::with_capacity(3),
            event: None,
        })))
    }

    /// Ends a stage.
    pub fn ended(&mut self, stage: Stage) {
        if let Some(times) = &mut self.0 {
            times.ended.push((stage, times.clock.elapsed()));
        }
    }

    /// Notes the event's id. Omits an id longer than any sender's.
    pub fn is_of(&mut self, event: &EventId) {
        if let Some(times) = &mut self.0 {
            times.event =
                Some(event.as_str()).filter(|id| id.len() <= LONGEST_ID).map(str::to_owned);
        }
    }
}

impl Stage {
    /// The name of its span.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Prove => "prove",
            Self::Read => "read",
            Self::Commit => "commit",
        }
    }
}

/// The longest id in a span. Onshape's ids have 24 characters, and `sha256:` with its digits 71;
/// only the body's limit bounds an id.
const LONGEST_ID: usize = 256;
