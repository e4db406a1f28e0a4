//! A hook as Onshape keeps it.

use crate::webhooks::checks::{self, Objection};
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A hook as Onshape keeps it: the posted fields, and the state of its deliveries.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// Deliveries given up since the last successful one.
    pub failures: u32,
    /// All deliveries ever given up.
    pub dropped: u64,
    posted: Map<String, Value>,
    created: Timestamp,
    modified: Timestamp,
}

/// Onshape does not accept the posted fields.
#[derive(Debug)]
pub struct Wrong(pub String);

impl Hook {
    /// Makes a hook from the body of a registration.
    pub fn register(id: String, body: &[u8], now: Timestamp) -> Result<Self, Wrong> {
        let posted = object(body)?;
        let hook = Self { id, failures: 0, dropped: 0, posted, created: now, modified: now };
        hook.check()?;
        Ok(hook)
    }

    /// Applies posted fields; absent ones stay.
    pub fn update(&mut self, body: &[u8], now: Timestamp) -> Result<(), Wrong> {
        let mut posted = object(body)?;
        if posted.remove("id").as_ref().and_then(Value::as_str) != Some(&self.id) {
            return Err(Wrong("The id must be in the body as well.".into()));
        }
        let mut changed = self.clone();
        changed.posted.extend(posted);
        changed.modified = now;
        changed.check()?;
        *self = changed;
        Ok(())
    }

    /// The hook as the API shows it: only company, project and folder of its scope.
    pub fn info(&self) -> Value {
        let mut info = json!({
            "id": self.id,
            "href": format!("/api/webhooks/{}", self.id),
            "createdAt": self.created,
            "modifiedAt": self.modified,
            "droppedEventCount": self.dropped,
            "isTransient": true,
        });
        for key in SHOWN {
            info[key] = self.posted.get(key).cloned().unwrap_or_default();
        }
        if let Some(transient) = self.posted.get("isTransient") {
            info["isTransient"] = transient.clone();
        }
        info
    }

    /// The URL that it posts to.
    pub fn url(&self) -> &str {
        self.posted.get("url").and_then(Value::as_str).unwrap_or_default()
    }

    /// The events that it listens to.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let events = self.posted.get("events").and_then(Value::as_array);
        events.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The text that each notification echoes.
    pub fn data(&self) -> Option<Value> {
        self.posted.get("data").filter(|data| data.is_string()).cloned()
    }

    /// The company that it is registered for.
    pub fn company(&self) -> Option<&str> {
        self.posted.get("companyId").and_then(Value::as_str)
    }

    /// The ids of its scope.
    pub fn scope(&self) -> Scope {
        let text = |key: &str| Some((key.to_owned(), self.posted.get(key)?.as_str()?.to_owned()));
        SCOPE.iter().filter_map(|key| text(key)).filter(|(_, id)| !id.is_empty()).collect()
    }

    /// True if it listens to an event with these fields.
    pub fn hears(&self, event: &str, fields: &Map<String, Value>) -> bool {
        let field = |key| fields.get(key).and_then(Value::as_str);
        self.events().any(|heard| heard == event)
            && self.scope().iter().all(|(key, id)| field(key) == Some(id))
    }

    fn check(&self) -> Result<(), Wrong> {
        CallbackUrl::parse(self.url()).map_err(|error| Wrong(error.to_string()))?;
        let events: Vec<_> = self.events().map(str::to_owned).collect();
        let wrong = |objection: Objection| Wrong(objection.to_string());
        // A client sends an event that its catalog lacks, with a warning; the service knows its
        // events.
        if let [unknown, ..] = checks::onshape_events(&events).map_err(wrong)?.as_slice() {
            return Err(Wrong(format!("Unknown event: {unknown}")));
        }
        checks::onshape_scope(&events, &self.scope()).map_err(wrong)?;
        let collapse = self.posted.get("options").and_then(|options| options.get("collapseEvents"));
        if !collapse.is_some_and(Value::is_boolean) {
            return Err(Wrong("options.collapseEvents must be true or false".into()));
        }
        Ok(())
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Wrong> {
    match serde_json::from_slice(body) {
        // Null and absent mean the same to Onshape.
        Ok(Value::Object(posted)) => {
            Ok(posted.into_iter().filter(|(_, value)| !value.is_null()).collect())
        }
        _ => Err(Wrong("The body is not a JSON object.".into())),
    }
}

const SHOWN: [&str; 11] = [
    "companyId",
    "data",
    "description",
    "events",
    "externalSessionId",
    "filter",
    "folderId",
    "name",
    "options",
    "projectId",
    "url",
];

const SCOPE: [&str; 10] = [
    "clientId",
    "companyId",
    "documentId",
    "elementId",
    "folderId",
    "partId",
    "projectId",
    "userId",
    "versionId",
    "workspaceId",
];
