//! APS bodies that are CloudEvents themselves, as Manufacturing Data Model sends them. They have no
//! hook; their own attributes name the event.

use crate::event::Event;
use crate::event::group::Group;
use crate::event::id::EventId;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::event::subject::Subject;
use crate::event::time;
use crate::json::Object;
use crate::providers::attributes::Attributes;
use crate::providers::identity;
use crate::providers::reading::{Facts, Posted};

/// True if the body is a CloudEvent.
pub fn is_one(body: &Object<'_>) -> bool {
    body.get("specversion").is_some() && body.get("hook").is_none()
}

/// Reads a CloudEvent.
pub fn read<'b>(posted: Posted<'_, 'b>) -> Result<Event<'b>, Reason> {
    let body = posted.body;
    let name = body.text("type").ok_or(Reason::NoEvent)?;
    let id = body
        .text("id")
        .and_then(|id| EventId::parse(id).ok())
        .unwrap_or_else(|| identity::of_object(body, &[]));
    let occurred_at = body.text("time").and_then(|text| time::read(&text));
    let subject = body.text("subject");

    let mut attributes = Attributes::default();
    for (key, value) in body.iter() {
        let is_taken = match key.as_json() {
            // The payload is in `raw`; every CloudEvent has the others.
            "data" | "data_base64" | "specversion" | "type" => true,
            "id" | "subject" => value.text().is_some(),
            "time" => true,
            // Reserved: our own name for a time that cannot be read.
            "timestamp" => occurred_at.is_none() && body.get("time").is_some(),
            _ => false,
        };
        if !is_taken {
            attributes.keep(key, value);
        }
    }
    let is_out_of_range = body.text("time").is_some_and(|text| time::is_out_of_range(&text));
    if let Some(time) = body.get("time").filter(|_| occurred_at.is_none() && !is_out_of_range) {
        attributes.keep_as("timestamp", time);
    }
    Ok(Event {
        id,
        fact: (posted.facts == Facts::Recognised)
            .then(|| identity::of_object(body, &["id", "time"])),
        provider: Provider::Aps,
        name,
        group: Group::Other,
        occurred_at,
        webhook_id: None,
        subject: subject.clone().and_then(|subject| Subject::parse(subject).ok()),
        about: subject,
        resource: Vec::new(),
        actor: None,
        attributes: attributes.finish(),
        verified: posted.verified,
        raw: posted.raw,
    })
}
