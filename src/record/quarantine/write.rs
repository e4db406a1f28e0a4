//! The record of an authentic body that was not understood.

use crate::event::proof::Proofs;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::event::time;
use crate::json;
use crate::record::layout::Record;
use crate::record::members::Members;
use crate::record::quarantine::{DELIVERY_ID, TRACEPARENT, VERIFIED, id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;

/// What is kept beside a body, so that it can be read again some day.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The name of the source that it came to.
    pub source: &'a str,
    /// That source's provider.
    pub provider: Provider,
    /// When it was received.
    pub received_at: Timestamp,
    /// What was proven of it.
    pub verified: &'a Proofs,
    /// The id of its delivery, if it had one.
    pub delivery_id: Option<&'a str>,
    /// The request's `traceparent`, if it had one.
    pub traceparent: Option<&'a str>,
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key, and
/// the rest of what is kept as headers.
///
/// `raw` is the body itself where any JSON parser can read it, and `rawBase64` its bytes where one
/// could not: no JSON, nested too deep, or with a byte order mark.
pub fn encode(reason: Reason, raw: &[u8], kept: Kept<'_>) -> Record {
    let mut record = Record::builder(kept.source, raw.len() * 4 / 3 + EXPECTED_REST);
    record
        .header("content-type", "application/json")
        .header(VERIFIED, &kept.verified.to_string())
        .header_if(DELIVERY_ID, kept.delivery_id)
        .header_if(TRACEPARENT, kept.traceparent);
    let mut value = Members::begin(record.value());
    value
        .text("id", id(raw).as_str())
        .text("source", kept.source)
        .text("provider", kept.provider.as_str())
        .text("reason", reason.as_str())
        .text("receivedAt", &time::to_text(kept.received_at));
    match json::parse(raw) {
        Ok(_) => value.raw("raw", raw),
        Err(_) => value.text("rawBase64", &BASE64.encode(raw)),
    };
    value.end();
    record.finish()
}

/// Names, id, reason, time and headers.
const EXPECTED_REST: usize = 512;
