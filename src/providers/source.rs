//! A configured inlet: one provider, one tenant, and what it must prove.

use crate::event::Event;
use crate::event::provider::Provider;
use crate::providers::notification::Notification;
use bytes::Bytes;
use jiff::Timestamp;

/// A configured inlet, `/webhooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    provider: Provider,
}

/// A notification whose source's proof held. Only [`Source::prove`] makes one.
#[derive(Clone, Debug)]
pub struct Proven<'r> {
    notification: Notification<'r>,
}

/// Why a notification was not believed, or could not be. Nothing of it was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A required proof is missing, wrong, or too old.
    #[error("the notification does not prove where it comes from")]
    Unproven,
    /// Nothing had to be proven, and the body is not JSON.
    #[error("the body is not JSON")]
    Malformed,
}

/// What became of a proven body.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It is understood.
    Event(Box<Event>),
    /// It is authentic and not understood; it is kept whole.
    Quarantine {
        /// Why, from a closed set.
        reason: Reason,
        /// The body as posted.
        raw: Bytes,
    },
}

/// Why an authentic body is in quarantine. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, and not an object.
    NotAnObject,
    /// The object names no event.
    NoEvent,
    /// The JSON is nested deeper than 128.
    TooDeep,
    /// An APS body without its hook, from a source that assumes none.
    NoHook,
    /// Kafka refuses a record of this size.
    TooLargeForKafka,
    /// Kafka refuses the record for good.
    InvalidRecord,
}

impl Reason {
    /// All of them, for the metrics.
    pub const ALL: [Self; 7] = [
        Self::NotJson,
        Self::NotAnObject,
        Self::NoEvent,
        Self::TooDeep,
        Self::NoHook,
        Self::TooLargeForKafka,
        Self::InvalidRecord,
    ];

    /// Those that reading a body can give; the others are Kafka's.
    pub const READING: [Self; 5] =
        [Self::NotJson, Self::NotAnObject, Self::NoEvent, Self::TooDeep, Self::NoHook];

    /// The name in the record and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NoEvent => "no_event",
            Self::TooDeep => "too_deep",
            Self::NoHook => "no_hook",
            Self::TooLargeForKafka => "too_large_for_kafka",
            Self::InvalidRecord => "invalid_record",
        }
    }
}

impl Source {
    /// The name in the URL, the labels and the key of last resort.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who posts here.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The fact that an event tells, and for how long another telling is a repeat.
    pub fn fact_of(&self, _event: &Event) -> Option<(String, std::time::Duration)> {
        None
    }

    /// Believes the notification, or says why not.
    pub fn prove<'r>(
        &self,
        notification: Notification<'r>,
        _now: Timestamp,
    ) -> Result<Proven<'r>, Refusal> {
        Ok(Proven { notification })
    }
}

impl Proven<'_> {
    /// Understands the body, or keeps it whole.
    pub fn read(self) -> Reading {
        Reading::Quarantine { reason: Reason::NoEvent, raw: self.notification.body }
    }
}
