//! The schemas in schemas/ describe the real records.
//!
//! `UPDATE_CONTRACT=1 cargo test --test it contract` writes the files anew.

use crate::providers::fixtures::{event_of, fixtures, record_of, shown};
use crate::providers::given::now;
use crate::providers::schemas::{
    asyncapi, gap_headers_schema, gap_schema, groups, headers_schema, quarantine_headers_schema,
    quarantine_schema, schema,
};
use cadrelay::event::encoding::Encoding;
use cadrelay::event::gap::{Gap, Why};
use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use cadrelay::event::raw::Raw;
use cadrelay::event::reason::Reason;
use cadrelay::record::gap;
use cadrelay::record::layout::Record;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Compares a file with what it should hold, or writes it.
#[track_caller]
pub fn check_file(path: &str, expected: &str) {
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        std::fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{path} is out of date: run this test with UPDATE_CONTRACT=1");
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

#[test]
fn the_schemas_are_those_of_the_code() {
    // The admin listener's own description is compared where a relay runs.
    let mut names: BTreeSet<_> =
        ["asyncapi.json", "gap.json", "openapi.json", "quarantine.json"].map(str::to_owned).into();
    for (provider, group) in groups() {
        let name = format!("{provider}.{group}.json");
        check_file(&format!("schemas/{name}"), &pretty(&schema(provider, group)));
        names.insert(name);
    }
    check_file("schemas/gap.json", &pretty(&gap_schema()));
    check_file("schemas/quarantine.json", &pretty(&quarantine_schema()));
    check_file("schemas/asyncapi.json", &pretty(&asyncapi()));

    let found: BTreeSet<_> = std::fs::read_dir("schemas")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, names);
}

#[test]
fn every_property_of_every_schema_is_described() {
    fn look(place: &str, schema: &Value, missing: &mut Vec<String>) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, property) in properties {
            let place = format!("{place}.{name}");
            if !property["description"].is_string() {
                missing.push(place.clone());
            }
            look(&place, property, missing);
        }
    }
    let mut missing = Vec::new();

    for (provider, group) in groups() {
        look(&format!("{provider}.{group}"), &schema(provider, group), &mut missing);
    }
    look("gap", &gap_schema(), &mut missing);
    look("gap headers", &gap_headers_schema(), &mut missing);
    look("headers", &headers_schema(), &mut missing);
    look("quarantine", &quarantine_schema(), &mut missing);
    look("quarantine headers", &quarantine_headers_schema(), &mut missing);

    assert_eq!(missing, Vec::<String>::new());
}

/// The schema without its openness: a field that it does not name is an error.
fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = json!(false);
    schema["properties"]["resource"]["additionalProperties"] = json!(false);
    schema
}

#[track_caller]
fn check_valid(schema: &Value, value: &Value, what: &Path) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}: {errors:?}", what.display());
}

fn headers_of(record: &Record) -> Value {
    let text = |value| std::str::from_utf8(value).unwrap().into();
    let headers = record.parts().headers().map(|(name, value)| (name.to_owned(), text(value)));
    Value::Object(headers.collect())
}

#[test]
fn every_record_is_as_its_schemas_say() {
    for provider in Provider::ALL {
        for fixture in fixtures(provider) {
            let event = event_of(provider, &fixture);
            let record = record_of(&event, Encoding::Binary);
            let parts = record.parts();
            let value: Value = serde_json::from_slice(parts.value).unwrap();

            check_valid(&closed(schema(provider, event.group)), &value, &fixture);
            check_valid(&closed(headers_schema()), &headers_of(&record), &fixture);
        }
    }
}

#[test]
fn a_record_that_breaks_the_promise_is_noticed() {
    let schema = closed(schema(Provider::Onshape, Group::Document));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fixture = Path::new("tests/fixtures/onshape/onshape.model.lifecycle.changed.json");
    let record = record_of(&event_of(Provider::Onshape, fixture), Encoding::Binary);
    let value: Value = serde_json::from_slice(record.parts().value).unwrap();
    assert!(validator.is_valid(&value));

    for (name, wrong) in [
        ("id", json!("")),
        ("actor", Value::Null),
        ("occurredAt", json!("2024-05-06T04:45:10Z")),
        ("group", json!("data")),
        ("resource", json!({ "docId": "x" })),
        ("attributes", json!({ "data": null })),
        ("verified", json!("yes")),
        ("surprise", json!(1)),
    ] {
        let mut broken = value.clone();
        broken[name] = wrong;
        assert!(!validator.is_valid(&broken), "{name}");
    }
}

