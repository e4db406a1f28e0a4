//! Whatever a sender posts, a strict reader takes every record whole.

use crate::providers::fixtures::record_of;
use crate::providers::given::{event, kept, notification, now, open_source, source};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::provider::Provider;
use cadrelay::providers::reading::Reading;
use cadrelay::providers::source::Source;
use cadrelay::record::layout::Record;
use cadrelay::record::quarantine::{self, write};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// A reader of I-JSON (RFC 7493): serde_json, which takes no half pairs of surrogates, no infinite
/// numbers and nothing deeper than 127, and besides no code point that is no character. A key that
/// the sender posted twice is in `raw` twice.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

fn check_text<E: serde::de::Error>(text: &str) -> Result<(), E> {
    let is_no_character = |c: char| {
        let code = u32::from(c);
        (0xfdd0..=0xfdef).contains(&code) || code % 0x1_0000 >= 0xfffe
    };
    if text.contains(is_no_character) { Err(E::custom("no character")) } else { Ok(()) }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("I-JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self, E> {
        if number.is_finite() { Ok(self) } else { Err(E::custom("infinite")) }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self, E> {
        check_text(text).map(|()| self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while let Some((key, _)) = members.next_entry::<String, Self>()? {
            check_text::<A::Error>(&key)?;
        }
        Ok(self)
    }
}

/// Reads a record as a strict reader does: its value, and its CloudEvents attributes.
#[track_caller]
fn assert_strict(record: &Record, posted: &[u8]) {
    let parts = record.parts();
    if let Err(error) = serde_json::from_slice::<Strict>(parts.value) {
        panic!("{error}: {}", String::from_utf8_lossy(parts.value));
    }
    let value: Value = serde_json::from_slice(parts.value).unwrap();
    let data = value.get("data").filter(|_| value.get("specversion").is_some()).unwrap_or(&value);
    if let Some(text) = data.get("rawBase64") {
        let kept = BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap();
        assert_eq!(kept, posted.strip_prefix(b"\xef\xbb\xbf").unwrap_or(posted));
        assert!(data.get("raw").is_none());
    } else {
        assert!(data.get("raw").is_some());
    }
    for (name, text) in parts.headers() {
        let text = std::str::from_utf8(text).unwrap();
        check_text::<serde_json::Error>(text).unwrap();
        assert!(!text.is_empty() && !text.contains(char::is_control), "{name}: {text:?}");
    }
}

#[track_caller]
fn check(source: &Source, body: &[u8]) {
    let sent = cadrelay::providers::notification::Notification {
        query: "token=t",
        ..notification(body, &[])
    };
    let proven = source.prove(sent, now()).unwrap();
    match proven.read() {
        Reading::Event(event) => {
            let names: BTreeSet<_> = event.attributes.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), event.attributes.len(), "an attribute twice");
            for encoding in [Encoding::Binary, Encoding::Structured] {
                assert_strict(&record_of(&event, encoding), body);
            }
        }
        Reading::Quarantine { reason, raw, .. } => {
            let id = quarantine::id(raw.bytes());
            let record = write::encode(reason, &id, raw, kept(source.provider()));
            assert!(record.parts().headers().any(|header| header == ("ce_specversion", b"1.0")));
            assert_eq!(raw.bytes(), body);
            let value: Value = serde_json::from_slice(record.parts().value).unwrap();
            assert!(serde_json::from_slice::<Strict>(record.parts().value).is_ok(), "{value}");
        }
    }
}

/// Pieces that parsers disagree about, beside those that they do not.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,4}".prop_map(|text| format!("\"{text}\"")),
        "-?[1-9][0-9]{0,25}(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,5})?",
        prop::sample::select(vec![
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            r#""\ud83d\ude00""#,
            r#""\uffff""#,
            r#""\u0000\u009f""#,
            "\"\u{fdd0}\"",
            "\"\u{1f600}\"",
            "1e999",
            "-1e400",
            "1e-999",
            "0e99999999999999999999",
            "null",
            "true",
            r#""0000-01-01T00:00:00Z""#,
            r#""+010000-01-01T00:00:00Z""#,
            "253402300800000",
            "-62135596800001",
            r#""webhook.ping""#,
            r#""dm.*""#,
        ])
        .prop_map(str::to_owned),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "event",
        "messageId",
        "timestamp",
        "webhookId",
        "documentId",
        "data",
        "userId",
        "x",
        "y",
        r"\u0078",
        r"\ud800",
        r"\ufffe",
        "hook",
        "payload",
        "system",
        "hookId",
        "hookAttribute",
        "resourceUrn",
        "modifiedTime",
        "TimeStamp",
        "specversion",
        "type",
        "time",
        "id",
        "subject",
        "translationId",
        "translationRequestId",
        "identityId",
        "objectType",
        "objectId",
    ])
    .prop_map(str::to_owned)
}

fn json() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key(), inner), 0..7).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        json(),
        (prop::collection::vec((key(), json()), 0..8), any::<bool>()).prop_map(
            |(members, mark)| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
                let mark = if mark { "\u{feff}" } else { "" };
                format!(
                    "{mark}{{\"event\":\"e\",\"hook\":{{\"event\":\"e\"}}{}}}",
                    members.join("")
                )
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn a_strict_reader_takes_the_record_of_any_body_whole(body in body()) {
        for provider in Provider::ALL {
            let source = source(&format!(
                r#"{{"name":"a","provider":"{provider}","proof":{{"url_token":["t"]}}}}"#
            ));
            check(&source, body.as_bytes());
        }
    }
}

#[test]
fn a_body_as_deep_as_is_understood_is_read_by_readers_that_go_less_deep() {
    let source = open_source("onshape");
    for depth in [1, 100, 123, 124, 125, 126, 127] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(source, format!(r#"{{"event":"e","x":{nested}}}"#).as_bytes());
    }
}

#[test]
fn what_a_strict_reader_does_not_take_is_in_the_body_alone() {
    let event = |extra: &str| {
        event(open_source("onshape"), format!(r#"{{"event":"e",{extra}}}"#).as_bytes(), &[])
    };
    let names = |extra: &str| -> Vec<_> {
        event(extra).attributes.into_iter().map(|(name, _)| name).collect()
    };

    assert_eq!(names(r#""a":"\ud800","b":1"#), ["b"]);
    assert_eq!(names(r#""a":{"deep":[1e999]},"b":1"#), ["b"]);
    assert_eq!(names(r#""\ud800":1,"b":1"#), ["b"]);
    assert_eq!(names(r#""timestamp":"0000-12-31T23:59:59Z","b":1"#), ["b"]);
    assert_eq!(names(r#""timestamp":"+010000-01-01T00:00:00Z","b":1"#), ["b"]);
    assert_eq!(names(r#""timestamp":"soon","b":1"#), ["timestamp", "b"]);
    let large = |bytes: usize| names(&format!(r#""a":"{}","b":1"#, "x".repeat(bytes - 2)));
    assert_eq!(large(4_096), ["a", "b"]);
    assert_eq!(large(4_097), ["b"]);
}

#[test]
fn only_a_valid_traceparent_is_passed_on() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    assert_eq!(notification(b"{}", &[("traceparent", trace)]).traceparent(), Some(trace));
    for odd in ["", "00", &"x".repeat(60_000), &trace.to_uppercase(), &trace.replace('b', "g")] {
        assert_eq!(notification(b"{}", &[("traceparent", odd)]).traceparent(), None);
    }
}
