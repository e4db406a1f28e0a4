//! The quarantined form of a record that Kafka refuses for good.
//!
//! It is made long after the request, from the record alone: source, provider, id and time come
//! from its value, the posted bytes from `raw`.

use crate::event::reason::Reason;
use crate::record::layout::{Parts, Record};
use crate::record::members;
use crate::record::quarantine::{
    self, Common, DELIVERY_ID, EVENT, GROUP, REFUSED_BY, TRACEPARENT, VERIFIED,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of the refused value that are needed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused<'a> {
    id: Option<String>,
    source: Option<String>,
    provider: Option<String>,
    received_at: Option<String>,
    event: Option<String>,
    group: Option<String>,
    verified: Option<String>,
    #[serde(borrow, default, deserialize_with = "members::present")]
    raw: Option<&'a RawValue>,
    /// Set instead of `raw` if a strict parser would not read the body.
    raw_base64: Option<String>,
}

/// The value in structured mode, which wraps the event.
#[derive(Debug, Deserialize)]
struct Structured<'a> {
    traceparent: Option<String>,
    #[serde(borrow)]
    data: Refused<'a>,
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key.
/// Headers name the proofs, the event, and the topic that refused it.
pub fn encode(parts: &Parts<'_>, reason: Reason, topic: &str) -> Record {
    let (refused, traceparent) = read(parts);
    let source = refused.source.as_deref().unwrap_or_default();
    let key = if source.is_empty() { String::from_utf8_lossy(parts.key) } else { source.into() };
    let verified = refused.verified.clone().or_else(|| header(parts, VERIFIED));
    // A value of ours always has an id and a body. If this one has not, keep all of its bytes.
    let id = match &refused.id {
        Some(id) => id.clone(),
        None => quarantine::id(parts.value).to_string(),
    };
    let mut record = Record::builder(&key, parts.value.len() + EXPECTED_REST);
    let common = Common {
        id: &id,
        source,
        provider: refused.provider.as_deref().unwrap_or_default(),
        reason: reason.as_str(),
        received_at: refused.received_at.as_deref().unwrap_or_default(),
    };
    common.write(&mut record);
    record
        .header_if(VERIFIED, verified.as_deref())
        .header_if(DELIVERY_ID, header(parts, DELIVERY_ID).as_deref())
        .header_if(TRACEPARENT, traceparent.as_deref())
        .header_if(EVENT, refused.event.as_deref())
        .header_if(GROUP, refused.group.as_deref())
        .header(REFUSED_BY, topic);
    let mut value = common.begin_value(&mut record);
    match (refused.raw, &refused.raw_base64) {
        (Some(raw), _) => value.raw("raw", members::as_written(raw, parts.value)),
        (None, Some(raw)) => value.text("rawBase64", raw),
        (None, None) => value.text("rawBase64", &BASE64.encode(parts.value)),
    };
    value.end();
    record.finish()
}

fn read<'a>(parts: &Parts<'a>) -> (Refused<'a>, Option<String>) {
    match serde_json::from_slice::<Structured<'_>>(parts.value) {
        Ok(outer) => (outer.data, outer.traceparent),
        Err(_) => {
            let refused = serde_json::from_slice(parts.value).unwrap_or_default();
            (refused, header(parts, TRACEPARENT))
        }
    }
}

fn header(parts: &Parts<'_>, name: &str) -> Option<String> {
    let (_, value) = parts.headers().find(|(found, _)| *found == name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Bytes for names, id, reason, time and headers.
const EXPECTED_REST: usize = 1_280;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) -> Vec<(String, String)> {
        let mut record = Record::builder("subject", 64);
        record.header("ce_id", "1").value().extend_from_slice(value.as_bytes());
        let refused = encode(&record.finish().parts(), Reason::TooLargeForKafka, "cad.aps.data");

        let parts = refused.parts();
        assert_eq!(String::from_utf8_lossy(parts.value), expected);
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        parts
            .headers()
            .skip_while(|(name, _)| *name != "ce_reason")
            .skip(1)
            .map(|(name, value)| (name.to_owned(), text(value)))
            .collect()
    }

    #[test]
    fn a_refused_record_keeps_its_posted_bytes_and_says_why() {
        let value = r#"{"id":"7","provider":"aps","source":"plant","event":"dm.version.added","group":"data","receivedAt":"t","verified":"hmac","raw":{ "a" : 1 }}"#;
        let expected = r#"{"id":"7","source":"plant","provider":"aps","reason":"too_large_for_kafka","receivedAt":"t","raw":{ "a" : 1 }}"#;

        let headers = check(value, expected);
        let of_structured =
            check(&format!(r#"{{"specversion":"1.0","id":"7","data":{value}}}"#), expected);

        let common = [
            ("ce_verified", "hmac"),
            ("ce_event", "dm.version.added"),
            ("ce_eventgroup", "data"),
            ("ce_refusedby", "cad.aps.data"),
        ];
        assert_eq!(headers, common.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(of_structured, headers);
    }

    #[test]
    fn a_refused_record_keeps_the_white_space_around_the_posted_bytes() {
        check(
            "{\"id\":\"7\",\"source\":\"s\",\"raw\":\n {\"a\":1}\r\n}",
            "{\"id\":\"7\",\"source\":\"s\",\"provider\":\"\",\"reason\":\"too_large_for_kafka\",\
             \"receivedAt\":\"\",\"raw\":\n {\"a\":1}\r\n}",
        );
    }

    #[test]
    fn what_was_on_its_way_to_quarantine_keeps_its_bytes() {
        check(
            r#"{"id":"7","source":"s","provider":"aps","reason":"not_json","receivedAt":"t","rawBase64":"b2Rk"}"#,
            r#"{"id":"7","source":"s","provider":"aps","reason":"too_large_for_kafka","receivedAt":"t","rawBase64":"b2Rk"}"#,
        );
    }

    #[test]
    fn what_has_no_posted_bytes_is_kept_whole() {
        check(
            "odd",
            r#"{"id":"sha256:990cb8ebd0afb7150da453a213036a92f2c05e091df0d803e62d257ea7796c27","source":"","provider":"","reason":"too_large_for_kafka","receivedAt":"","rawBase64":"b2Rk"}"#,
        );
    }
}
