//! The quarantined form of a record that Kafka refuses for good.
//!
//! It is made long after the request, from the record alone: source, provider, id and time are read
//! back from its headers, or from its value in structured mode, and the posted bytes from `raw`.

use crate::providers::source::Reason;
use crate::record::json::Members;
use crate::record::layout::{Parts, Record};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is needed of the value that was refused.
#[derive(Debug, Default, Deserialize)]
struct Refused<'a> {
    id: Option<String>,
    source: Option<String>,
    provider: Option<String>,
    #[serde(rename = "receivedAt")]
    received_at: Option<String>,
    #[serde(borrow)]
    raw: Option<&'a RawValue>,
}

/// In structured mode the value is inside.
#[derive(Debug, Deserialize)]
struct Structured<'a> {
    #[serde(borrow)]
    data: Refused<'a>,
}

/// Encodes `{id, source, provider, reason, receivedAt, raw | rawBase64}` with the source as key.
pub fn encode(parts: &Parts<'_>, reason: Reason) -> Record {
    let refused = read(parts.value);
    let source = refused.source.as_deref().unwrap_or_default();
    let key = if source.is_empty() { String::from_utf8_lossy(parts.key) } else { source.into() };
    let mut record = Record::builder(&key, parts.value.len() + EXPECTED_REST);
    record.header("content-type", "application/json");
    let mut value = Members::begin(record.value());
    value
        .text("id", refused.id.as_deref().unwrap_or_default())
        .text("source", source)
        .text("provider", refused.provider.as_deref().unwrap_or_default())
        .text("reason", reason.as_str())
        .text("receivedAt", refused.received_at.as_deref().unwrap_or_default());
    match refused.raw {
        Some(raw) => value.raw("raw", raw.get().as_bytes()),
        // A value of ours always has `raw`; whatever this is, not a byte of it is lost.
        None => value.text("rawBase64", &BASE64.encode(parts.value)),
    };
    value.end();
    record.finish()
}

fn read(value: &[u8]) -> Refused<'_> {
    let structured = serde_json::from_slice::<Structured<'_>>(value).map(|outer| outer.data);
    structured.or_else(|_| serde_json::from_slice(value)).unwrap_or_default()
}

/// Names, id, reason and time.
const EXPECTED_REST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut record = Record::builder("subject", 64);
        record.header("ce_id", "1").value().extend_from_slice(value.as_bytes());
        let refused = encode(&record.finish().parts(), Reason::TooLargeForKafka);

        assert_eq!(String::from_utf8_lossy(refused.parts().value), expected);
    }

    #[test]
    fn a_refused_record_keeps_its_posted_bytes_and_says_why() {
        let value =
            r#"{"id":"7","provider":"aps","source":"plant","receivedAt":"t","raw":{ "a" : 1 }}"#;
        let expected = r#"{"id":"7","source":"plant","provider":"aps","reason":"too_large_for_kafka","receivedAt":"t","raw":{ "a" : 1 }}"#;

        check(value, expected);
        check(&format!(r#"{{"specversion":"1.0","id":"7","data":{value}}}"#), expected);
    }

    #[test]
    fn what_has_no_posted_bytes_is_kept_whole() {
        check(
            "odd",
            r#"{"id":"","source":"","provider":"","reason":"too_large_for_kafka","receivedAt":"","rawBase64":"b2Rk"}"#,
        );
    }
}
