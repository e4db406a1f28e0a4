//! Finds the event behind a pattern such as `dm.*`, for hooks that were registered with one.
//!
//! APS does not document whether such a callback names the event or the pattern, so the payload
//! decides. It counts only if it names exactly one event; otherwise the event stays unknown.

use crate::event::provider::Provider;
use crate::json::{Kind, Object};
use crate::providers::catalog;

/// True if the name is a pattern.
pub fn is_pattern(event: &str) -> bool {
    event.contains('*')
}

/// The event that the payload names, if the pattern covers it. `scope` is the hook's.
pub fn resolve(
    pattern: &str,
    system: Option<&str>,
    scope: Option<&Object<'_>>,
    payload: &Object<'_>,
) -> Option<&'static str> {
    let event = match system {
        Some("autodesk.construction.issues") => issue(payload),
        Some("autodesk.construction.reviews") => review(payload),
        Some("autodesk.construction.bc") => bid(payload),
        _ => {
            extraction(payload).or_else(|| data(pattern, scope, payload)).or_else(|| revit(payload))
        }
    }?;
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

fn data(pattern: &str, scope: Option<&Object<'_>>, payload: &Object<'_>) -> Option<&'static str> {
    let operation = payload.get("context")?.object()?.text("operation")?;
    let source = payload.text("source").unwrap_or_default();
    let is_folder = source.contains(":fs.folder:");
    match &*operation {
        "Move" => moved(pattern, is_folder, scope, payload),
        "ReserveLineage" => Some("dm.lineage.reserved"),
        "UnReserveLineage" => Some("dm.lineage.unreserved"),
        "UpdateLineages" => Some("dm.lineage.updated"),
        // Beside those above only changes carry the flags, whatever the operation is called: later
        // changes of an upload keep its word.
        _ if payload.get("modification_flags").is_some() => match is_folder {
            true => Some("dm.folder.modified"),
            false => source.contains(":fs.file:").then_some("dm.version.modified"),
        },
        "PostVersionedFiles" => Some("dm.version.added"),
        _ => None,
    }
}

/// A move into the scope and one out of it have the same word. If the pattern covers both, the new
/// place of the thing tells them apart.
fn moved(
    pattern: &str,
    is_folder: bool,
    scope: Option<&Object<'_>>,
    payload: &Object<'_>,
) -> Option<&'static str> {
    let [into, out] = match is_folder {
        true => ["dm.folder.moved", "dm.folder.moved.out"],
        false => ["dm.version.moved", "dm.version.moved.out"],
    };
    match [into, out].map(|event| catalog::covers(pattern, event)) {
        [true, false] => Some(into),
        [false, true] => Some(out),
        [false, false] => None,
        [true, true] => {
            let folder = scope?.text("folder")?;
            let Kind::Array(ancestors) = payload.get("ancestors")?.kind() else { return None };
            let urns = ancestors.iter().filter_map(|one| one.object()?.text("urn"));
            let lies_in = urns.chain(payload.text("parentFolderUrn")).any(|urn| urn == folder);
            Some(if lies_in { into } else { out })
        }
    }
}

