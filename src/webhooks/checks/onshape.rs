//! The checks of an Onshape hook.

use crate::event::provider::Provider;
use crate::webhooks::checks::look_up::{known, nearest, unknown};
use crate::webhooks::checks::objection::{Objection, near_it};
use crate::webhooks::scope::Scope;
use std::collections::BTreeSet;

/// Checks the events of an Onshape hook, and returns warnings about doubtful ones.
pub fn onshape_events(events: &[String]) -> Result<Vec<String>, Objection> {
    if events.is_empty() {
        return Err(Objection::NoEvent);
    }
    let mut warnings = Vec::new();
    for event in events {
        if event.starts_with("webhook.") {
            return Err(Objection::Automatic(event.clone()));
        }
        if known(Provider::Onshape, event).is_some() {
            continue;
        }
        if !event.starts_with("onshape.") {
            return Err(unknown(Provider::Onshape, event));
        }
        let near = near_it(&nearest(Provider::Onshape, event));
        warnings.push(format!("{event} is not in the catalog; it is sent as it is{near}"));
    }
    Ok(warnings)
}

/// Checks the scope of an Onshape hook against its events.
pub fn onshape_scope(events: &[String], scope: &Scope) -> Result<(), Objection> {
    let mut fitting = BTreeSet::new();
    let mut all_known = true;
    for event in events {
        let Some(entry) = known(Provider::Onshape, event) else {
            all_known = false;
            continue;
        };
        if !entry.scope.iter().any(|key| scope.get(key).is_some()) {
            let (event, keys) = (event.clone(), entry.scope.to_vec());
            return Err(Objection::NoScope { event, keys });
        }
        fitting.extend(entry.scope);
        if entry.scope.contains(&"documentId") {
            fitting.extend(WITHIN_DOCUMENTS);
        }
    }
    if !all_known {
        fitting.extend(WITHIN_DOCUMENTS);
        fitting.extend(["clientId", "companyId", "documentId"]);
    }
    match scope.keys().find(|key| !fitting.contains(key)) {
        None => Ok(()),
        Some(key) => Err(Objection::WrongScope {
            key: key.to_owned(),
            events: events.join(", "),
            fitting: fitting.into_iter().collect(),
        }),
    }
}

/// Keys that narrow a hook on documents.
const WITHIN_DOCUMENTS: [&str; 8] = [
    "elementId",
    "folderId",
    "linkDocumentId",
    "partId",
    "projectId",
    "userId",
    "versionId",
    "workspaceId",
];
