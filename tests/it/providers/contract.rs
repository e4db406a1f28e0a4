//! What consumers are promised, in schemas/, is what records hold.
//!
//! `UPDATE_CONTRACT=1 cargo test --test providers` writes the files anew.

use crate::providers::fixtures::{event_of, fixtures, record_of};
use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use cadrelay::event::raw::Raw;
use cadrelay::event::reason::Reason;
use cadrelay::providers::catalog;
use cadrelay::providers::{aps, onshape};
use cadrelay::record::cloudevents::Encoding;
use cadrelay::record::layout::Record;
use serde_json::{Map, Value, json};
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

fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

fn base64(description: &str) -> Value {
    json!({ "type": "string", "contentEncoding": "base64", "description": description })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        "description": description })
}

/// The schema of a value, for one group.
fn schema(provider: Provider, group: Group) -> Value {
    let (resources, hook): (&[&str], _) = match provider {
        Provider::Onshape => (&onshape::payload::RESOURCES, "webhookId"),
        Provider::Aps => (&aps::payload::RESOURCES, "hookId"),
    };
    let resources: Map<String, Value> = resources
        .iter()
        .map(|name| ((*name).to_owned(), text("As the sender writes it.")))
        .collect();
    let examples: Vec<_> = catalog::entries(provider)
        .iter()
        .filter(|entry| entry.group == group)
        .map(|entry| entry.event)
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:cadrelay:schema:{provider}.{group}"),
        "title": format!("{provider}.{group}"),
        "description": "The value of a record. Fields that the sender did not fill are absent, never \
            null; fields may be added.",
        "type": "object",
        "required": ["id", "provider", "source", "event", "group", "receivedAt", "verified"],
        "properties": {
            "id": text("The same for every delivery of this event by this hook: the sender's message \
                id, or `sha256:` and the hash of its content."),
            "provider": { "const": provider.as_str() },
            "source": text("The relay's inlet that took it: a tenant."),
            "event": { "type": "string", "minLength": 1, "examples": examples,
                "description": "The sender's own name of what happened. Senders add new ones." },
            "group": { "const": group.as_str() },
            "occurredAt": time("When it happened, by the sender's clock."),
            "receivedAt": time("When the relay took it."),
            "webhookId": text(&format!("The registration that caused it: the sender's {hook}.")),
            "subject": text("What it is about, as a path or URN."),
            "resource": { "type": "object", "minProperties": 1, "properties": resources,
                "description": "The ids of the things involved.",
                "additionalProperties": { "type": "string" } },
            "actor": { "type": "object", "required": ["userId"],
                "properties": { "userId": text("Who did it.") } },
            "attributes": { "type": "object", "minProperties": 1,
                "additionalProperties": { "not": { "type": "null" } },
                "description": "Other fields of the sender, as posted. Values over 4 KiB are in `raw` \
                    alone." },
            "verified": { "type": "string", "pattern": "^(none|(hmac|basic|url_token|data_token)\
                (\\+(hmac|basic|url_token|data_token))*)$",
                "description": "What was proven about the sender, joined by `+`." },
            "raw": { "type": "object", "description": "The body as posted, byte for byte." },
            "rawBase64": base64("The same bytes, where a strict JSON parser would not read them."),
        },
        "oneOf": [{ "required": ["raw"] }, { "required": ["rawBase64"] }],
    })
}

fn quarantine_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cadrelay:schema:quarantine",
        "title": "quarantine",
        "description": "An authentic body that was not understood, or that Kafka refused for good.",
        "type": "object",
        "required": ["id", "source", "provider", "reason", "receivedAt"],
        "properties": {
            "id": text("`sha256:` and the hash of the body; of an event that Kafka refused, its id."),
            "source": text("The relay's inlet that took it."),
            "provider": { "enum": Provider::ALL.map(Provider::as_str) },
            "reason": { "enum": Reason::ALL.map(Reason::as_str) },
            "receivedAt": time("When the relay took it."),
            "raw": { "description": "The body as posted, byte for byte." },
            "rawBase64": base64("The same bytes, where a strict JSON parser would not read them."),
        },
        "oneOf": [{ "required": ["raw"] }, { "required": ["rawBase64"] }],
    })
}

