//! Whether a registration makes sense, decided from the catalogs before anything is sent.
//!
//! # Promises
//! - What a provider would certainly refuse, or never deliver, is an [`Objection`] that says what
//!   would be taken.
//! - What only the catalog does not know is a warning: both providers add events without notice.

use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::providers::catalog::entry::Entry;
use crate::webhooks::scope::Scope;
use std::collections::BTreeSet;

/// Why a registration makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Objection {
    /// No event is given.
    #[error("at least one event is needed")]
    NoEvent,
    /// The provider has no such event, as far as we know.
    #[error("{event} is not an event of {provider}{}", suggestion(.near))]
    UnknownEvent {
        /// Who was asked for it.
        provider: Provider,
        /// What was asked for.
        event: String,
        /// The known events that look most like it.
        near: Vec<&'static str>,
    },
    /// It is sent to every hook.
    #[error("{0} cannot be registered: it is sent to every webhook by itself")]
    Automatic(String),
    /// The catalog cannot tell the system of an APS event.
    #[error("the system of {0} is not known; it must be given")]
    NoSystem(String),
    /// The scope lacks what the event needs.
    #[error("{event} needs a scope: {}", keys.join(" or "))]
    NoScope {
        /// The event.
        event: String,
        /// The keys of which it needs one.
        keys: Vec<&'static str>,
    },
    /// A key of the scope does not belong to any of the events.
    #[error("the scope {key} does not fit {events}; it can be {}", fitting.join(" or "))]
    WrongScope {
        /// The key.
        key: String,
        /// The events, joined.
        events: String,
        /// The keys that do.
        fitting: Vec<&'static str>,
    },
    /// APS takes one key.
    #[error("a hook of aps has exactly one scope key, here there are {0}")]
    ManyScopes(usize),
    /// A workflow has a form of its own.
    #[error("a workflow has up to 35 letters, digits, dots and hyphens")]
    BadWorkflow,
}

/// Which setting an objection is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// The events.
    Events,
    /// The system.
    System,
    /// The scope.
    Scope,
}

/// An APS event with the system that owns it, and what is questionable about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The system.
    pub system: String,
    /// For the user, if something is questionable.
    pub warning: Option<String>,
}

impl Objection {
    /// The setting that has to change.
    pub fn setting(&self) -> Setting {
        match self {
            Self::NoEvent | Self::UnknownEvent { .. } | Self::Automatic(_) => Setting::Events,
            Self::NoSystem(_) => Setting::System,
            Self::NoScope { .. }
            | Self::WrongScope { .. }
            | Self::ManyScopes(_)
            | Self::BadWorkflow => Setting::Scope,
        }
    }
}

/// Checks the events of an Onshape hook, and returns what is questionable about them.
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
        let near = suggestion(&nearest(Provider::Onshape, event));
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

/// Checks the scope of an APS hook against its event, and returns what is questionable about it.
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

/// The scope keys of which an event or pattern needs one; none if the catalog cannot tell.
pub fn scope_keys(provider: Provider, system: Option<&str>, event: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let entries = match provider {
        Provider::Onshape => known(provider, event).into_iter().collect(),
        Provider::Aps => covered(system, event),
    };
    for key in entries.iter().flat_map(|entry| entry.scope) {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    keys
}

/// An objection to an event that is not known at all.
pub fn unknown(provider: Provider, event: &str) -> Objection {
    Objection::UnknownEvent { provider, event: event.to_owned(), near: nearest(provider, event) }
}

/// The rows that an APS event or pattern stands for, in one system or in all.
fn covered(system: Option<&str>, event: &str) -> Vec<&'static Entry> {
    let of_system = |entry: &&Entry| system.is_none() || entry.system == system;
    let entries = catalog::entries(Provider::Aps).iter().filter(of_system);
    if event.contains('*') {
        return entries.filter(|entry| catalog::covers(event, entry.event)).collect();
    }
    known(Provider::Aps, event).filter(|entry| of_system(entry)).into_iter().collect()
}

fn known(provider: Provider, event: &str) -> Option<&'static Entry> {
    catalog::find(provider, event)
}

