//! The record of an authentic body that was not understood.

use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::event::provider::Provider;
use crate::event::raw::Raw;
use crate::event::reason::Reason;
use crate::event::time;
use crate::record::layout::Record;
use crate::record::quarantine::{Common, DELIVERY_ID, TRACEPARENT, VERIFIED};
use jiff::Timestamp;

/// The facts that are kept beside a body for a later reading.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The source that the body was posted to.
    pub source: &'a str,
    /// The provider of that source.
    pub provider: Provider,
    /// The time at which it was received.
    pub received_at: Timestamp,
    /// The proofs that held.
    pub verified: Proofs,
    /// The delivery id, if it had one.
    pub delivery_id: Option<&'a str>,
    /// The request's `traceparent`, if it had one.
    pub traceparent: Option<&'a str>,
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key,
/// and the other facts as headers. `id` is the body's; see [`crate::record::quarantine::id`].
pub fn encode(reason: Reason, id: &EventId, raw: Raw<'_>, kept: Kept<'_>) -> Record {
    let mut record = Record::builder(kept.source, raw.bytes().len() * 4 / 3 + EXPECTED_REST);
    let received_at = time::Text::of(kept.received_at);
    let common = Common {
        id: id.as_str(),
        source: kept.source,
        provider: kept.provider.as_str(),
        reason: reason.as_str(),
        received_at: received_at.as_str(),
    };
    common.write(&mut record);
    record
        .header(VERIFIED, &kept.verified.text())
        .header_if(DELIVERY_ID, kept.delivery_id)
        .header_if(TRACEPARENT, kept.traceparent);
    common.begin_value(&mut record).body(raw).end();
    record.finish()
}

/// Bytes for names, id, reason, time and headers.
const EXPECTED_REST: usize = 1_024;
