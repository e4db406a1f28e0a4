//! Made-up APS bodies: the real envelope around a payload of the event's family.

use crate::event::provider::Provider;
use crate::event::time;
use crate::providers::catalog;
use crate::providers::catalog::entry::Entry;
use crate::providers::sample::ids::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The body of an event, as APS would post it.
pub fn body(event: &str, ids: &mut Ids, now: Timestamp) -> Value {
    let entry = catalog::find(Provider::Aps, event);
    let (resource_urn, payload) = subject(event, entry, ids, now);
    json!({
        "version": "1.0",
        "resourceUrn": resource_urn,
        "hook": hook(event, entry, ids, now),
        "payload": payload,
    })
}

fn hook(event: &str, entry: Option<&Entry>, ids: &mut Ids, now: Timestamp) -> Value {
    let system = entry.and_then(|entry| entry.system).unwrap_or("data");
    let scope_key = entry.and_then(|entry| entry.scope.first()).copied().unwrap_or("folder");
    let scope_value = scope_value(scope_key, ids);
    let hook_id = ids.uuid();
    let created = hook_time(now);
    json!({
        "hookId": hook_id,
        "tenant": scope_value,
        "callbackUrl": "https://relay.example/webhooks/aps",
        "createdBy": ids.hex(32),
        "event": event,
        "createdDate": created,
        "lastUpdatedDate": created,
        "system": system,
        "creatorType": "Application",
        "status": "active",
        "scope": { scope_key: scope_value },
        "hookAttribute": { "projectId": format!("b.{}", ids.uuid()) },
        "autoReactivateHook": false,
        "urn": format!("urn:adsk.webhooks:events.hook:{hook_id}"),
        "callbackWithEventPayloadOnly": false,
        "__self__": format!("/systems/{system}/events/{event}/hooks/{hook_id}"),
    })
}

fn scope_value(key: &str, ids: &mut Ids) -> String {
    match key {
        "folder" => format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22)),
        "workspace" | "workflow.transition" => {
            format!("urn:adsk.plm:tenant.workspace:ACME.{}", ids.below(900) + 100)
        }
        "twinUrn" => format!("urn:adsk.dtt:{}", ids.hex(22)),
        _ => ids.uuid(),
    }
}

/// The thing that an event is about, and what is said of it.
fn subject(event: &str, entry: Option<&Entry>, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    if event.starts_with("dm.folder.") {
        return folder(event, ids, now);
    }
    if event.starts_with("dm.operation.") {
        return operation(event, ids, now);
    }
    if event.starts_with("dm.lineage.") {
        return lineage(event, ids, now);
    }
    match entry.and_then(|entry| entry.system) {
        Some("derivative") => derivative(event, ids, now),
        Some("adsk.c4r") => revit(event, ids),
        Some("adsk.flc.production") => plm(event, ids),
        Some("autodesk.construction.issues") => issue(event, ids, now),
        Some("autodesk.construction.reviews") => review(event, ids),
        Some("autodesk.construction.bc") => building_connected(event, ids),
        Some("autodesk.construction.cost") => cost(event, ids, now),
        Some("adsk.tandem") => {
            let urn = format!("urn:adsk.dtt:{}", ids.hex(22));
            (urn.clone(), json!({ "twinUrn": urn, "details": [] }))
        }
        Some("adsk.upchain.live") => {
            let id = ids.below(900_000) + 100_000;
            (format!("urn:adsk.upchain:item:{id}"), json!({ "id": id }))
        }
        _ => version(event, ids, now),
    }
}

fn version(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let file = ids.hex(22);
    let number = ids.below(20) + 1;
    let urn = format!("urn:adsk.wipprod:fs.file:vf.{file}?version={number}");
    let user = ids.hex(12).to_uppercase();
    let parent = format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22));
    let when = data_time(now);
    let mut payload = json!({
        "ext": "rvt",
        "modifiedTime": when,
        "lineageUrn": format!("urn:adsk.wipprod:dm.lineage:{file}"),
        "sizeInBytes": ids.below(90_000_000) + 1_000,
        "hidden": false,
        "indexable": true,
        "source": urn,
        "version": number.to_string(),
        "user_info": { "id": user },
        "name": "tower.rvt",
        "context": { "lineage": { "reserved": false, "createUserId": user, "createTime": when,
            "lastModifiedUserId": user, "lastModifiedTime": when }, "operation": "PostVersionedFiles" },
        "creator": user,
        "createdTime": when,
        "modifiedBy": user,
        "state": "CONTENT_AVAILABLE",
        "parentFolderUrn": parent,
        "ancestors": ancestors(&parent, ids),
        "project": ids.uuid(),
        "tenant": ids.uuid(),
        "custom-metadata": { "storm:process-state": "NEEDS_PROCESSING",
            "storm:entity-type": "SEED_FILE", "storm:action": "upload", "dm_sys_id": ids.uuid(),
            "dm_command:id": ids.uuid(), "file_name": "tower.rvt",
            "forge.type": "versions:autodesk.bim360:File-1.0" },
    });
    match event {
        "dm.version.modified" => {
            payload["context"]["operation"] = json!("PatchMetadata");
            payload["modification_flags"] =
                json!(r#"{"newVersion":false,"accessDefOrScopeChange":false,"metadataOnly":true}"#);
            payload["custom-metadata"]["storm:process-state"] = json!("PROCESSING_COMPLETE");
        }
        "dm.version.moved" | "dm.version.moved.out" => {
            payload["context"]["operation"] = json!("Move");
            payload["context"]["sourceParentFolderUrn"] =
                json!(format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22)));
            payload["target"] = payload["source"].clone();
        }
        "dm.version.copied" | "dm.version.copied.out" => {
            payload["target"] =
                json!(format!("urn:adsk.wipprod:fs.file:vf.{}?version=1", ids.hex(22)));
        }
        "dm.version.deleted" => return deleted_version(&file, &payload),
        _ => {}
    }
    (urn, payload)
}