/// The known events that look most like a text, the best first.
fn nearest(provider: Provider, event: &str) -> Vec<&'static str> {
    let mut near: Vec<_> = catalog::entries(provider)
        .iter()
        .map(|entry| (distance(entry.event, event), entry.event))
        .filter(|(distance, _)| *distance <= event.len() / 2)
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, event)| event).collect()
}

/// How many letters must be put in, taken out or replaced to make one text of the other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in left.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn is_workflow(text: &str) -> bool {
    text.len() < 36 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

fn suggestion(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}

/// The one system whose projects are bare UUIDs, per Autodesk's announcement of its webhooks.
const ISSUES: &str = "autodesk.construction.issues";
/// Keys that narrow a hook on documents further.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(key: &str) -> Scope {
        Scope::default().with(key, "x")
    }

    fn events(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_onshape_event_needs_one_of_its_own_keys() {
        for (names, key, fits) in [
            (&["onshape.model.lifecycle.changed"][..], "documentId", true),
            (&["onshape.model.lifecycle.changed"], "companyId", true),
            (&["onshape.model.lifecycle.changed"], "clientId", false),
            (&["onshape.document.lifecycle.statechange"], "companyId", false),
            (&["onshape.workflow.transition"], "documentId", false),
            (&["onshape.user.lifecycle.updateappsettings"], "clientId", true),
            (&["onshape.new.event"], "folderId", true),
            (&["onshape.new.event"], "nonsense", false),
        ] {
            let verdict = onshape_scope(&events(names), &scope(key));

            assert_eq!(verdict.is_ok(), fits, "{names:?} {key}: {verdict:?}");
        }
    }

    #[test]
    fn an_unknown_event_is_refused_with_the_nearest_names_or_sent_with_a_warning() {
        let typo = aps_event(None, "dm.version.aded").unwrap_err();
        let unknown = onshape_events(&events(&["onshape.model.new"])).unwrap();

        assert!(typo.to_string().contains("near it: dm.version.added"), "{typo}");
        assert!(onshape_events(&events(&["model.changed"])).is_err());
        assert!(unknown[0].contains("not in the catalog"), "{unknown:?}");
        assert_eq!(
            onshape_events(&events(&["webhook.ping"])),
            Err(Objection::Automatic("webhook.ping".into()))
        );
    }

    #[test]
    fn the_system_of_an_aps_event_or_pattern_is_found_where_only_one_has_it() {
        let system = |given, event| aps_event(given, event).map(|target| target.system);

        assert_eq!(system(None, "dm.version.added").unwrap(), "data");
        assert_eq!(system(None, "extraction.*").unwrap(), "derivative");
        assert_eq!(system(None, "issue.created").unwrap(), "autodesk.construction.issues");
        assert_eq!(system(None, "*"), Err(Objection::NoSystem("*".into())));
        assert_eq!(system(Some("adsk.new"), "new.event").unwrap(), "adsk.new");
        assert!(aps_event(Some("adsk.new"), "new.event").unwrap().warning.is_some());
    }

    #[test]
    fn an_aps_scope_is_one_key_that_fits() {
        let check = |event, scope: &Scope| aps_scope("data", event, scope);
        let workflow = |text: &str| {
            aps_scope("derivative", "extraction.*", &Scope::default().with("workflow", text))
        };

        let issue = |project| {
            let scope = Scope::default().with("project", project);
            aps_scope("autodesk.construction.issues", "issue.created-1.0", &scope)
        };

        assert_eq!(check("dm.*", &scope("folder")), Ok(None));
        assert!(matches!(check("dm.*", &scope("project")), Err(Objection::WrongScope { .. })));
        assert!(matches!(check("dm.*", &Scope::default()), Err(Objection::NoScope { .. })));
        assert_eq!(
            check("dm.*", &scope("folder").with("project", "x")),
            Err(Objection::ManyScopes(2))
        );
        assert_eq!(workflow("my-flow.1"), Ok(None));
        assert_eq!(issue("4f1c"), Ok(None));
        assert!(issue("b.4f1c").unwrap().is_some());
        assert_eq!(workflow("my flow"), Err(Objection::BadWorkflow));
        assert_eq!(workflow(&"x".repeat(36)), Err(Objection::BadWorkflow));
    }
}
