//! Deliveries of one fact have one id; different facts have different ones.

use crate::providers::given::{event, open_source, source};
use cadrelay::providers::notification::Headers;
use cadrelay::providers::source::Source;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A JSON value of some depth, with numbers that doubles hold.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-z\"\\\\\n\u{e9}\u{1f600}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    })
}

fn object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let key = "[a-zA-Z\u{e9}\u{1f600}\u{fb33}]{1,5}";
    proptest::collection::vec((key, values), 1..5).prop_map(|members| members.into_iter().collect())
}

/// The same value spelt in another way: other order of keys, white space, escapes and numbers.
fn respelt(value: &Value, choices: &mut impl Iterator<Item = u8>) -> String {
    let space = |choice: u8| [" ", "\n", "\t", ""][usize::from(choice % 4)];
    let mut next = || choices.next().unwrap_or(0);
    let inside = match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let places = usize::from(next()) % members.len().max(1);
            members.rotate_left(places);
            if next() % 2 == 0 {
                members.reverse();
            }
            let mut parts = Vec::new();
            for (key, value) in members {
                let key = respelt(&Value::from(key.as_str()), choices);
                parts.push(format!("{key}:{}", respelt(value, choices)));
            }
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| respelt(item, choices)).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(text) => {
            let mut escaped = String::new();
            for unit in text.encode_utf16() {
                escaped.push_str(&format!("\\u{unit:04X}"));
            }
            if next() % 2 == 0 { format!("\"{escaped}\"") } else { value.to_string() }
        }
        Value::Number(number) => match (next() % 4, number.is_f64()) {
            (0, _) => number.to_string(),
            (1, false) => format!("{number}.000"),
            (2, false) => format!("{number}00E-2"),
            (_, false) => format!("{number}e+0"),
            // The same digits: of a tie, two programs may print either of the nearest decimals.
            (_, true) => match number.to_string() {
                text if text.contains('e') => text.replace('e', "E"),
                text => format!("{text}0e-0"),
            },
        },
        Value::Null | Value::Bool(_) => value.to_string(),
    };
    let (before, after) = (choices.next().unwrap_or(0), choices.next().unwrap_or(0));
    format!("{}{inside}{}", space(before), space(after))
}

/// Changes one place in the value, however deep.
fn change(value: &mut Value, path: &mut impl Iterator<Item = u8>) {
    let step = usize::from(path.next().unwrap_or(0));
    let child = match value {
        Value::Object(members) if !members.is_empty() => {
            let at = step % members.len();
            members.values_mut().nth(at)
        }
        Value::Array(items) if !items.is_empty() => {
            let at = step % items.len();
            items.get_mut(at)
        }
        _ => None,
    };
    match child {
        Some(child) if step % 3 != 0 => change(child, path),
        Some(child) => *child = json!([child.clone()]),
        None => *value = json!([value.clone()]),
    }
}

fn id(source: &Source, body: &str, headers: &[(&str, &str)]) -> String {
    event(source, body.as_bytes(), headers).id.to_string()
}

fn onshape_body(fields: &Map<String, Value>, timestamp: &str) -> Value {
    let mut body = fields.clone();
    body.insert("event".into(), "onshape.model.lifecycle.changed".into());
    body.insert("timestamp".into(), timestamp.into());
    Value::from(body)
}

