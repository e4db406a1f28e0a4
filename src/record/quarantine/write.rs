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
    pub verified: Proofs,
    /// The id of its delivery, if it had one.
    pub delivery_id: Option<&'a str>,
    /// The request's `traceparent`, if it had one.
    pub traceparent: Option<&'a str>,
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key, and
/// the rest of what is kept as headers. `id` is that of the body, see [`crate::record::quarantine::id`].
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

/// Names, id, reason, time and headers.
const EXPECTED_REST: usize = 1_024;
