//! Samples of the other services.

use crate::event::time;
use crate::providers::sample::ids::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) fn derivative(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let urn = format!("dXJuOmFkc2sud2lwcHJvZDpmcy5maWxlOnZmL{}", ids.hex(23));
    let (kind, status) = match event {
        "extraction.finished" => ("EXTRACTION_FINISHED", "success"),
        _ => ("EXTRACTION_UPDATED", "inprogress"),
    };
    let payload = json!({
        "TimeStamp": now.as_millisecond(),
        "URN": urn,
        "EventType": kind,
        "Payload": { "status": status, "scope": ids.uuid(), "registerKey": [] },
    });
    (urn, payload)
}

pub(super) fn revit(event: &str, ids: &mut Ids) -> (String, Value) {
    let state = match event {
        "model.sync" => "SYNC_COMPLETE",
        _ => "PUBLISHING_IN_PROGRESS",
    };
    let urn = format!("urn:adsk.wipprod:dm.lineage:{}", ids.hex(22));
    (urn, json!({ "projectId": ids.uuid(), "state": state }))
}

/// Fusion Manage says nothing of the time.
pub(super) fn plm(event: &str, ids: &mut Ids) -> (String, Value) {
    let item =
        |ids: &mut Ids| format!("urn:adsk.plm:tenant.workspace.item:ACME.9.{}", ids.below(90_000));
    let urn = item(ids);
    let mut payload = json!({ "ItemUrn": urn, "ItemDescription": "000017 - Bracket" });
    if matches!(event, "item.clone" | "item.release") {
        payload["NewItemUrn"] = json!(item(ids));
        payload["NewItemDescription"] = json!("000018 - Bracket");
    }
    (urn, payload)
}

pub(super) fn issue(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let id = ids.uuid();
    let mut payload = json!({
        "projectId": ids.uuid(),
        "id": id,
        "status": "open",
        "updatedAt": time::to_text(now),
        "issueTypeId": ids.uuid(),
        "issueSubtypeId": ids.uuid(),
        "assignedToType": "user",
        "assignedTo": ids.hex(12).to_uppercase(),
        "watchers": [],
    });
    if event.starts_with("issue.updated") {
        payload["changedAttributes"] = json!(["status"]);
    }
    (format!("urn:adsk.issues:issues.issue:{id}"), payload)
}

/// Reviews are named by a bare UUID, and say nothing of the time or the project.
pub(super) fn review(event: &str, ids: &mut Ids) -> (String, Value) {
    let status = if event.starts_with("review.closed") { "CLOSED" } else { "OPEN" };
    let sequence = (ids.below(99) + 1).to_string();
    (ids.uuid(), json!({ "roundNum": 1, "sequenceId": sequence, "status": status }))
}

pub(super) fn building_connected(event: &str, ids: &mut Ids) -> (String, Value) {
    let id = ids.hex(24);
    if event.starts_with("bid.") {
        return (format!("urn:adsk.bc:bid:{id}"), json!({ "bidId": id }));
    }
    let mut payload = json!({ "opportunityId": id });
    if event.starts_with("opportunity.comment.") {
        payload["commentId"] = json!(ids.hex(24));
    }
    if event.starts_with("opportunity.comment.deleted") {
        payload["content"] = json!("Please quote again.");
        payload["userName"] = json!("A. Estimator");
    }
    if event.starts_with("opportunity.status.") {
        payload["newState"] = json!("WON");
    }
    (format!("urn:adsk.bc:opportunity:{id}"), payload)
}

/// The fields of a cost payload beyond its entity are not published.
pub(super) fn cost(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let entity = event.split('.').next().unwrap_or(event);
    let id = ids.uuid();
    let payload = json!({ "id": id, "projectId": ids.uuid(), "updatedAt": time::to_text(now) });
    (format!("urn:adsk.cost:{entity}:{id}"), payload)
}