fn revit(payload: &Object<'_>) -> Option<&'static str> {
    match &*payload.text("state")? {
        "SYNC_START" | "SYNC_COMPLETE" => Some("model.sync"),
        "PUBLISHING_PENDING" | "PUBLISHING_IN_PROGRESS" => Some("model.publish"),
        _ => None,
    }
}

fn issue(payload: &Object<'_>) -> Option<&'static str> {
    payload.get("changedAttributes").map(|_| "issue.updated-1.0")
}

fn review(payload: &Object<'_>) -> Option<&'static str> {
    match &*payload.text("status")? {
        "OPEN" => Some("review.created-1.0"),
        "CLOSED" => Some("review.closed-1.0"),
        // A review whose creation or closing failed.
        _ => None,
    }
}

fn bid(payload: &Object<'_>) -> Option<&'static str> {
    let has = |key| payload.get(key).is_some();
    if has("bidId") {
        return Some("bid.created-1.0");
    }
    match (has("newState"), has("commentId"), has("content")) {
        (true, false, _) => Some("opportunity.status.updated-1.0"),
        // The other events on comments carry only ids.
        (false, true, true) => Some("opportunity.comment.deleted-1.0"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(pattern: &str, system: Option<&str>, payload: &str, expected: Option<&str>) {
        check_in(
            r#"{"folder":"urn:adsk.wipprod:fs.folder:co.S"}"#,
            pattern,
            system,
            payload,
            expected,
        );
    }

    #[track_caller]
    fn check_in(
        scope: &str,
        pattern: &str,
        system: Option<&str>,
        payload: &str,
        expected: Option<&str>,
    ) {
        let (scope, payload) = (json::parse(scope.as_bytes()), json::parse(payload.as_bytes()));
        let (scope, payload) = (scope.unwrap(), payload.unwrap());

        let event = resolve(pattern, system, scope.object(), payload.object().unwrap());

        assert_eq!(event, expected);
    }

    const DATA: Option<&str> = Some("data");

    #[test]
    fn a_payload_that_names_its_event_resolves_the_pattern() {
        let added = r#"{"context":{"operation":"PostVersionedFiles"}}"#;
        check("dm.*", DATA, added, Some("dm.version.added"));
        check("*.added", None, added, Some("dm.version.added"));
        let finished = r#"{"EventType":"EXTRACTION_FINISHED"}"#;
        check("extraction.*", Some("derivative"), finished, Some("extraction.finished"));
        check("*", Some("adsk.c4r"), r#"{"state":"SYNC_START"}"#, Some("model.sync"));
        let issues = Some("autodesk.construction.issues");
        check("issue.*", issues, r#"{"changedAttributes":[]}"#, Some("issue.updated-1.0"));
        let reviews = Some("autodesk.construction.reviews");
        check("review.*", reviews, r#"{"status":"CLOSED"}"#, Some("review.closed-1.0"));
        let bids = Some("autodesk.construction.bc");
        check("*", bids, r#"{"bidId":"b"}"#, Some("bid.created-1.0"));
        let status = r#"{"opportunityId":"o","newState":"s"}"#;
        check("opportunity.*", bids, status, Some("opportunity.status.updated-1.0"));
    }

    #[test]
    fn what_has_the_flags_was_changed_whatever_the_operation_is_called() {
        let changed = |urn, operation| {
            format!(
                r#"{{"source":"urn:adsk.wipprod:{urn}","modification_flags":"{{}}",
                    "context":{{"operation":"{operation}"}}}}"#
            )
        };
        let later = changed("fs.file:vf.A?version=1", "PostVersionedFiles");
        check("dm.*", DATA, &later, Some("dm.version.modified"));
        let renamed = changed("fs.folder:co.A", "PatchFolder");
        check("dm.*", DATA, &renamed, Some("dm.folder.modified"));
        check("dm.*", DATA, &changed("dm.thing:A", "PatchThing"), None);
    }

    #[test]
    fn where_a_moved_thing_now_lies_tells_into_the_scope_from_out_of_it() {
        let moved = |kind, ancestor| {
            format!(
                r#"{{"source":"urn:adsk.wipprod:{kind}","context":{{"operation":"Move"}},
                    "ancestors":[{{"urn":"urn:adsk.wipprod:fs.folder:co.{ancestor}"}}]}}"#
            )
        };
        check("dm.*", DATA, &moved("fs.folder:co.A", "S"), Some("dm.folder.moved"));
        check("dm.*", DATA, &moved("fs.folder:co.A", "T"), Some("dm.folder.moved.out"));
        check("dm.*", DATA, &moved("fs.file:vf.A", "S"), Some("dm.version.moved"));
        check("dm.*", DATA, &moved("fs.file:vf.A", "T"), Some("dm.version.moved.out"));
        // The pattern may tell enough.
        let somewhere =
            r#"{"source":"urn:adsk.wipprod:fs.folder:co.A","context":{"operation":"Move"}}"#;
        check("*.moved", DATA, somewhere, Some("dm.folder.moved"));
        check("dm.*.out", DATA, somewhere, Some("dm.folder.moved.out"));
        check("dm.*", DATA, somewhere, None);
        check_in("{}", "dm.*", DATA, &moved("fs.file:vf.A", "S"), None);
    }

    #[test]
    fn a_hint_that_contradicts_the_hook_is_no_hint() {
        let added = r#"{"context":{"operation":"PostVersionedFiles"}}"#;
        check("dm.folder.*", DATA, added, None);
        check("*", Some("derivative"), added, None);
        check("*", DATA, r#"{"state":"SYNC_START"}"#, None);
    }

    #[test]
    fn a_payload_without_a_hint_resolves_nothing() {
        check("dm.*", DATA, r#"{"context":{"operation":"PatchMetadata"}}"#, None);
        check("dm.*", DATA, "{}", None);
        check("review.*", Some("autodesk.construction.reviews"), r#"{"status":"FAILED"}"#, None);
        check("*", Some("autodesk.construction.bc"), r#"{"opportunityId":"o"}"#, None);
    }
}
