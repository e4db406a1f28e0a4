//! The checks of an APS hook.

use crate::event::provider::Provider;
use crate::webhooks::checks::look_up::{covered, scope_keys, unknown};
use crate::webhooks::checks::objection::Objection;
use crate::webhooks::scope::Scope;
use std::collections::BTreeSet;

/// An APS event with the system that owns it, and a warning if something is doubtful.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The system.
    pub system: String,
    /// A warning for the user, if something is doubtful.
    pub warning: Option<String>,
}

/// Finds the system of an APS event or pattern.
pub fn aps_event(system: Option<&str>, event: &str) -> Result<Target, Objection> {
    if event.is_empty() {
        return Err(Objection::NoEvent);
    }
    let covered = covered(system, event);
    if let Some(system) = system {
        let warning = covered.is_empty().then(|| {
            format!("the catalog has no {event} in the system {system}; it is sent as it is")
        });
        return Ok(Target { system: system.to_owned(), warning });
    }
    let systems: BTreeSet<_> = covered.iter().filter_map(|entry| entry.system).collect();
    let mut systems = systems.into_iter();
    match (systems.next(), systems.next()) {
        (Some(system), None) => Ok(Target { system: system.to_owned(), warning: None }),
        (Some(_), Some(_)) => Err(Objection::NoSystem(event.to_owned())),
        (None, _) if event.contains('*') => Err(Objection::NoSystem(event.to_owned())),
        (None, _) => Err(unknown(Provider::Aps, event)),
    }
}

/// Checks the scope of an APS hook against its event, and returns a warning if something is
/// doubtful.
pub fn aps_scope(system: &str, event: &str, scope: &Scope) -> Result<Option<String>, Objection> {
    let fitting = scope_keys(Provider::Aps, Some(system), event);
    let mut keys = scope.keys();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        if scope.is_empty() {
            return Err(Objection::NoScope { event: event.to_owned(), keys: fitting });
        }
        return Err(Objection::ManyScopes(scope.keys().count()));
    };
    if !fitting.is_empty() && !fitting.contains(&key) {
        let (key, events) = (key.to_owned(), event.to_owned());
        return Err(Objection::WrongScope { key, events, fitting });
    }
    if scope.get("workflow").is_some_and(|workflow| !is_workflow(workflow)) {
        return Err(Objection::BadWorkflow);
    }
    let prefixed = scope.get("project").is_some_and(|project| project.starts_with("b."));
    Ok((prefixed && system == ISSUES).then(|| {
        format!("{event} takes a project without its \"b.\": with it the hook hears nothing")
    }))
}

fn is_workflow(text: &str) -> bool {
    text.len() < 36 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// The only system whose projects are bare UUIDs, according to Autodesk's announcement of its
/// webhooks.
const ISSUES: &str = "autodesk.construction.issues";
