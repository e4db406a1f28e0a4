//! Made-up APS bodies: the real envelope around a payload of the event's family.

mod data;
mod services;

use crate::event::provider::Provider;
use crate::providers::aps::sample::data::{folder, lineage, operation, version};
use crate::providers::aps::sample::services::{
    building_connected, cost, derivative, issue, plm, review, revit,
};
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

/// The URN of the thing that an event concerns, and the payload.
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

fn hook_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
