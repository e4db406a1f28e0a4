//! The meaning of bodies: every proven body is understood or kept whole.

use crate::providers::given::{event, kept, open_source, read, source};
use cadrelay::event::Event;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use cadrelay::event::raw::Raw;
use cadrelay::event::reason::Reason;
use cadrelay::event::time;
use cadrelay::providers::reading::Reading;
use cadrelay::providers::sample;
use proptest::prelude::*;
use serde_json::{Value, json};

#[track_caller]
fn check_quarantine(provider: &str, body: &[u8], expected: Reason) {
    // A source that proves by the URL, so that a body which is no JSON gets past the proof.
    let source =
        source(&format!(r#"{{"name":"q","provider":"{provider}","proof":{{"url_token":["t"]}}}}"#));
    let notification = cadrelay::providers::notification::Notification {
        query: "token=t",
        ..crate::providers::given::notification(body, &[])
    };
    let proven = source.prove(notification, crate::providers::given::now()).unwrap();
    match proven.read() {
        Reading::Quarantine { reason, raw, .. } => {
            assert_eq!(reason, expected);
            assert_eq!(raw.bytes(), body);
        }
        Reading::Event(event) => panic!("an event: {event:?}"),
    }
}

#[test]
fn what_is_not_understood_is_kept_whole_with_the_reason() {
    check_quarantine("onshape", b"", Reason::NotJson);
    check_quarantine("onshape", b"\xff\xfe", Reason::NotJson);
    check_quarantine("onshape", b"{\"event\":\"webhook.ping\"} trailing", Reason::NotJson);
    check_quarantine("onshape", b"[{\"event\":\"webhook.ping\"}]", Reason::NotAnObject);
    check_quarantine("onshape", b"\xef\xbb\xbf7", Reason::NotAnObject);
    check_quarantine("onshape", b"{}", Reason::NoEvent);
    check_quarantine("onshape", b"{\"event\":7}", Reason::NoEvent);
    check_quarantine("onshape", b"{\"event\":\"\"}", Reason::NoEvent);
    check_quarantine("aps", b"{\"payload\":{}}", Reason::NoHook);
    check_quarantine("aps", b"{\"hook\":null}", Reason::NoHook);
    check_quarantine("aps", b"{\"hook\":{\"hookId\":\"h\"}}", Reason::NoEvent);
    check_quarantine("aps", b"{\"specversion\":\"1.0\"}", Reason::NoEvent);
    let deep =
        format!("{{\"event\":\"webhook.ping\",\"x\":{}{}}}", "[".repeat(128), "]".repeat(128));
    check_quarantine("onshape", deep.as_bytes(), Reason::TooDeep);
}

#[test]
fn a_body_of_a_hundred_and_twenty_eight_levels_is_an_event() {
    let body =
        format!("{{\"event\":\"webhook.ping\",\"x\":{}{}}}", "[".repeat(127), "]".repeat(127));

    let event = event(open_source("onshape"), body.as_bytes(), &[]);

    assert_eq!(event.raw, Raw::Opaque(body.as_bytes()));
}

#[test]
fn a_body_without_its_hook_is_what_the_source_assumes() {
    let assuming = source(
        r#"{"name":"a","provider":"aps","proof":"none",
            "assume":{"system":"data","event":"dm.version.added"}}"#,
    );
    let payload = json!({ "lineageUrn": "urn:adsk.wipprod:dm.lineage:A", "project": "p",
        "modifiedTime": "2024-11-02T16:57:18+0000", "user_info": { "id": "U" } });
    let envelope =
        json!({ "version": "1.0", "resourceUrn": "urn:r?version=2", "payload": payload });

    // It is not documented what is left, so a hook that says nothing is none.
    let mut silent = envelope.clone();
    silent["hook"] = json!({ "hookAttribute": { "a": 1 } });
    for body in [&payload, &envelope, &silent] {
        let event = event(&assuming, body.to_string().as_bytes(), &[]);

        assert_eq!((&*event.name, event.group), ("dm.version.added", Group::Data));
        assert_eq!(event.subject.unwrap().as_str(), "urn:adsk.wipprod:dm.lineage:A");
        assert_eq!(event.occurred_at.map(time::to_text).unwrap(), "2024-11-02T16:57:18.000Z");
        assert_eq!(event.actor.as_deref(), Some("U"));
        assert_eq!(event.webhook_id, None);
    }
}

#[test]
fn an_assumption_is_not_asked_where_the_body_says_what_it_is() {
    let assuming = source(
        r#"{"name":"a","provider":"aps","proof":"none",
            "assume":{"system":"data","event":"dm.version.added"}}"#,
    );

    let named = event(&assuming, br#"{"hook":{"event":"model.sync","system":"adsk.c4r"}}"#, &[]);

    assert_eq!((&*named.name, named.group), ("model.sync", Group::C4r));
}

#[test]
fn an_item_that_an_event_is_about_as_a_whole_is_its_lineage() {
    let body = br#"{"hook":{"event":"model.sync","system":"adsk.c4r"},
        "resourceUrn":"urn:adsk.wipprod:dm.lineage:A","payload":{"state":"SYNC_START"}}"#;

    let event = event(open_source("aps"), body, &[]);

    let lineage = ("lineageUrn", "urn:adsk.wipprod:dm.lineage:A".into());
    assert!(event.resource.contains(&lineage), "{event:?}");
}