/// A deletion says less, and names the file instead of a version of it.
fn deleted_version(file: &str, version: &Value) -> (String, Value) {
    let urn = format!("urn:adsk.wipprod:fs.file:vf.{file}");
    let mut payload = json!({ "source": urn, "mimeType": "application/octet-stream" });
    for kept in [
        "ext",
        "modifiedTime",
        "lineageUrn",
        "user_info",
        "name",
        "modifiedBy",
        "parentFolderUrn",
        "ancestors",
        "project",
        "tenant",
    ] {
        payload[kept] = version[kept].clone();
    }
    (urn, payload)
}

fn lineage(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let urn = format!("urn:adsk.wipprod:dm.lineage:{}", ids.hex(22));
    let user = ids.hex(12).to_uppercase();
    let operation = match event {
        "dm.lineage.reserved" => "ReserveLineage",
        "dm.lineage.unreserved" => "UnReserveLineage",
        _ => "UpdateLineages",
    };
    let parent = format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22));
    let payload = json!({
        "ext": "rvt",
        "modifiedTime": data_time(now),
        "lineageUrn": urn,
        "source": urn,
        "user_info": { "id": user },
        "name": "tower.rvt",
        "context": { "operation": operation },
        "modifiedBy": user,
        "parentFolderUrn": parent,
        "ancestors": ancestors(&parent, ids),
        "project": ids.uuid(),
        "tenant": ids.uuid(),
    });
    (urn, payload)
}

fn folder(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let urn = format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22));
    let parent = format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22));
    let user = ids.hex(12).to_uppercase();
    let mut payload = json!({
        "name": "Drawings",
        "source": urn,
        "parentFolderUrn": parent,
        "ancestors": ancestors(&parent, ids),
        "project": ids.uuid(),
        "tenant": ids.uuid(),
        "user_info": { "id": user },
        "modifiedTime": data_time(now),
        "modifiedBy": user,
        "folderAggregatePath": "/Project Files/Drawings",
        "hidden": false,
        "indexable": true,
    });
    match event {
        "dm.folder.added" => {
            payload["creator"] = json!(user);
            payload["createdTime"] = payload["modifiedTime"].clone();
        }
        "dm.folder.deleted" | "dm.folder.purged" => payload["branchName"] = json!("main"),
        "dm.folder.moved" | "dm.folder.moved.out" => {
            payload["context"] = json!({ "operation": "Move" });
            payload["target"] = json!(urn);
            payload["jobId"] = json!(ids.uuid());
        }
        "dm.folder.copied" | "dm.folder.copied.out" => {
            payload["target"] = json!(format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22)));
            payload["jobId"] = json!(ids.uuid());
        }
        _ => {
            payload["modification_flags"] =
                json!(r#"{"newVersion":false,"accessDefOrScopeChange":true,"metadataOnly":false}"#);
        }
    }
    (urn, payload)
}

fn operation(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let source = format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22));
    let (state, progress) =
        if event == "dm.operation.started" { ("AVAILABLE", 0) } else { ("ENDED", 100) };
    let job = ids.uuid();
    let payload = json!({
        "userInfo": { "id": ids.hex(12).to_uppercase() },
        "progress": progress,
        "startTime": data_time(now),
        "operationName": "CopyFolder",
        "state": state,
        "message": "",
        "errors": [],
        "sourceResource": source,
        "eventContext": { "jobId": job, "operation": "CopyFolder",
            "ancestors": [{ "title": "Project Files", "urn": source, "dmid": ids.uuid() }],
            "scopes": [] },
    });
    (source, payload)
}

fn derivative(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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

fn revit(event: &str, ids: &mut Ids) -> (String, Value) {
    let state = match event {
        "model.sync" => "SYNC_COMPLETE",
        _ => "PUBLISHING_IN_PROGRESS",
    };
    let urn = format!("urn:adsk.wipprod:dm.lineage:{}", ids.hex(22));
    (urn, json!({ "projectId": ids.uuid(), "state": state }))
}

/// Fusion Manage says nothing of the time.
fn plm(event: &str, ids: &mut Ids) -> (String, Value) {
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

fn issue(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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
fn review(event: &str, ids: &mut Ids) -> (String, Value) {
    let status = if event.starts_with("review.closed") { "CLOSED" } else { "OPEN" };
    let sequence = (ids.below(99) + 1).to_string();
    (ids.uuid(), json!({ "roundNum": 1, "sequenceId": sequence, "status": status }))
}

fn building_connected(event: &str, ids: &mut Ids) -> (String, Value) {
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

/// What a cost payload holds is not published beyond the entity it is about.
fn cost(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
    let entity = event.split('.').next().unwrap_or(event);
    let id = ids.uuid();
    let payload = json!({ "id": id, "projectId": ids.uuid(), "updatedAt": time::to_text(now) });
    (format!("urn:adsk.cost:{entity}:{id}"), payload)
}

fn ancestors(parent: &str, ids: &mut Ids) -> Value {
    json!([
        { "name": format!("{}-account-root-folder", ids.uuid()),
          "urn": format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22)) },
        { "name": "Project Files", "urn": parent },
    ])
}

/// Data Management writes whole seconds and an offset without colon.
fn data_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

fn hook_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
