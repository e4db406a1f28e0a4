//! Samples of the data service: versions, items, folders.

use crate::providers::sample::ids::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) fn version(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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

pub(super) fn lineage(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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

pub(super) fn folder(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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

pub(super) fn operation(event: &str, ids: &mut Ids, now: Timestamp) -> (String, Value) {
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

fn ancestors(parent: &str, ids: &mut Ids) -> Value {
    json!([
        { "name": format!("{}-account-root-folder", ids.uuid()),
          "urn": format!("urn:adsk.wipprod:fs.folder:co.{}", ids.hex(22)) },
        { "name": "Project Files", "urn": parent },
    ])
}

/// Data Management writes whole seconds and an offset without colon.
pub(super) fn data_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
