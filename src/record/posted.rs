//! Reads the posted body back from a record of any topic.

use crate::record::members::{as_written, present};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The notification behind a published record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Published {
    /// The event's id.
    pub id: String,
    /// The source that it was posted to.
    pub source: String,
    /// The sender's name of the event.
    pub event: String,
    /// The proofs that held for the sender.
    pub verified: String,
    /// The time at which it was received.
    pub received_at: Timestamp,
    /// The body as it was posted.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    id: Option<String>,
    source: Option<String>,
    event: Option<String>,
    verified: Option<String>,
    received_at: Option<Timestamp>,
    #[serde(borrow, default, deserialize_with = "present")]
    raw: Option<&'a RawValue>,
    raw_base64: Option<String>,
    /// The value of a record in structured mode.
    #[serde(borrow, default)]
    data: Option<Box<Value<'a>>>,
}

/// Reads the body from a record's value.
pub fn body_of_value(value: &[u8]) -> Option<Vec<u8>> {
    body(data(value)?, value)
}

/// Reads the value of an event's record. `None` if the relay did not write it.
pub fn published(value: &[u8]) -> Option<Published> {
    let mut read = data(value)?;
    Some(Published {
        id: read.id.take()?,
        source: read.source.take()?,
        event: read.event.take()?,
        verified: read.verified.take()?,
        received_at: read.received_at?,
        body: body(read, value)?,
    })
}

/// Reads the event's own value; in structured mode it lies inside the CloudEvent.
fn data(value: &[u8]) -> Option<Value<'_>> {
    let mut read: Value<'_> = serde_json::from_slice(value).ok()?;
    match read.data.take() {
        Some(data) => Some(*data),
        None => Some(read),
    }
}

fn body(read: Value<'_>, value: &[u8]) -> Option<Vec<u8>> {
    match (read.raw, read.raw_base64) {
        (Some(raw), _) => Some(as_written(raw, value).to_vec()),
        (None, Some(text)) => BASE64.decode(text).ok(),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_says_is_read_in_both_encodings_and_a_part_that_is_missing_is_noticed() {
        let whole = r#"{"id":"1","source":"acme","event":"e","receivedAt":"1970-01-01T00:00:00.000Z","verified":"hmac","raw":{ }}"#;
        let structured =
            format!(r#"{{"specversion":"1.0","id":"1","source":"/x","data":{whole}}}"#);

        let read = published(whole.as_bytes());

        assert_eq!(read.as_ref().map(|it| (it.id.as_str(), &*it.body)), Some(("1", &b"{ }"[..])));
        assert_eq!(published(structured.as_bytes()), read);
        for part in ["id", "source", "event", "receivedAt", "verified", "raw"] {
            let without = whole.replacen(&format!("\"{part}\""), "\"other\"", 1);
            assert_eq!(published(without.as_bytes()), None, "{part}");
        }
    }

    #[test]
    fn a_body_is_had_back_as_it_was_posted() {
        for (value, body) in [
            (r#"{"id":"1","raw":{ "a" : 1.0 }}"#, Some(r#"{ "a" : 1.0 }"#)),
            (r#"{"id":"1","raw":null}"#, Some("null")),
            (r#"{"id":"1","rawBase64":"AAE="}"#, Some("\0\u{1}")),
            (r#"{"specversion":"1.0","data":{"raw":[1,2]}}"#, Some("[1,2]")),
            (r#"{"id":"1"}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(
                body_of_value(value.as_bytes()),
                body.map(|it| it.as_bytes().to_vec()),
                "{value}"
            );
        }
    }
}
