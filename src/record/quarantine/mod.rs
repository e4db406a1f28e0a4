//! The records of the quarantine topic: what is authentic and not understood, or refused by Kafka
//! for good.
//!
//! # Promises
//! - Each is a CloudEvent of the type `com.cadrelay.quarantined`, in binary mode whatever the encoding
//!   of events is: a reader tells the two apart record by record.
//! - The posted bytes are in each record, and [`read`] gives them back exactly.
//! - What helps to understand a body some day is kept beside it: what was proven, the id of its
//!   delivery, and for what Kafka refused the event's name and group.

pub mod read;
pub mod refused;
pub mod write;

use crate::event::id::EventId;
use crate::record::layout::Builder;
use crate::record::members::Members;

/// The identity of a quarantined body: the SHA-256 of its bytes.
pub fn id(raw: &[u8]) -> EventId {
    EventId::of_content(raw)
}

/// What every record of the topic says, in its headers and in its value.
struct Common<'a> {
    id: &'a str,
    source: &'a str,
    provider: &'a str,
    reason: &'a str,
    received_at: &'a str,
}

impl Common<'_> {
    /// Adds the headers.
    fn write(&self, record: &mut Builder) {
        let unless_empty = |text| Some(text).filter(|text: &&str| !text.is_empty());
        record
            .header("content-type", "application/json")
            .header("ce_specversion", "1.0")
            .header("ce_id", self.id)
            // The relay itself tells this, and an id is one body's within its source.
            .header("ce_source", &format!("/cadrelay/sources/{}", self.source))
            .header("ce_type", TYPE)
            .header_if("ce_provider", unless_empty(self.provider))
            .header_if("ce_relaysource", unless_empty(self.source))
            .header_if("ce_receivedtime", unless_empty(self.received_at))
            .header("ce_reason", self.reason);
    }

    /// Begins the value with the same. What is missing is the body.
    fn begin_value<'r>(&self, record: &'r mut Builder) -> Members<'r> {
        let mut value = Members::begin(record.value());
        value
            .text("id", self.id)
            .text("source", self.source)
            .text("provider", self.provider)
            .text("reason", self.reason)
            .text("receivedAt", self.received_at);
        value
    }
}

/// The type of every record of the topic.
const TYPE: &str = "com.cadrelay.quarantined";
/// The header that says what was proven.
const VERIFIED: &str = "ce_verified";
/// The header with the id of the delivery, of APS.
const DELIVERY_ID: &str = "ce_deliveryid";
/// The header with the request's `traceparent`.
const TRACEPARENT: &str = "ce_traceparent";
/// The header with the event's name.
const EVENT: &str = "ce_event";
/// The header with the event's group.
const GROUP: &str = "ce_eventgroup";
/// The header with the topic that refused the record.
const REFUSED_BY: &str = "ce_refusedby";
