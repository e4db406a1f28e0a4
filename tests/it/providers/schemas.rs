//! The schemas of schemas/, as the code defines them.

use cadrelay::event::gap::Why;
use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use cadrelay::event::reason::Reason;
use cadrelay::providers::{aps, catalog, onshape};
use cadrelay::record::gap;
use serde_json::{Map, Value, json};

/// The schema of a value, for one group.
pub fn schema(provider: Provider, group: Group) -> Value {
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
            "provider": { "const": provider.as_str(), "description": "The provider that sent it." },
            "source": text("The relay's inlet that took it: a tenant."),
            "event": { "type": "string", "minLength": 1, "examples": examples,
                "description": "The sender's own name of what happened. Senders add new ones." },
            "group": { "const": group.as_str(), "description": "The group of events; it chose the topic." },
            "occurredAt": time("When it happened, by the sender's clock."),
            "receivedAt": time("When the relay took it."),
            "webhookId": text(&format!("The registration that caused it: the sender's {hook}.")),
            "subject": text("What it is about, as a path or URN."),
            "resource": { "type": "object", "minProperties": 1, "properties": resources,
                "description": "The ids of the things involved.",
                "additionalProperties": { "type": "string" } },
            "actor": { "type": "object", "required": ["userId"], "description": "Who caused it.",
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

pub fn quarantine_schema() -> Value {
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
            "provider": provider("The provider of the source."),
            "reason": { "enum": Reason::ALL.map(Reason::as_str),
                "description": "Why it is in quarantine." },
            "receivedAt": time("When the relay took it."),
            "raw": { "description": "The body as posted, byte for byte." },
            "rawBase64": base64("The same bytes, where a strict JSON parser would not read them."),
        },
        "oneOf": [{ "required": ["raw"] }, { "required": ["rawBase64"] }],
    })
}

/// The schema of the headers of a record in quarantine.
pub fn quarantine_headers_schema() -> Value {
    json!({
        "type": "object",
        "required": [
            "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_reason",
        ],
        "properties": {
            "content-type": constant("application/json", "The type of the value."),
            "ce_specversion": constant("1.0", "The version of CloudEvents."),
            "ce_id": text("As `id` in the value."),
            "ce_source": { "type": "string", "pattern": "^/cadrelay/sources/[^/]*$",
                "description": "The relay's inlet that took it." },
            "ce_type": constant("com.cadrelay.quarantined", "The same for every record in quarantine."),
            "ce_provider": provider("As `provider` in the value."),
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

/// The schema of the headers of a record in binary mode.
pub fn headers_schema() -> Value {
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
            "content-type": constant("application/json", "The type of the value."),
            "ce_specversion": constant("1.0", "The version of CloudEvents."),
            "ce_id": text("As `id` in the value."),
            "ce_source": { "type": "string", "pattern": "^/(onshape/webhooks|aps/hooks)(/[^/]+)?$",
                "description": "The registration that caused it." },
            "ce_type": { "type": "string", "pattern": "^com\\.(onshape|autodesk\\.aps)\\..+$",
                "description": "`event` in the value, in reverse-DNS form." },
            "ce_subject": text("As `subject` in the value."),
            "ce_time": time("As `occurredAt` in the value."),
            "ce_provider": provider("As `provider` in the value."),
            "ce_eventgroup": text("As `group` in the value."),
            "ce_relaysource": text("As `source` in the value."),
            "ce_receivedtime": time("As `receivedAt` in the value."),
            "ce_sequence": { "type": "string", "pattern": "^[0-9]{20}$",
                "description": "Grows with each record of one relay instance." },
            "ce_verified": text("As `verified` in the value."),
            "ce_traceparent": text("W3C trace context of the sender's request."),
            "ce_replayof": text("The id of the event that this record repeats, because an operator \
                asked for it. Equal to `ce_id`."),
        },
    })
}

/// The value of a gap, whichever topic tells it.
pub fn gap_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cadrelay:schema:gap",
        "title": "gap",
        "description": "A time in which a consumer may have missed events. The relay publishes it among \
            the provider's events; such a value is also valid by the schema of its topic.",
        "type": "object",
        "required": [
            "id", "provider", "source", "event", "group", "occurredAt", "receivedAt", "subject",
            "attributes", "verified", "raw",
        ],
        "properties": {
            "id": text("`sha256:` and a hash: the same for the same gap."),
            "provider": provider("The provider whose events may be missing."),
            "source": text("The relay's inlet to which they would have come."),
            "event": constant("cadrelay.subscription.gap", "The same for every gap."),
            "group": { "enum": Provider::ALL.map(|provider| gap::group(provider).as_str()),
                "description": "`lifecycle` for Onshape, `other` for APS." },
            "occurredAt": time("The end of the gap, as `to` in `attributes`."),
            "receivedAt": time("When the relay stored this record."),
            "subject": { "type": "string", "pattern": "^(subscriptions|sources)/.+$",
                "description": "What the gap is about: a subscription, or all of a source." },
            "attributes": {
                "type": "object",
                "description": "The gap itself.",
                "required": ["from", "to", "why"],
                "additionalProperties": false,
                "properties": {
                    "subscription": text("The subscription by its configured name. Absent if the gap \
                        concerns all events of the source."),
                    "from": time("The last time at which the relay is known to have heard."),
                    "to": time("The first time at which it heard again."),
                    "why": { "enum": Why::ALL.map(Why::as_str),
                        "description": "The cause." },
                    "dropped": { "type": "integer", "minimum": 1,
                        "description": "The number of missing events, where the provider counts \
                            them." },
                    "scope": { "type": "object", "minProperties": 1,
                        "additionalProperties": { "type": "string" },
                        "description": "What the subscription listens to: `documentId`, `folder` and \
                            so on." },
                },
            },
            "verified": constant("none", "Nobody posted it, so nothing was proven."),
            "raw": { "type": "object", "maxProperties": 0,
                "description": "Empty: nobody posted it." },
        },
    })
}