#[test]
fn a_quarantined_body_is_as_its_schema_says() {
    use cadrelay::record::quarantine::{self, write};
    let schema = closed(quarantine_schema());
    let kept = crate::providers::given::kept(Provider::Onshape);
    for (reason, raw) in [(Reason::NoEvent, &b"{}"[..]), (Reason::NotJson, b"\xff")] {
        let body = Raw::new(raw, reason == Reason::NoEvent);
        let record = write::encode(reason, &quarantine::id(raw), body, kept);
        let value = serde_json::from_slice(record.parts().value).unwrap();

        check_valid(&schema, &value, Path::new(reason.as_str()));
        check_valid(
            &closed(quarantine_headers_schema()),
            &headers_of(&record),
            Path::new("headers"),
        );
    }
}

#[test]
fn an_event_that_kafka_refused_is_in_quarantine_as_its_schema_says() {
    use cadrelay::record::cloudevents;
    use cadrelay::record::quarantine::refused;
    let source = crate::providers::given::open_source("onshape");
    let body = br#"{"event":"onshape.comment.create","messageId":"66385c16bb00000000000002"}"#;
    let event = crate::providers::given::event(source, body, &[]);
    let context = cloudevents::Context {
        source: "acme",
        received_at: crate::providers::given::now(),
        traceparent: None,
        replay_of: None,
    };
    for encoding in [Encoding::Binary, Encoding::Structured] {
        let record = cloudevents::encode(&event, context, encoding);
        let record =
            refused::encode(&record.parts(), Reason::TooLargeForKafka, "cad.onshape.document");
        let value: Value = serde_json::from_slice(record.parts().value).unwrap();

        check_valid(&closed(quarantine_schema()), &value, Path::new("value"));
        check_valid(
            &closed(quarantine_headers_schema()),
            &headers_of(&record),
            Path::new("headers"),
        );
    }
}

/// A gap of each cause, with the record that tells it: with and without what may be absent.
fn gaps() -> Vec<(Gap, Record)> {
    let full = |provider, why| Gap {
        provider,
        source: "acme".into(),
        subscription: Some("acme docs".into()),
        from: now(),
        to: now() + std::time::Duration::from_secs(90),
        why,
        dropped: Some(3),
        scope: [("documentId".to_owned(), "0f9c4392e5934f30b48ab645".to_owned())].into(),
        tally: String::new(),
    };
    let bare =
        |gap: Gap| Gap { subscription: None, dropped: None, scope: Default::default(), ..gap };
    let all = Provider::ALL.into_iter().flat_map(|provider| {
        Why::ALL.into_iter().flat_map(move |why| {
            let gap = full(provider, why);
            [gap.clone(), bare(gap)]
        })
    });
    all.map(|gap| {
        let mut record = gap::encode(&gap, now(), Encoding::Binary);
        record.stamp(7);
        (gap, record)
    })
    .collect()
}

#[test]
fn a_gap_is_as_its_own_schema_and_that_of_its_topic_say() {
    for (gap, record) in gaps() {
        let what = format!("{}-{}", gap.provider, gap.why.as_str());
        let value: Value = serde_json::from_slice(record.parts().value).unwrap();
        let mut own = gap_schema();
        own["additionalProperties"] = json!(false);
        let mut headers = gap_headers_schema();
        headers["additionalProperties"] = json!(false);

        check_valid(&own, &value, Path::new(&what));
        check_valid(&headers, &headers_of(&record), Path::new(&what));
        // A consumer that knows nothing of gaps reads it by the schema of the topic.
        check_valid(&schema(gap.provider, gap::group(gap.provider)), &value, Path::new(&what));
    }
}

#[test]
fn a_gap_that_breaks_the_promise_is_noticed() {
    let validator = jsonschema::validator_for(&gap_schema()).unwrap();
    let (_, record) = gaps().remove(0);
    let value: Value = serde_json::from_slice(record.parts().value).unwrap();
    assert!(validator.is_valid(&value));

    for (pointer, wrong) in [
        ("/event", json!("onshape.model.lifecycle.changed")),
        ("/subject", json!("documents/1")),
        ("/verified", json!("hmac")),
        ("/raw", json!({ "messageId": "1" })),
        ("/attributes/why", json!("bad_luck")),
        ("/attributes/dropped", json!(0)),
        ("/attributes/from", json!("yesterday")),
        ("/attributes/scope", json!({})),
    ] {
        let mut broken = value.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&broken), "{pointer}");
    }
}

#[test]
fn a_gap_of_each_provider_becomes_its_record() {
    for (gap, record) in gaps() {
        if gap.why != Why::DroppedEvents || gap.subscription.is_none() {
            continue;
        }
        insta::with_settings!({
            snapshot_path => "../../fixtures/records/gap",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            let topic = format!("cad.{}.{}", gap.provider, gap::group(gap.provider));
            insta::assert_snapshot!(gap.provider.as_str(), shown(&topic, &record));
        });
    }
}
