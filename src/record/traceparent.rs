//! The trace of a record's notification.

use crate::record::layout::Headers;
use memchr::memmem;

/// Returns the `traceparent` of a record with these headers and this value, in either encoding.
pub fn of<'a>(headers: Headers<'a>, value: &'a [u8]) -> Option<&'a str> {
    let mut first = None;
    for (name, text) in headers {
        if name == "ce_traceparent" {
            return std::str::from_utf8(text).ok();
        }
        first.get_or_insert(text);
    }
    // A structured record names its content type in its first header.
    let is_structured = first.is_some_and(|text| text.starts_with(b"application/cloudevents"));
    is_structured.then(|| in_envelope(value)).flatten()
}

/// Finds the member in a structured record. Quotes inside a text are escaped, so the first match is
/// the member.
fn in_envelope(value: &[u8]) -> Option<&str> {
    let envelope = &value[..memmem::find(value, DATA)?];
    let at = memmem::find(envelope, MEMBER)? + MEMBER.len();
    let text = &envelope[at..];
    std::str::from_utf8(&text[..memchr::memchr(b'"', text)?]).ok()
}

const MEMBER: &[u8] = b"\"traceparent\":\"";
const DATA: &[u8] = b",\"data\":";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::encoding::Encoding;
    use crate::providers::notification::{self, Notification};
    use crate::providers::reading::Reading;
    use crate::providers::source::Source;
    use crate::record::cloudevents::{Context, encode};
    use jiff::Timestamp;
    use std::time::Duration;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn it_is_found_in_both_encodings_and_not_in_what_a_sender_wrote() {
        // Both the subject and the data hold what looks like the member.
        let body = r#"{"event":"onshape.model.lifecycle.changed","messageId":"m",
            "documentId":"\",\"data\":\"traceparent\":\"no","traceparent":"no"}"#;
        let settings = r#"{"name":"s","provider":"onshape","proof":"none"}"#;
        let settings = serde_json::from_str(settings).unwrap();
        let source = Source::new(&settings, Duration::from_secs(60)).unwrap();
        let headers = notification::Headers::new([].into_iter());
        let notification = Notification { body: body.as_bytes().into(), headers, query: "" };
        let now = Timestamp::now();
        let proven = source.prove(notification, now).unwrap();
        let Reading::Event(event) = proven.read() else { panic!("an event") };

        for encoding in [Encoding::Binary, Encoding::Structured] {
            for traceparent in [Some(TRACE), None] {
                let context =
                    Context { source: "s", received_at: now, traceparent, replay_of: None };
                let record = encode(&event, context, encoding);

                let parts = record.parts();

                assert_eq!(of(parts.headers(), parts.value), traceparent, "{encoding:?}");
            }
        }
    }
}
