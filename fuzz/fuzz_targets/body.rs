//! Any proven body is an event with a whole record, or kept whole; reading it twice says the same.

#![no_main]

use bytes::Bytes;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::group::Group;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::reading::Reading;
use cadrelay::providers::settings::Settings;
use cadrelay::providers::source::{Proven, Source};
use cadrelay::record::cloudevents::{Context, encode};
use cadrelay::record::quarantine;
use cadrelay::record::quarantine::read::Quarantined;
use cadrelay::record::quarantine::write::{self, Kept};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;
use std::time::Duration;

static SOURCES: LazyLock<[Source; 3]> = LazyLock::new(|| {
    [
        r#"{"name":"o","provider":"onshape","proof":{"url_token":"t"},"facts_window":"5s"}"#,
        r#"{"name":"a","provider":"aps","proof":{"url_token":"t"},"facts_window":"5s"}"#,
        r#"{"name":"p","provider":"aps","proof":{"url_token":"t"},
            "assume":{"system":"data","event":"dm.*"}}"#,
    ]
    .map(|settings| {
        let settings: Settings = serde_json::from_str(settings).unwrap();
        Source::new(&settings, Duration::from_secs(60)).unwrap()
    })
});

fn prove<'s>(source: &'s Source, body: &[u8]) -> Proven<'s> {
    let notification = Notification {
        body: Bytes::copy_from_slice(body),
        headers: Headers::new([("x-adsk-delivery-id", "d")].into_iter()),
        query: "token=t",
    };
    source.prove(notification, Timestamp::UNIX_EPOCH).unwrap()
}

fuzz_target!(|body: &[u8]| {
    for source in SOURCES.iter() {
        let proven = prove(source, body);
        match proven.read() {
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
                let found = Quarantined::read(&headers.collect(), parts.value).unwrap();
                assert_eq!(found.raw, body);
            }
            Reading::Event(event) => {
                assert!(Group::of(source.provider()).contains(&event.group));
                let proven = prove(source, body);
                let Reading::Event(again) = proven.read() else { panic!("read otherwise") };
                assert_eq!(event.id, again.id);
                for encoding in [Encoding::Binary, Encoding::Structured] {
                    let context = Context {
                        source: source.name(),
                        received_at: Timestamp::UNIX_EPOCH,
                        traceparent: None,
                        replay_of: None,
                    };
                    let mut record = encode(&event, context, encoding);
                    record.stamp(u64::MAX);
                    let parts = record.parts();
                    assert!(!parts.key.is_empty());
                    assert!(record.as_bytes().len() < body.len() + (1 << 19));
                    serde_json::from_slice::<Value>(parts.value).unwrap();
                }
            }
        }
    }
});
