//! The record of an authentic body that was not understood (topic `cad.quarantine`).

use crate::event::id::EventId;
use crate::event::time;
use crate::providers::json;
use crate::providers::source::{Reason, Source};
use crate::record::json::Members;
use crate::record::layout::Record;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;

/// The identity of a quarantined body: the SHA-256 of its bytes.
pub fn id(raw: &[u8]) -> EventId {
    EventId::of_content(raw)
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key.
///
/// `raw` is the body itself where any JSON parser can read it, and `rawBase64` its bytes where one
/// could not: no JSON, nested too deep, or with a byte order mark.
pub fn encode(reason: Reason, raw: &[u8], source: &Source, received_at: Timestamp) -> Record {
    let mut record = Record::builder(source.name(), raw.len() * 4 / 3 + EXPECTED_REST);
    record.header("content-type", "application/json");
    let mut value = Members::begin(record.value());
    value
        .text("id", id(raw).as_str())
        .text("source", source.name())
        .text("provider", source.provider().as_str())
        .text("reason", reason.as_str())
        .text("receivedAt", &time::to_text(received_at));
    match json::parse(raw) {
        Ok(_) => value.raw("raw", raw),
        Err(_) => value.text("rawBase64", &BASE64.encode(raw)),
    };
    value.end();
    record.finish()
}

/// Names, id, reason and time.
const EXPECTED_REST: usize = 512;