/// What the headers of a record in quarantine hold.
fn quarantine_headers_schema() -> Value {
    json!({
        "type": "object",
        "required": [
            "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_reason",
        ],
        "properties": {
            "content-type": { "const": "application/json" },
            "ce_specversion": { "const": "1.0" },
            "ce_id": text("As `id` in the value."),
            "ce_source": { "type": "string", "pattern": "^/cadrelay/sources/[^/]*$",
                "description": "The relay's inlet that took it." },
            "ce_type": { "const": "com.cadrelay.quarantined" },
            "ce_provider": { "enum": Provider::ALL.map(Provider::as_str) },
            "ce_relaysource": text("As `source` in the value."),
            "ce_receivedtime": time("As `receivedAt` in the value."),
            "ce_reason": { "enum": Reason::ALL.map(Reason::as_str),
                "description": "As `reason` in the value." },
            "ce_verified": text("What was proven of the sender, as in events."),
            "ce_deliveryid": text("APS: the id of the delivery, `x-adsk-delivery-id`."),
            "ce_traceparent": text("The request's traceparent."),
            "ce_event": text("What Kafka refused: the event."),
            "ce_eventgroup": text("What Kafka refused: the event's group."),
            "ce_refusedby": text("The topic that refused it."),
        },
    })
}

/// What the headers of a record hold in binary mode.
fn headers_schema() -> Value {
    let required = [
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_provider",
        "ce_eventgroup",
        "ce_relaysource",
        "ce_receivedtime",
        "ce_sequence",
        "ce_verified",
    ];
    json!({
        "type": "object",
        "required": required,
        "properties": {
            "content-type": { "const": "application/json" },
            "ce_specversion": { "const": "1.0" },
            "ce_id": text("As `id` in the value."),
            "ce_source": { "type": "string", "pattern": "^/(onshape/webhooks|aps/hooks)(/[^/]+)?$" },
            "ce_type": { "type": "string", "pattern": "^com\\.(onshape|autodesk\\.aps)\\..+$" },
            "ce_subject": text("As `subject` in the value."),
            "ce_time": time("As `occurredAt` in the value."),
            "ce_provider": { "enum": Provider::ALL.map(Provider::as_str) },
            "ce_eventgroup": text("As `group` in the value."),
            "ce_relaysource": text("As `source` in the value."),
            "ce_receivedtime": time("As `receivedAt` in the value."),
            "ce_sequence": { "type": "string", "pattern": "^[0-9]{20}$",
                "description": "Grows with each record of one relay instance." },
            "ce_verified": text("As `verified` in the value."),
            "ce_traceparent": text("W3C trace context of the sender's request."),
        },
    })
}

/// Each group of each provider.
pub fn groups() -> impl Iterator<Item = (Provider, Group)> {
    Provider::ALL
        .into_iter()
        .flat_map(|provider| Group::of(provider).iter().map(move |group| (provider, *group)))
}

fn asyncapi() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut add = |name: String, key: &str, headers: Value| {
        messages.insert(
            name.clone(),
            json!({
                "name": name,
                "contentType": "application/json",
                "headers": headers,
                "payload": { "$ref": format!("./{name}.json") },
                "bindings": { "kafka": { "key": { "type": "string", "description": key } } },
            }),
        );
        channels.insert(
            name.clone(),
            json!({
                "address": format!("cad.{name}"),
                "messages": { &name: { "$ref": format!("#/components/messages/{name}") } },
            }),
        );
        operations.insert(
            format!("publish.{name}"),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") } }),
        );
    };
    let headers = json!({ "$ref": "#/components/schemas/headers" });
    for (provider, group) in groups() {
        let key = match provider {
            Provider::Onshape => {
                "documentId, else objectId, jobId, clientId, webhookId, the source's name"
            }
            Provider::Aps => {
                "lineage URN, else resourceUrn without its version, project, hookId, the source's name"
            }
        };
        add(format!("{provider}.{group}"), key, headers.clone());
    }
    add("quarantine".to_owned(), "the source's name", quarantine_headers_schema());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "cadrelay",
            "version": "1.0.0",
            "description": "Events of Onshape and Autodesk Platform Services on Kafka. Topic names are \
                those of the default prefix, `cad.`.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": { "headers": headers_schema() } },
    })
}

#[test]
fn the_schemas_are_those_of_the_code() {
    // The admin listener's own description is compared where a relay runs.
    let mut names: BTreeSet<_> =
        ["asyncapi.json", "openapi.json", "quarantine.json"].map(str::to_owned).into();
    for (provider, group) in groups() {
        let name = format!("{provider}.{group}.json");
        check_file(&format!("schemas/{name}"), &pretty(&schema(provider, group)));
        names.insert(name);
    }
    check_file("schemas/quarantine.json", &pretty(&quarantine_schema()));
    check_file("schemas/asyncapi.json", &pretty(&asyncapi()));

    let found: BTreeSet<_> = std::fs::read_dir("schemas")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, names);
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
        let body = Raw::new(bytes::Bytes::from_static(raw), reason == Reason::NoEvent);
        let record = write::encode(reason, &quarantine::id(raw), &body, kept);
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
    let event = crate::providers::given::event(&source, body, &[]);
    let context = cloudevents::Context {
        source: "acme",
        received_at: crate::providers::given::now(),
        traceparent: None,
        replay_of: None,
    };
    for encoding in [cloudevents::Encoding::Binary, cloudevents::Encoding::Structured] {
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
