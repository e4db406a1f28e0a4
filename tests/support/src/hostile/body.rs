//! A proven body.

use crate::hostile::source;
use bytes::Bytes;
use cadrelay::event::Event;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::group::Group;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::reading::Reading;
use cadrelay::providers::source::{Proven, Source};
use cadrelay::record::cloudevents::{Context, encode};
use cadrelay::record::quarantine;
use cadrelay::record::quarantine::read::Quarantined;
use cadrelay::record::quarantine::write::{self, Kept};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::LazyLock;

static SOURCES: LazyLock<[Source; 3]> = LazyLock::new(|| {
    [
        r#"{"name":"o","provider":"onshape","proof":{"url_token":"t"},"facts_window":"5s"}"#,
        r#"{"name":"a","provider":"aps","proof":{"url_token":"t"},"facts_window":"5s"}"#,
        r#"{"name":"p","provider":"aps","proof":{"url_token":"t"},
            "assume":{"system":"data","event":"dm.*"}}"#,
    ]
    .map(source)
});

/// Any proven body becomes an event with a sound record, or is quarantined whole. A second reading
/// gives the same event.
pub fn check(body: &[u8]) {
    for source in SOURCES.iter() {
        match prove(source, body).read() {
            Reading::Quarantine { id, reason, raw, verified, delivery_id } => {
                assert_eq!(raw.bytes(), body);
                assert_eq!(id, quarantine::id(body));
                let kept = Kept {
                    source: source.name(),
                    provider: source.provider(),
                    received_at: Timestamp::UNIX_EPOCH,
                    verified,
                    delivery_id,
                    traceparent: None,
                };
                let record = write::encode(reason, &quarantine::id(body), raw, kept);
                let parts = record.parts();
                let text = |value| String::from_utf8_lossy(value).into_owned();
                let headers = parts.headers().map(|(name, value)| (name.to_owned(), text(value)));
                let found = Quarantined::read(&headers.collect(), parts.value)
                    .expect("a quarantined record is read back");
                assert_eq!(found.raw, body);
            }
            Reading::Event(event) => {
                assert!(Group::of(source.provider()).contains(&event.group));
                let proven = prove(source, body);
                let Reading::Event(again) = proven.read() else { panic!("read otherwise") };
                assert_eq!(event.id, again.id);
                for encoding in [Encoding::Binary, Encoding::Structured] {
                    check_record(source, &event, encoding, body);
                }
            }
        }
    }
}

fn prove<'s>(source: &'s Source, body: &[u8]) -> Proven<'s> {
    let notification = Notification {
        body: Bytes::copy_from_slice(body),
        headers: Headers::new([("x-adsk-delivery-id", "d")].into_iter()),
        query: "token=t",
    };
    source.prove(notification, Timestamp::UNIX_EPOCH).expect("the token is right")
}

fn check_record(source: &Source, event: &Event<'_>, encoding: Encoding, body: &[u8]) {
    let context = Context {
        source: source.name(),
        received_at: Timestamp::UNIX_EPOCH,
        traceparent: None,
        replay_of: None,
    };
    let mut record = encode(event, context, encoding);
    record.stamp(u64::MAX);
    let parts = record.parts();
    assert!(!parts.key.is_empty());
    assert!(record.as_bytes().len() < body.len() + MOST_ADDED);
    serde_json::from_slice::<Value>(parts.value).expect("the value is JSON");
}

/// The most that a record adds to a body: values of up to 4 KiB are repeated in `attributes`.
const MOST_ADDED: usize = 1 << 19;
