//! The records of the quarantine topic: what is authentic and not understood, or refused by Kafka
//! for good.
//!
//! # Promises
//! - The posted bytes are in each record, and [`read`] gives them back exactly.
//! - What helps to understand a body some day is kept beside it: what was proven, the id of its
//!   delivery, and for what Kafka refused the event's name and group.

pub mod read;
pub mod refused;
pub mod write;

use crate::event::id::EventId;

/// The identity of a quarantined body: the SHA-256 of its bytes.
pub fn id(raw: &[u8]) -> EventId {
    EventId::of_content(raw)
}

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
