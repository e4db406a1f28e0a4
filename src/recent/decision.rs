//! The decision on one notification.

use crate::event::time::whole_milliseconds;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// The answer to a notification, under the names that the metrics use.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Stored for the first time.
    Accepted,
    /// A redelivery of something stored.
    Duplicate,
    /// Authentic but not understood; stored for the quarantine topic.
    Quarantined,
    /// The proof did not hold.
    Unproven,
    /// Not JSON, or with a content-encoding.
    Malformed,
    /// Over the body limit.
    TooLarge,
    /// Not stored now; the sender was asked to retry.
    Unavailable,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Quarantined,
        Self::Unproven,
        Self::Malformed,
        Self::TooLarge,
        Self::Unavailable,
    ];

    /// True if anyone can cause it, without knowing a secret.
    pub fn is_of_strangers(self) -> bool {
        match self {
            Self::Unproven | Self::Malformed | Self::TooLarge => true,
            Self::Accepted | Self::Duplicate | Self::Quarantined | Self::Unavailable => false,
        }
    }

    /// The name in metrics and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Quarantined => "quarantined",
            Self::Unproven => "unproven",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The decision on one notification. Absent fields are not known: a notification that was not
/// proven has no event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision<'a> {
    /// The time at which the notification came.
    pub at: Timestamp,
    /// The source that it was posted to.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// The answer.
    pub outcome: Outcome,
    /// The event's id, or that of a quarantined body.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// The sender's name of the event.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'a, str>>,
    /// The group that chose its topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Cow<'a, str>>,
    /// The thing that it concerns, as `ce_subject`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'a, str>>,
    /// Its Kafka key: the document or item.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Cow<'a, str>>,
    /// The hook that delivered it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<Cow<'a, str>>,
    /// The proofs that held for the sender.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Cow<'a, str>>,
    /// The reason why it was not accepted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The time of the event, by the sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Its sequence number in the instance, if it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The size of its body in bytes. Of a body that was not read, the size that its head
    /// declared; 0 if it declared none.
    pub bytes: u64,
    /// Time from its last byte to the decision, in microseconds; from the end of its head if its
    /// body was not looked at.
    pub micros: u64,
    /// The body as posted, if it is text and was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Cow<'a, str>>,
    /// The body as posted in Base64, if it is not text and was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_base64: Option<Cow<'a, str>>,
}

impl Decision<'_> {
    /// A decision of which only the answer is known.
    pub fn bare(at: Timestamp, source: &str, outcome: Outcome, bytes: u64) -> Decision<'_> {
        Decision {
            at: whole_milliseconds(at),
            source: source.into(),
            outcome,
            id: None,
            event: None,
            group: None,
            subject: None,
            document: None,
            webhook_id: None,
            verified: None,
            reason: None,
            occurred_at: None,
            sequence: None,
            bytes,
            micros: 0,
            raw: None,
            raw_base64: None,
        }
    }

    /// The same decision, which took this long.
    pub fn after(self, took: Duration) -> Self {
        Self { micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX), ..self }
    }

    /// Copies its texts, so that it owns them.
    pub fn into_owned(self) -> Decision<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Decision {
            at: self.at,
            source: Cow::Owned(self.source.into_owned()),
            outcome: self.outcome,
            id: own(self.id),
            event: own(self.event),
            group: own(self.group),
            subject: own(self.subject),
            document: own(self.document),
            webhook_id: own(self.webhook_id),
            verified: own(self.verified),
            reason: own(self.reason),
            occurred_at: self.occurred_at,
            sequence: self.sequence,
            bytes: self.bytes,
            micros: self.micros,
            raw: own(self.raw),
            raw_base64: own(self.raw_base64),
        }
    }

    /// The body as posted, if it was kept.
    pub fn body(&self) -> Option<Vec<u8>> {
        use base64::Engine;
        match (&self.raw, &self.raw_base64) {
            (Some(text), _) => Some(text.as_bytes().to_vec()),
            (None, Some(text)) => base64::engine::general_purpose::STANDARD.decode(&**text).ok(),
            (None, None) => None,
        }
    }
}