#[test]
fn the_subject_is_the_first_thing_that_is_named() {
    let onshape = |fields: &str| {
        let body = format!(r#"{{"event":"onshape.plm.job.created"{fields}}}"#);
        let event = event(open_source("onshape"), body.as_bytes(), &[]);
        (event.subject.map(|it| it.as_str().to_owned()), event.about)
    };
    let check = |fields: &str, subject: Option<&str>, about: Option<&str>| {
        assert_eq!(onshape(fields), (subject.map(Into::into), about.map(Into::into)), "{fields}");
    };

    check("", None, None);
    check(r#","webhookId":"h""#, Some("h"), Some("webhooks/h"));
    check(r#","webhookId":"h","jobId":"j""#, Some("j"), Some("jobs/j"));
    check(r#","clientId":"c","webhookId":"h""#, Some("c"), Some("clients/c"));
    check(r#","objectId":"o","clientId":"c""#, Some("o"), Some("workflows/o"));
    check(r#","objectId":"o","objectType":"TASK""#, Some("o"), Some("workflows/TASK/o"));
    check(r#","documentId":"d","objectId":"o""#, Some("d"), Some("documents/d"));
    check(r#","documentId":"d","versionId":"v""#, Some("d"), Some("documents/d/v/v"));
    check(
        r#","documentId":"d","versionId":"v","workspaceId":"w","elementId":"e""#,
        Some("d"),
        Some("documents/d/w/w/e/e"),
    );
}

#[test]
fn the_subject_of_aps_is_the_item_whatever_its_version() {
    let subject = |fields: &str| {
        let body = format!(r#"{{"hook":{{"event":"dm.version.added","hookId":"h"}}{fields}}}"#);
        event(open_source("aps"), body.as_bytes(), &[]).subject.unwrap().as_str().to_owned()
    };

    assert_eq!(subject(r#","resourceUrn":"u?version=3","payload":{"lineageUrn":"l"}"#), "l");
    assert_eq!(subject(r#","resourceUrn":"u?version=3","payload":{"project":"p"}"#), "u");
    assert_eq!(subject(r#","payload":{"project":"p"}"#), "p");
    assert_eq!(subject(""), "h");
}

#[test]
fn a_time_that_cannot_be_read_stays_as_text() {
    let timestamp = |provider, body: &str| {
        let event = event(open_source(provider), body.as_bytes(), &[]);
        assert_eq!(event.occurred_at, None);
        value_of(&event)["attributes"]["timestamp"].clone()
    };

    let onshape = timestamp("onshape", r#"{"event":"webhook.ping","timestamp":"noon"}"#);
    let aps = timestamp("aps", r#"{"hook":{"event":"e"},"payload":{"updatedAt":"noon"}}"#);
    let cloudevent =
        timestamp("aps", r#"{"specversion":"1.0","type":"t","time":"noon","timestamp":"x"}"#);

    assert_eq!([onshape, aps, cloudevent], [json!("noon"), json!("noon"), json!("noon")]);
}

/// The value of the event's record.
fn value_of(event: &Event) -> Value {
    let record = crate::providers::fixtures::record_of(event, Encoding::Binary);
    serde_json::from_slice(record.parts().value).unwrap()
}

#[test]
fn a_value_over_four_kibibytes_stays_in_the_body_alone() {
    let body = json!({ "event": "webhook.ping", "long": "x".repeat(4 << 10), "short": "y" });

    let value = value_of(&event(open_source("onshape"), body.to_string().as_bytes(), &[]));

    assert_eq!(value["attributes"], json!({ "short": "y" }));
    assert_eq!(value["raw"], body);
}

#[test]
fn a_record_is_never_much_larger_than_its_body() {
    let mut body = json!({ "event": "webhook.ping", "messageId": "m".repeat(100_000) });
    for at in 0..100_000 {
        body[format!("k{at}")] = json!(at);
    }
    let body = body.to_string();

    let event = event(open_source("onshape"), body.as_bytes(), &[]);

    let record = crate::providers::fixtures::record_of(&event, Encoding::Binary);
    assert!(event.id.as_str().starts_with("sha256:"));
    assert!(record.as_bytes().len() < body.len() + (1 << 19), "{}", record.as_bytes().len());
}

#[test]
fn both_encodings_say_the_same() {
    for provider in Provider::ALL {
        for fixture in crate::providers::fixtures::fixtures(provider) {
            let event = crate::providers::fixtures::event_of(provider, &fixture);
            let binary = crate::providers::fixtures::record_of(&event, Encoding::Binary);
            let structured = crate::providers::fixtures::record_of(&event, Encoding::Structured);

            let envelope: Value = serde_json::from_slice(structured.parts().value).unwrap();
            for (name, value) in binary.parts().headers() {
                let Some(attribute) = name.strip_prefix("ce_") else { continue };
                assert_eq!(envelope[attribute], json!(std::str::from_utf8(value).unwrap()));
            }
            let value: Value = serde_json::from_slice(binary.parts().value).unwrap();
            assert_eq!(envelope["data"], value);
            assert_eq!(structured.parts().key, binary.parts().key);
            let content_type = structured.parts().headers().next().unwrap();
            assert_eq!(
                content_type,
                ("content-type", &b"application/cloudevents+json; charset=UTF-8"[..])
            );
        }
    }
}

#[test]
fn the_body_is_in_the_record_byte_for_byte() {
    let body =
        "{ \"event\" : \"webhook.ping\",\t\"a\":1.50, \"a\":1e2,\"\\u0062\":\"\\u00e9\" }\r\n";

    let event = event(open_source("onshape"), format!("\u{feff}{body}").as_bytes(), &[]);

    let record = crate::providers::fixtures::record_of(&event, Encoding::Binary);
    let value = std::str::from_utf8(record.parts().value).unwrap();
    assert!(value.ends_with(&format!("\"raw\":{body}}}")), "{value}");
}

#[test]
fn a_hook_id_is_escaped_where_a_uri_needs_it() {
    let body = br#"{"event":"webhook.ping","webhookId":"a b/\u00e9"}"#;

    let record = crate::providers::fixtures::record_of(
        &event(open_source("onshape"), body, &[]),
        Encoding::Binary,
    );

    let (_, source) = record.parts().headers().find(|(name, _)| *name == "ce_source").unwrap();
    assert_eq!(source, b"/onshape/webhooks/a%20b%2F%C3%A9");
}

/// Something like a body: JSON of the right words, cut and spliced.
fn hostile_body() -> impl Strategy<Value = Vec<u8>> {
    let sample = (any::<bool>(), any::<u64>()).prop_map(|(is_onshape, seed)| {
        let now = crate::providers::given::now();
        if is_onshape {
            sample::body(Provider::Onshape, "onshape.revision.created", seed, now)
        } else {
            sample::body(Provider::Aps, "dm.version.added", seed, now)
        }
    });
    let words = "(\\{|\\}|\\[|\\]|\"|,|:|event|hook|payload|specversion|messageId|null|1e9|\\\\u[d][8-f]00|\u{1f600}| ){0,40}";
    let cut =
        (sample, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
            let at = at.index(body.len());
            body[at] = byte;
            body
        });
    let wrapped = words.prop_map(|words| {
        format!("{{\"event\":\"e\",\"hook\":{{\"event\":\"*\"}},\"x\":\"{words}\"}}")
    });
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        words.prop_map(String::into_bytes),
        wrapped.prop_map(String::into_bytes),
        cut,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_bytes_are_an_event_or_kept_whole(body in hostile_body()) {
        for provider in Provider::ALL {
            let source = source(&format!(
                r#"{{"name":"a","provider":"{provider}","proof":{{"url_token":["t"]}}}}"#
            ));
            let notification = cadrelay::providers::notification::Notification {
                query: "token=t",
                ..crate::providers::given::notification(&body, &[])
            };
            let proven = source.prove(notification, crate::providers::given::now()).unwrap();
            match proven.read() {
                Reading::Quarantine { raw, .. } => prop_assert_eq!(raw.bytes(), &body[..]),
                Reading::Event(event) => {
                    let record = crate::providers::fixtures::record_of(&event, Encoding::Binary);
                    prop_assert!(!record.parts().key.is_empty());
                    prop_assert!(!event.id.as_str().is_empty());
                    prop_assert!(Group::of(provider).contains(&event.group));
                }
            }
        }
    }
}

#[test]
fn a_quarantined_body_can_be_had_back() {
    use base64::Engine as _;
    use cadrelay::record::quarantine::{self, write};
    let source = open_source("aps");
    let encode = |raw: &[u8]| {
        let raw = Raw::new(raw, raw.starts_with(b"{\""));
        let id = quarantine::id(raw.bytes());
        let record = write::encode(Reason::NoHook, &id, raw, kept(Provider::Aps));
        assert_eq!(record.parts().key, b"acme");
        serde_json::from_slice::<Value>(record.parts().value).unwrap()
    };

    let of_json = encode(b"{\"a\": 1}");
    let of_bytes = encode(b"\xff{");

    assert_eq!(
        of_json,
        json!({ "id": "sha256:f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310", "source": "acme",
            "provider": "aps", "reason": "no_hook", "receivedAt": "2026-11-22T07:00:00.123Z",
            "raw": { "a": 1 } })
    );
    let base64 = of_bytes["rawBase64"].as_str().unwrap();
    assert_eq!(base64::engine::general_purpose::STANDARD.decode(base64).unwrap(), b"\xff{");
    assert!(matches!(read(source, b"{\"a\": 1}", &[]), Reading::Quarantine { .. }));
}
