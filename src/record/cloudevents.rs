//! An event as a CloudEvents 1.0 record, Kafka protocol binding (DESIGN.md section 7).

use crate::event::Event;
use crate::record::layout::Record;
use jiff::Timestamp;

/// How the CloudEvent lies in the record: `kafka.encoding`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Attributes as `ce_` headers, the value as data.
    #[default]
    Binary,
    /// One JSON object with the attributes and the data.
    Structured,
}

/// What the record says beside the event itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The source's name.
    pub source: &'a str,
    /// When the notification was received.
    pub received_at: Timestamp,
    /// The request's `traceparent`, if it had one.
    pub traceparent: Option<&'a str>,
}

/// Encodes the final bytes of an event's record. The sequence number's place is left open: the spool
/// stamps it when it commits.
pub fn encode(_event: &Event, context: Context<'_>, _encoding: Encoding) -> Record {
    Record::builder(context.source, 0).finish()
}