fn aps_body(payload: &Value, hook_status: &str) -> Value {
    json!({
        "version": "1.0",
        "resourceUrn": "urn:adsk.wipprod:fs.file:vf.AAAA?version=1",
        "hook": { "hookId": "h-1", "event": "dm.version.added", "system": "data",
            "status": hook_status },
        "payload": payload,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_repeat_that_is_spelt_otherwise_has_the_same_id(
        fields in object(json_value()),
        choices in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let onshape = open_source("onshape");
        let first = onshape_body(&fields, "2024-05-06T04:45:10.611+0000");
        let again = respelt(&onshape_body(&fields, "later"), &mut choices.iter().copied().cycle());
        prop_assert_eq!(id(onshape, &first.to_string(), &[]), id(onshape, &again, &[]));

        let aps = open_source("aps");
        let payload = Value::from(fields);
        let first = aps_body(&payload, "active");
        let again = respelt(&aps_body(&payload, "reactivated"), &mut choices.iter().copied().cycle());
        prop_assert_eq!(
            id(aps, &first.to_string(), &[("traceparent", "a")]),
            id(aps, &again, &[("traceparent", "b"), ("x-adsk-signature", "c")])
        );
    }

    #[test]
    fn headers_that_differ_between_deliveries_make_no_other_fact(
        mut fields in object(json_value()),
        values in proptest::collection::vec("[ -~]{0,30}", 8),
    ) {
        let headers: Vec<_> = Headers::KEPT.into_iter().zip(values.iter().map(String::as_str)).collect();
        let onshape = open_source("onshape");
        let body = onshape_body(&fields, "2024-05-06T04:45:10.611+0000").to_string();
        prop_assert_eq!(id(onshape, &body, &[]), id(onshape, &body, &headers));

        // With a time of its own, so that the delivery says nothing.
        fields.insert("modifiedTime".into(), "2024-11-02T16:57:18+0000".into());
        let aps = open_source("aps");
        let body = aps_body(&Value::from(fields), "active").to_string();
        prop_assert_eq!(id(aps, &body, &[]), id(aps, &body, &headers));
    }

    #[test]
    fn any_changed_field_makes_another_fact(
        fields in object(json_value()),
        path in proptest::collection::vec(any::<u8>(), 8),
    ) {
        let onshape = open_source("onshape");
        let mut changed = Value::from(fields.clone());
        change(&mut changed, &mut path.iter().copied());
        let Value::Object(changed_fields) = changed.clone() else { return Ok(()) };
        prop_assert_ne!(
            id(onshape, &onshape_body(&fields, "t").to_string(), &[]),
            id(onshape, &onshape_body(&changed_fields, "t").to_string(), &[])
        );

        let aps = open_source("aps");
        prop_assert_ne!(
            id(aps, &aps_body(&Value::from(fields), "active").to_string(), &[]),
            id(aps, &aps_body(&changed, "active").to_string(), &[])
        );
    }
}

#[test]
fn steps_of_processing_that_differ_in_custom_metadata_alone_are_so_many_facts() {
    let source = open_source("aps");
    let step = |state: &str| {
        let payload = json!({ "modifiedTime": "2024-11-02T16:57:18+0000", "version": "3",
            "custom-metadata": { "storm:process-state": state, "dm_sys_id": "d" } });
        id(source, &aps_body(&payload, "active").to_string(), &[])
    };

    let mut steps = ["NEEDS_PROCESSING", "PROCESSING", "EXTRACTION_PENDING", "PROCESSING_COMPLETE"]
        .map(step)
        .to_vec();
    assert_eq!(step("PROCESSING"), steps[1]);
    steps.sort();
    steps.dedup();
    assert_eq!(steps.len(), 4);
}

#[test]
fn a_hook_that_changed_between_two_attempts_makes_no_other_fact() {
    let source = open_source("aps");
    let body = |hook: Value| {
        let mut body = aps_body(&json!({ "updatedAt": "2025-04-20T12:03:35.399Z" }), "active");
        body["hook"].as_object_mut().unwrap().extend(hook.as_object().unwrap().clone());
        id(source, &body.to_string(), &[])
    };

    let first = body(json!({ "lastUpdatedDate": "2024-11-02T14:17:25.673+00:00" }));

    for again in [
        json!({ "lastUpdatedDate": "2024-11-03T14:17:25.673+00:00" }),
        json!({ "status": "reactivated", "autoReactivateHook": true, "hookExpiry": "soon" }),
        json!({ "hookAttribute": { "a": 1 }, "filter": "$", "createdBy": "b", "tenant": "t" }),
        json!({ "callbackUrl": "https://relay.example/?token=1", "urn": "u", "scope": {} }),
    ] {
        assert_eq!(body(again.clone()), first, "{again}");
    }
}

#[test]
fn onshape_is_recognised_by_its_message_id_alone() {
    let source = open_source("onshape");

    let first = id(source, r#"{"event":"webhook.ping","messageId":"m-1","timestamp":"a"}"#, &[]);
    let again = id(source, r#"{"messageId":"m-1","event":"webhook.ping","data":"b"}"#, &[]);

    assert_eq!((first.as_str(), again.as_str()), ("m-1", "m-1"));
}

#[test]
fn a_message_id_that_says_nothing_is_no_id() {
    let source = open_source("onshape");

    for missing in ["null", r#""""#, r#""000000000000000000000000""#, "7", r#""a\nb""#] {
        let of = |document: &str| {
            let body = format!(
                r#"{{"event":"webhook.ping","messageId":{missing},"documentId":"{document}"}}"#
            );
            id(source, &body, &[])
        };
        assert!(of("a").starts_with("sha256:"), "{missing}");
        assert_ne!(of("a"), of("b"), "{missing}");
    }
}

#[test]
fn the_hash_is_that_of_the_published_form() {
    let onshape = open_source("onshape");
    let aps = open_source("aps");

    // sha256 of {"documentId":"d","event":"webhook.ping","size":100}
    assert_eq!(
        id(onshape, r#"{"size":1e2,"timestamp":"x","event":"webhook.ping","documentId":"d"}"#, &[]),
        "sha256:95532275674147044bbb996810ae5b6274cd542a40f455850b1e7e1eeac36fbd"
    );
    // sha256 of {"event":"model.sync","hookId":"h","payload":{"a":1,"b":[]},"resourceUrn":"u","system":"s"}
    assert_eq!(
        id(
            aps,
            r#"{"hook":{"hookId":"h","system":"s","event":"model.sync","status":"active"},
                "payload":{"b":[],"a":1.0},"resourceUrn":"u","version":"1.0"}"#,
            &[],
        ),
        "sha256:87dc30bfeb6b648a8e993273db97ba0f89003b99a676d9384832b705f975e3bf"
    );
}

#[test]
fn each_part_of_an_aps_fact_counts() {
    let source = open_source("aps");
    let body = |hook: &str, rest: &str| format!(r#"{{"hook":{{{hook}}},{rest}}}"#);
    let hook = r#""hookId":"h","system":"data","event":"model.sync""#;
    let rest = r#""resourceUrn":"u","payload":{"a":1}"#;
    let id = |hook, rest| id(source, &body(hook, rest), &[]);

    let others = [
        id(r#""hookId":"i","system":"data","event":"model.sync""#, rest),
        id(r#""hookId":7,"system":"data","event":"model.sync""#, rest),
        id(r#""hookId":8,"system":"data","event":"model.sync""#, rest),
        id(r#""hookId":"h","system":"date","event":"model.sync""#, rest),
        id(r#""hookId":"h","system":5,"event":"model.sync""#, rest),
        id(r#""hookId":"h","system":"data","event":"model.publish""#, rest),
        id(hook, r#""resourceUrn":"v","payload":{"a":1}"#),
        id(hook, r#""resourceUrn":"u","payload":{"a":2}"#),
        id(hook, r#""resourceUrn":"u","payload":{"a":9007199254740993}"#),
        id(hook, r#""resourceUrn":"u","payload":{"a":9007199254740992}"#),
        id(hook, r#""resourceUrn":"u""#),
    ];

    let mut all = others.to_vec();
    all.push(id(hook, rest));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), others.len() + 1);
}

#[test]
fn a_delivery_tells_nothing_apart_where_the_source_says_so() {
    let settings =
        |rest: &str| source(&format!(r#"{{"name":"a","provider":"aps","proof":"none"{rest}}}"#));
    let body = br#"{"hook":{"hookId":"h","event":"model.sync"},"payload":{"state":"SYNC_START"}}"#;
    let ids = |source: &Source| {
        ["d-1", "d-2"].map(|delivery| event(source, body, &[("x-adsk-delivery-id", delivery)]).id)
    };

    let [one, other] = ids(&settings(""));
    assert_ne!(one, other);
    let [one, other] = ids(&settings(r#","delivery_id":false"#));
    assert_eq!(one, other);
}

#[test]
fn the_delivery_tells_facts_without_a_time_apart() {
    let source = open_source("aps");
    let body = |payload| {
        format!(r#"{{"hook":{{"hookId":"h","event":"item.update"}},"payload":{payload}}}"#)
    };
    let id = |payload, delivery| id(source, &body(payload), &[("x-adsk-delivery-id", delivery)]);

    let timeless = r#"{"ItemUrn":"u"}"#;
    assert_eq!(id(timeless, "d-1"), id(timeless, "d-1"));
    assert_ne!(id(timeless, "d-1"), id(timeless, "d-2"));
    for timed in [
        r#"{"modifiedTime":"2024-11-02T16:57:18+0000"}"#,
        r#"{"updatedAt":"2025-04-20T12:03:35.399Z"}"#,
        r#"{"TimeStamp":1513134729128}"#,
        r#"{"createdTime":"2024-11-02T16:57:18+0000","modifiedTime":"soon"}"#,
    ] {
        assert_eq!(id(timed, "d-1"), id(timed, "d-2"), "{timed}");
    }
}

#[test]
fn the_same_fact_of_another_hook_is_known_where_that_is_asked() {
    let asked = source(r#"{"name":"a","provider":"onshape","proof":"none","facts_window":"5s"}"#);
    let asked_of_aps =
        source(r#"{"name":"a","provider":"aps","proof":"none","facts_window":"5s"}"#);
    let onshape = |hook: &str, message: &str, document: &str| {
        format!(
            r#"{{"event":"webhook.ping","webhookId":"{hook}","messageId":"{message}",
                "timestamp":"{message}","documentId":"{document}"}}"#
        )
    };
    let aps = |hook: &str, urn: &str| {
        format!(r#"{{"hook":{{"hookId":"{hook}","event":"item.lock"}},"resourceUrn":"{urn}"}}"#)
    };
    let fact = |source: &Source, body: String| event(source, body.as_bytes(), &[]).fact;

    assert!(fact(&asked, onshape("h", "m", "d")).is_some());
    assert_eq!(fact(&asked, onshape("h", "m", "d")), fact(&asked, onshape("i", "n", "d")));
    assert_ne!(fact(&asked, onshape("h", "m", "d")), fact(&asked, onshape("i", "n", "e")));
    assert_eq!(fact(&asked_of_aps, aps("h", "u")), fact(&asked_of_aps, aps("i", "u")));
    assert_ne!(fact(&asked_of_aps, aps("h", "u")), fact(&asked_of_aps, aps("i", "v")));
    assert_eq!(fact(open_source("onshape"), onshape("h", "m", "d")), None);
}

#[test]
fn a_hook_by_pattern_and_one_by_name_tell_the_same_fact() {
    let source = source(r#"{"name":"a","provider":"aps","proof":"none","facts_window":"5s"}"#);
    let fact = |hook: &str, event: &str, operation: &str| {
        let body = json!({ "resourceUrn": "u",
            "hook": { "hookId": hook, "event": event, "system": "data" },
            "payload": { "context": { "operation": operation } } });
        event_of(&source, &body).fact
    };

    let named = fact("h", "dm.version.added", "PostVersionedFiles");

    assert!(named.is_some());
    assert_eq!(fact("i", "dm.*", "PostVersionedFiles"), named);
    assert_ne!(fact("i", "dm.*", "PatchSomething"), named);
}

fn event_of<'s>(source: &'s Source, body: &Value) -> cadrelay::event::Event<'s> {
    event(source, body.to_string().as_bytes(), &[])
}
