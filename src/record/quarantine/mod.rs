//! The records of the quarantine topic: authentic bodies that were not understood, and records that
//! Kafka refused for good.
//!
//! # Promises
//! - Each is a CloudEvent of the type `com.cadrelay.quarantined`, always in binary mode, whatever
//!   the encoding of events: a reader tells the two apart record by record.
//! - Each holds the posted bytes, and [`read`] gives them back exactly.
//! - Each keeps what a later reading needs: the proofs, the delivery id, and for a record refused
//!   by Kafka the event's name and group.
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

/// The facts that every record of the topic carries, in its headers and in its value.
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
            // The relay itself is the source of this event, and an id is unique within a source.
            .header("ce_source", &format!("/cadrelay/sources/{}", self.source))
            .header("ce_type", TYPE)
            .header_if("ce_provider", unless_empty(self.provider))
            .header_if("ce_relaysource", unless_empty(self.source))
            .header_if("ce_receivedtime", unless_empty(self.received_at))
            .header("ce_reason", self.reason);
    }

    /// Begins the value with the same facts. The caller adds the body.
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
/// The header that names the proofs.
const VERIFIED: &str = "ce_verified";
/// The header with the delivery id of APS.
const DELIVERY_ID: &str = "ce_deliveryid";
/// The header with the request's `traceparent`.
const TRACEPARENT: &str = "ce_traceparent";
/// The header with the event's name.
const EVENT: &str = "ce_event";
/// The header with the event's group.
const GROUP: &str = "ce_eventgroup";
/// The header with the topic that refused the record.
const REFUSED_BY: &str = "ce_refusedby";