/// The schema of the headers of a gap's record in binary mode.
pub fn gap_headers_schema() -> Value {
    json!({
        "type": "object",
        "required": [
            "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time",
            "ce_provider", "ce_eventgroup", "ce_relaysource", "ce_receivedtime", "ce_sequence",
            "ce_verified",
        ],
        "properties": {
            "content-type": constant("application/json", "The type of the value."),
            "ce_specversion": constant("1.0", "The version of CloudEvents."),
            "ce_id": text("As `id` in the value."),
            "ce_source": { "type": "string",
                "pattern": "^/cadrelay/(subscriptions|sources)/[^/]+$",
                "description": "The subscription or the source that may have missed something." },
            "ce_type": constant("com.cadrelay.subscription.gap", "The same for every gap."),
            "ce_subject": text("As `subject` in the value."),
            "ce_time": time("As `occurredAt` in the value."),
            "ce_provider": provider("As `provider` in the value."),
            "ce_eventgroup": text("As `group` in the value."),
            "ce_relaysource": text("As `source` in the value."),
            "ce_receivedtime": time("As `receivedAt` in the value."),
            "ce_sequence": { "type": "string", "pattern": "^[0-9]{20}$",
                "description": "Grows with each record of one relay instance." },
            "ce_verified": constant("none", "As `verified` in the value."),
        },
    })
}

/// Each group of each provider.
pub fn groups() -> impl Iterator<Item = (Provider, Group)> {
    Provider::ALL
        .into_iter()
        .flat_map(|provider| Group::of(provider).iter().map(move |group| (provider, *group)))
}

/// The document of the topics.
pub fn asyncapi() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut add_message = |name: &str, key: &str, headers: Value| {
        let message = json!({
            "name": name,
            "contentType": "application/json",
            "headers": headers,
            "payload": { "$ref": format!("./{name}.json") },
            "bindings": { "kafka": { "key": { "type": "string", "description": key } } },
        });
        messages.insert(name.to_owned(), message);
    };
    let mut add_channel = |name: &str, messages: &[&str]| {
        let messages: Map<String, Value> = messages
            .iter()
            .map(|name| {
                let message = format!("#/components/messages/{name}");
                ((*name).to_owned(), json!({ "$ref": message }))
            })
            .collect();
        channels.insert(
            name.to_owned(),
            json!({ "address": format!("cad.{name}"), "messages": messages }),
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
        let name = format!("{provider}.{group}");
        add_message(&name, key, headers.clone());
        match gap::group(provider) == group {
            true => add_channel(&name, &[&name, "gap"]),
            false => add_channel(&name, &[&name]),
        }
    }
    add_message("gap", "the subscription's name, else the source's", gap_headers_schema());
    add_message("quarantine", "the source's name", quarantine_headers_schema());
    add_channel("quarantine", &["quarantine"]);
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

fn constant(value: &str, description: &str) -> Value {
    json!({ "const": value, "description": description })
}

fn provider(description: &str) -> Value {
    json!({ "enum": Provider::ALL.map(Provider::as_str), "description": description })
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
