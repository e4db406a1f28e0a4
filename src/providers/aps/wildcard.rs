//! Which event it was, for hooks that were registered with a pattern such as `dm.*`.
//!
//! Whether a callback then names the event or the pattern is not documented, so a pattern is looked
//! up in the payload. Only what names one event counts; everything else stays unknown.

use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::providers::json::Object;

/// Whether the name is a pattern.
pub fn is_pattern(event: &str) -> bool {
    event.contains('*')
}

/// The event that the payload tells of, if the pattern covers it.
pub fn resolve(pattern: &str, system: Option<&str>, payload: &Object<'_>) -> Option<&'static str> {
    let event = extraction(payload).or_else(|| data(payload)).or_else(|| revit(payload))?;
    let entry = catalog::find(Provider::Aps, event)?;
    let is_of_system = system.is_none() || system == entry.system;
    (is_of_system && catalog::covers(pattern, event)).then_some(event)
}

fn extraction(payload: &Object<'_>) -> Option<&'static str> {
    match &*payload.text("EventType")? {
        "EXTRACTION_FINISHED" => Some("extraction.finished"),
        "EXTRACTION_UPDATED" => Some("extraction.updated"),
        _ => None,
    }
}

fn data(payload: &Object<'_>) -> Option<&'static str> {
    let operation = payload.get("context")?.object()?.text("operation")?;
    let is_folder = payload.text("source").is_some_and(|urn| urn.contains(":fs.folder:"));
    match &*operation {
        // Later changes of an uploaded version keep the word and add the flags.
        "PostVersionedFiles" if payload.get("modification_flags").is_none() => {
            Some("dm.version.added")
        }
        "Move" if is_folder => Some("dm.folder.moved"),
        "Move" => Some("dm.version.moved"),
        "ReserveLineage" => Some("dm.lineage.reserved"),
        "UnReserveLineage" => Some("dm.lineage.unreserved"),
        "UpdateLineages" => Some("dm.lineage.updated"),
        _ => None,
    }
}

fn revit(payload: &Object<'_>) -> Option<&'static str> {
    match &*payload.text("state")? {
        "SYNC_START" | "SYNC_COMPLETE" => Some("model.sync"),
        "PUBLISHING_PENDING" | "PUBLISHING_IN_PROGRESS" => Some("model.publish"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::json;

    #[track_caller]
    fn check(pattern: &str, system: Option<&str>, payload: &str, expected: Option<&str>) {
        let payload = json::parse(payload.as_bytes()).unwrap();

        assert_eq!(resolve(pattern, system, payload.object().unwrap()), expected);
    }

    #[test]
    fn a_payload_that_names_its_event_resolves_the_pattern() {
        let data = Some("data");
        let added = r#"{"context":{"operation":"PostVersionedFiles"}}"#;
        check("dm.*", data, added, Some("dm.version.added"));
        check("*.added", None, added, Some("dm.version.added"));
        let moved =
            r#"{"source":"urn:adsk.wipprod:fs.folder:co.A","context":{"operation":"Move"}}"#;
        check("*", data, moved, Some("dm.folder.moved"));
        let finished = r#"{"EventType":"EXTRACTION_FINISHED"}"#;
        check("extraction.*", Some("derivative"), finished, Some("extraction.finished"));
        check("*", Some("adsk.c4r"), r#"{"state":"SYNC_START"}"#, Some("model.sync"));
    }

    #[test]
    fn a_hint_that_contradicts_the_hook_is_no_hint() {
        let added = r#"{"context":{"operation":"PostVersionedFiles"}}"#;
        check("dm.folder.*", Some("data"), added, None);
        check("*", Some("derivative"), added, None);
        check("*", Some("data"), r#"{"state":"SYNC_START"}"#, None);
    }

    #[test]
    fn a_payload_without_a_hint_resolves_nothing() {
        check("dm.*", Some("data"), r#"{"context":{"operation":"PatchMetadata"}}"#, None);
        check("dm.*", Some("data"), "{}", None);
        let modified =
            r#"{"context":{"operation":"PostVersionedFiles"},"modification_flags":"{}"}"#;
        check("dm.*", Some("data"), modified, None);
    }
}
