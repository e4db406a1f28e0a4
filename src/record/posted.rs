//! The posted body, had back from a record of any topic.

use crate::record::layout::Parts;
use crate::record::members::{as_written, present};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    raw: Option<&'a RawValue>,
    #[serde(rename = "rawBase64")]
    raw_base64: Option<String>,
    /// The value of a record in structured mode.
    #[serde(borrow, default)]
    data: Option<Box<Value<'a>>>,
}

/// The body that an encoded record was made of. `None` if it is not a record of ours.
pub fn posted_body(record: &[u8]) -> Option<Vec<u8>> {
    body_of_value(Parts::read(record).ok()?.value)
}

/// The body in a record's value, as a consumer gets it.
pub fn body_of_value(value: &[u8]) -> Option<Vec<u8>> {
    let read: Value<'_> = serde_json::from_slice(value).ok()?;
    let read = match read.data {
        Some(data) => *data,
        None => read,
    };
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
