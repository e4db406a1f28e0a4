//! A hook at APS: in the form of its API, and in ours.

use crate::event::provider::Provider;
use crate::webhooks::aps::region::Region;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A hook that exists at APS.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Its id at APS.
    pub id: String,
    /// Always APS.
    pub provider: Provider,
    /// `active`, `inactive` or `reactivated`.
    pub status: String,
    /// The URL that it posts to.
    pub url: CallbackUrl,
    /// The event or pattern that it listens to: always exactly one.
    pub events: Vec<String>,
    /// Its scope.
    pub scope: Scope,
    /// The system that owns the event.
    pub system: String,
    /// Its region.
    pub region: Region,
    /// JSON paths that a payload must match, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<String>,
    /// The attributes that each callback repeats.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// True if APS tries it again a week after it became inactive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_reactivate: Option<bool>,
    /// True if callbacks come without the hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_only: Option<bool>,
    /// The time at which APS removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The app or user who created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The time of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The time of its last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
}

impl Hook {
    /// The keys of its serialised form, in order.
    pub const KEYS: &'static [&'static str] = &[
        "id",
        "provider",
        "status",
        "url",
        "events",
        "scope",
        "system",
        "region",
        "filter",
        "attributes",
        "autoReactivate",
        "payloadOnly",
        "expiresAt",
        "createdBy",
        "createdAt",
        "modifiedAt",
    ];

    /// The event or pattern.
    pub fn event(&self) -> &str {
        self.events.first().map(String::as_str).unwrap_or_default()
    }

    /// The parts of its path.
    pub fn address(&self) -> Address {
        Address { system: self.system.clone(), event: self.event().to_owned(), id: self.id.clone() }
    }
}

/// The address of a hook in the API: its id alone does not find it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The system.
    pub system: String,
    /// The event or pattern.
    pub event: String,
    /// The hook.
    pub id: String,
}

/// The parameters of a new hook.
#[derive(Clone, Debug)]
pub struct New {
    /// The system that owns the event.
    pub system: String,
    /// The event or pattern.
    pub event: String,
    /// The URL that it posts to.
    pub url: CallbackUrl,
    /// Its scope: one key.
    pub scope: Scope,
    /// JSON paths that a payload must match.
    pub filter: Vec<String>,
    /// The attributes that each callback repeats.
    pub attributes: Map<String, Value>,
    /// True if APS tries it again a week after it became inactive.
    pub auto_reactivate: Option<bool>,
    /// True if callbacks come without the hook.
    pub payload_only: Option<bool>,
    /// The time at which APS removes it.
    pub expires: Option<Timestamp>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The hub, with its `b.`, for users with very many projects.
    pub hub: Option<String>,
    /// The project, with its `b.`.
    pub project: Option<String>,
}

impl New {
    /// The body of the call that creates it.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("callbackUrl".into(), self.url.reveal().into());
        body.insert("scope".into(), json!(self.scope));
        let optional = [
            ("filter", written_filter(&self.filter)),
            ("hookAttribute", (!self.attributes.is_empty()).then(|| json!(self.attributes))),
            ("autoReactivateHook", self.auto_reactivate.map(Value::from)),
            ("callbackWithEventPayloadOnly", self.payload_only.map(Value::from)),
            ("hookExpiry", self.expires.map(|time| json!(time))),
            ("tenant", self.tenant.clone().map(Value::from)),
            ("hubId", self.hub.clone().map(Value::from)),
            ("projectId", self.project.clone().map(Value::from)),
        ];
        for (key, value) in optional {
            body.extend(value.map(|value| (key.to_owned(), value)));
        }
        Value::Object(body)
    }
}

/// A filter in the form of the API: one path as a text, several as a list, all of which must match.
pub(super) fn written_filter(filter: &[String]) -> Option<Value> {
    match filter {
        [] => None,
        [one] => Some(one.clone().into()),
        several => Some(json!(several)),
    }
}

/// A hook in the form of the API. Unknown fields are ignored; null means absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    hook_id: String,
    system: Option<String>,
    event: Option<String>,
    status: Option<String>,
    callback_url: Option<String>,
    scope: Option<Map<String, Value>>,
    filter: Option<Value>,
    hook_attribute: Option<Value>,
    auto_reactivate_hook: Option<bool>,
    callback_with_event_payload_only: Option<bool>,
    hook_expiry: Option<String>,
    created_by: Option<String>,
    created_date: Option<String>,
    last_updated_date: Option<String>,
}

/// One page of hooks.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) links: Links,
    pub(super) data: Vec<Details>,
}

/// The hooks that one call has created for a whole system.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub(super) hooks: Vec<Details>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Links {
    pub(super) next: Option<String>,
}

impl Details {
    pub(super) fn in_region(self, region: Region) -> Hook {
        let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Hook {
            id: self.hook_id,
            provider: Provider::Aps,
            status: self.status.unwrap_or_else(|| "active".into()),
            url: CallbackUrl::stored(self.callback_url.unwrap_or_default()),
            events: self.event.into_iter().collect(),
            scope: self
                .scope
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, text(value)))
                .collect(),
            system: self.system.unwrap_or_default(),
            region,
            filter: match self.filter {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(paths)) => paths.into_iter().map(text).collect(),
                Some(path) => vec![text(path)],
            },
            attributes: match self.hook_attribute {
                Some(Value::Object(attributes)) => attributes,
                _ => Map::new(),
            },
            auto_reactivate: self.auto_reactivate_hook,
            payload_only: self.callback_with_event_payload_only,
            expires_at: time(self.hook_expiry),
            created_by: self.created_by,
            created_at: time(self.created_date),
            modified_at: time(self.last_updated_date),
        }
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_of_a_hook_with_everything_in_it() {
        let details: Details = serde_json::from_value(json!({
            "hookId": "1", "system": "data", "event": "dm.version.added", "status": "active",
            "callbackUrl": "https://relay.example", "scope": { "folder": "urn" },
            "filter": "$[?(@.ext=='txt')]", "hookAttribute": { "a": 1 }, "autoReactivateHook": true,
            "callbackWithEventPayloadOnly": true, "hookExpiry": "2024-05-06T04:45:10.611Z",
            "createdBy": "c", "createdDate": "2024-05-06T04:45:10.611Z",
            "lastUpdatedDate": "2024-05-06T04:45:10.611Z"
        }))
        .expect("a hook of the API");

        let written = serde_json::to_value(details.in_region(Region::Us)).expect("JSON");

        let mut keys = Hook::KEYS.to_vec();
        keys.sort_unstable();
        let mut found: Vec<_> = written.as_object().into_iter().flat_map(Map::keys).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
    }
}
