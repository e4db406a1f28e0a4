//! A hook as APS keeps it.

use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::secret::Secret;
use crate::simulator::aps::Happening;
use crate::simulator::aps::access::Caller;
use crate::webhooks::aps::region::Region;
use crate::webhooks::checks;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A hook as APS keeps it: the posted fields, and the state of its deliveries.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// Its region.
    pub region: Region,
    /// The system that owns its event.
    pub system: String,
    /// Its event or pattern.
    pub event: String,
    /// Deliveries given up since the last successful one.
    pub failures: u32,
    status: &'static str,
    creator: Caller,
    posted: Map<String, Value>,
    created: Timestamp,
    updated: Timestamp,
}

/// The place of a new hook, and its creator.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The region.
    pub region: Region,
    /// The system.
    pub system: &'a str,
    /// The event or pattern.
    pub event: &'a str,
    /// The creator.
    pub creator: Caller,
}

impl Hook {
    /// Makes a hook from the body of a creation.
    pub fn create(
        id: String,
        place: Place<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Self, String> {
        let posted = object(body)?;
        if let Some(key) = posted.keys().find(|key| !CREATABLE.contains(&key.as_str())) {
            return Err(format!("unknown field {key}"));
        }
        check_values(&posted)?;
        let hook = Self {
            id,
            region: place.region,
            system: place.system.to_owned(),
            event: place.event.to_owned(),
            failures: 0,
            status: "active",
            creator: place.creator,
            posted,
            created: now,
            updated: now,
        };
        CallbackUrl::parse(hook.url()).map_err(|error| format!("callbackUrl: {error}"))?;
        checks::aps_scope(&hook.system, &hook.event, &hook.scope())
            .map_err(|objection| objection.to_string())?;
        Ok(hook)
    }

    /// Applies a patch: null removes a value, and some values cannot be changed.
    pub fn patch(&mut self, body: &[u8], now: Timestamp) -> Result<(), String> {
        let patch = object(body)?;
        if let Some(key) = patch.keys().find(|key| !PATCHABLE.contains(&key.as_str())) {
            return Err(format!("{key} cannot be changed"));
        }
        check_values(&patch)?;
        let status = match patch.get("status").and_then(Value::as_str) {
            None if patch.contains_key("status") => return Err("status is not a text".into()),
            None => None,
            Some("active") => Some("active"),
            Some("inactive") => Some("inactive"),
            Some(other) => return Err(format!("a hook cannot be set to {other}")),
        };
        self.updated = now;
        for (key, value) in patch.into_iter().filter(|(key, _)| key != "status") {
            if value.is_null() {
                self.posted.remove(&key)
            } else {
                self.posted.insert(key, value)
            };
        }
        if let Some(status) = status {
            self.set_status(status, now);
        }
        Ok(())
    }

    /// Sets the status. An active hook starts again without failures.
    pub fn set_status(&mut self, status: &'static str, now: Timestamp) {
        self.status = status;
        self.failures = 0;
        self.updated = now;
    }

    /// The hook as the API and its callbacks show it.
    pub fn details(&self) -> Value {
        let (system, event, id) = (&self.system, &self.event, &self.id);
        let scope = self.scope();
        let mut details = json!({
            "hookId": id,
            "tenant": scope.iter().next().map(|(_, value)| value),
            "createdBy": match self.creator { Caller::App => "simulated-app", Caller::User => "simulated-user" },
            "creatorType": match self.creator { Caller::App => "Application", Caller::User => "O2User" },
            "event": event,
            "system": system,
            "status": self.status,
            "createdDate": written(self.created),
            "lastUpdatedDate": written(self.updated),
            "autoReactivateHook": false,
            "callbackWithEventPayloadOnly": false,
            "urn": format!("urn:adsk.webhooks:events.hook:{id}"),
            "__self__": format!("/systems/{system}/events/{event}/hooks/{id}"),
        });
        for (key, value) in self.posted.iter().filter(|(key, _)| *key != "token") {
            details[key] = value.clone();
        }
        details
    }

    /// The status.
    pub fn status(&self) -> &'static str {
        self.status
    }

    /// The URL that it posts to.
    pub fn url(&self) -> &str {
        self.posted.get("callbackUrl").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its scope.
    pub fn scope(&self) -> Scope {
        let scope = self.posted.get("scope").cloned().unwrap_or_default();
        serde_json::from_value(scope).unwrap_or_default()
    }

    /// The secret that signs its callbacks, if it has one of its own.
    pub fn token(&self) -> Option<Secret> {
        self.posted.get("token").and_then(Value::as_str).map(Secret::new)
    }

    /// True if its callbacks come without the hook.
    pub fn is_payload_only(&self) -> bool {
        self.posted.get("callbackWithEventPayloadOnly") == Some(&Value::Bool(true))
    }

    /// True if it has expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let expiry = self.posted.get("hookExpiry").and_then(Value::as_str);
        expiry.and_then(|text| text.parse().ok()).is_some_and(|expiry: Timestamp| expiry <= now)
    }

    /// True if it is the same as another to APS, which refuses a second one.
    pub fn is_same(&self, other: &Self) -> bool {
        self.region == other.region
            && self.system == other.system
            && self.event == other.event
            && self.url() == other.url()
            && self.scope() == other.scope()
    }

    /// The known events that it listens to.
    pub fn covered(&self) -> Vec<String> {
        if !self.event.contains('*') {
            return vec![self.event.clone()];
        }
        catalog::entries(Provider::Aps)
            .iter()
            .filter(|entry| entry.system == Some(&self.system))
            .filter(|entry| catalog::covers(&self.event, entry.event))
            .map(|entry| entry.event.to_owned())
            .collect()
    }

    /// True if it listens to the event.
    pub fn hears(&self, happening: &Happening) -> bool {
        let entry = catalog::find(Provider::Aps, &happening.event);
        let system = happening.system.as_deref().or(entry.and_then(|entry| entry.system));
        let revised = entry.map_or(happening.event.as_str(), |entry| entry.event);
        self.status != "inactive"
            && system == Some(&self.system)
            && (catalog::covers(&self.event, &happening.event)
                || catalog::covers(&self.event, revised))
            && self.scope().is_within(&happening.scope)
    }
}

fn check_values(posted: &Map<String, Value>) -> Result<(), String> {
    let attributes = posted.get("hookAttribute").map(Value::to_string).unwrap_or_default();
    if attributes.len() >= MAX_ATTRIBUTES {
        return Err("hookAttribute must be under 1 KB".into());
    }
    match posted.get("token") {
        Some(Value::String(token)) if !is_token(token) => Err(BAD_TOKEN.into()),
        _ => Ok(()),
    }
}

/// True if the text can sign callbacks.
pub fn is_token(text: &str) -> bool {
    (32..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body is not a JSON object: {error}"))
}

/// The dates of a hook, as APS writes them.
fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string()
}

/// The error for a text that cannot sign callbacks.
pub const BAD_TOKEN: &str = "a token has 32 to 64 letters and digits";
const MAX_ATTRIBUTES: usize = 1024;

const CREATABLE: [&str; 10] = [
    "autoReactivateHook",
    "callbackUrl",
    "callbackWithEventPayloadOnly",
    "filter",
    "hookAttribute",
    "hookExpiry",
    "hubId",
    "projectId",
    "scope",
    "tenant",
];

const PATCHABLE: [&str; 7] = [
    "autoReactivateHook",
    "callbackWithEventPayloadOnly",
    "filter",
    "hookAttribute",
    "hookExpiry",
    "status",
    "token",
];
