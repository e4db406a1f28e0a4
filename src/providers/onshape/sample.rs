//! Made-up Onshape bodies, with the fields that each event really has.

use crate::providers::sample::ids::Ids;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The body of an event, as Onshape would post it.
pub fn body(event: &str, ids: &mut Ids, now: Timestamp) -> Value {
    let mut body = json!({
        "event": event,
        "timestamp": wire_time(now),
        "webhookId": ids.hex(24),
        "messageId": ids.hex(24),
        "data": "relay-7",
    });
    let fields = fields(event, ids);
    if let (Value::Object(body), Value::Object(fields)) = (&mut body, fields) {
        body.extend(fields);
    }
    body
}

/// The fields that an event's body has beyond the envelope.
fn fields(event: &str, ids: &mut Ids) -> Value {
    let family = event.strip_prefix("onshape.").unwrap_or(event);
    match family {
        "webhook.register" | "webhook.ping" | "webhook.unregister" => {
            json!({ "jsonType": "lifecycle" })
        }
        "model.lifecycle.createversion" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "documentType": 0,
            "versionId": ids.hex(24),
        }),
        "model.lifecycle.createworkspace"
        | "model.lifecycle.deleteworkspace"
        | "model.lifecycle.mergeworkspace"
        | "model.lifecycle.restoreworkspace"
        | "model.lifecycle.updateworkspaceunits" => json!({
            "documentId": ids.hex(24),
            "workspaceId": ids.hex(24),
            "documentMicroversionId": ids.hex(24),
            "documentType": 0,
            "userId": ids.hex(24),
        }),
        "model.lifecycle.metadata" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "workspaceId": ids.hex(24),
            "elementId": ids.hex(24),
            "partId": "JHD",
            "documentType": 0,
        }),
        "model.translation.complete" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "workspaceId": ids.hex(24),
            "translationId": ids.hex(24),
            "userId": ids.hex(24),
        }),
        "document.lifecycle.created" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "documentType": 0,
        }),
        "document.lifecycle.statechange" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "workspaceId": NOT_APPLICABLE,
            "elementId": NOT_APPLICABLE,
            "versionId": NOT_APPLICABLE,
            "documentState": "TRASH",
        }),
        "document.lifecycle.shared" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "entryId": ids.hex(24),
            "entryType": "USER",
            "resourceType": "DOCUMENT",
            "shareAction": "UPDATE",
            "oldPermissionSet": ["READ"],
            "newPermissionSet": ["READ", "WRITE"],
        }),
        "revision.created" => json!({
            "jsonType": "revision",
            "documentId": ids.hex(24),
            "versionId": ids.hex(24),
            "elementId": ids.hex(24),
            "elementType": ids.below(3),
            "partNumber": format!("PRT-{:03}", ids.below(1_000)),
            "releaseId": ids.hex(24),
            "revisionId": ids.hex(24),
        }),
        "comment.create" | "comment.update" | "comment.delete" => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "workspaceId": ids.hex(24),
            "elementId": ids.hex(24),
            "commentId": ids.hex(24),
        }),
        "workflow.transition" => json!({
            "jsonType": "workflow",
            "objectType": "RELEASE",
            "objectId": ids.hex(24),
            "transitionName": "RELEASE",
            "workflowId": ids.hex(24),
        }),
        "user.lifecycle.updateappsettings" => json!({
            "clientId": format!("{}=", ids.hex(39).to_uppercase()),
            "userId": ids.hex(24),
        }),
        "plm.job.created" => json!({
            "documentId": ids.hex(24),
            "jobId": ids.hex(24),
            "jobType": "SYNC_ITEM",
        }),
        "plm.settings.changed" => json!({ "settingsModified": true, "settingsDisabled": false }),
        // An edit of a model, and whatever Onshape adds next.
        _ => json!({
            "jsonType": "document",
            "documentId": ids.hex(24),
            "workspaceId": ids.hex(24),
            "elementId": ids.hex(24),
            "versionId": NOT_APPLICABLE,
            "documentType": 0,
        }),
    }
}

/// The text that Onshape writes for an id that an event does not have.
const NOT_APPLICABLE: &str = "000000000000000000000000";

/// Onshape writes offsets without a colon, which is not RFC 3339.
fn wire_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}
