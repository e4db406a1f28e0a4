//! The meaning of an Onshape body.
//!
//! A body is one flat object. Its fields depend on the event, and any of them may be missing. Ids
//! of 24 zeros, `null` and empty strings count as absent. A field that is not known by name, or not
//! of the expected kind, becomes an attribute.

use crate::event::Event;
use crate::event::group::Group;
use crate::event::id::EventId;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::event::subject::Subject;
use crate::event::time;
use crate::json::{Kind, Node, Object};
use crate::providers::attributes::Attributes;
use crate::providers::identity;
use crate::providers::reading::{Facts, Posted};
use jiff::Timestamp;
use std::borrow::Cow;

/// Reads a body.
pub(in crate::providers) fn read<'b>(posted: Posted<'_, 'b>) -> Result<Event<'b>, Reason> {
    let fields = Fields::read(posted.body);
    let name = fields.event.ok_or(Reason::NoEvent)?;
    let id = fields
        .message_id
        .and_then(|id| EventId::parse(id).ok())
        .unwrap_or_else(|| identity::of_object(posted.body, &["timestamp"]));
    let fact = (posted.facts == Facts::Recognised)
        .then(|| identity::of_object(posted.body, &["messageId", "timestamp", "webhookId"]));
    Ok(Event {
        id,
        fact,
        provider: Provider::Onshape,
        group: group(&name),
        name,
        occurred_at: fields.occurred_at,
        about: fields
            .resource
            .about(fields.object_type, fields.webhook_id.as_deref())
            .map(Cow::Owned),
        subject: fields.resource.subject(fields.webhook_id.as_ref()),
        webhook_id: fields.webhook_id,
        resource: fields.resource.finish(),
        actor: fields.actor,
        attributes: fields.attributes.finish(),
        verified: posted.verified,
        raw: posted.raw,
    })
}

/// The fields of a body that are known by name and of the expected kind.
#[derive(Default)]
struct Fields<'b> {
    event: Option<Cow<'b, str>>,
    message_id: Option<Cow<'b, str>>,
    webhook_id: Option<Cow<'b, str>>,
    occurred_at: Option<Timestamp>,
    actor: Option<Cow<'b, str>>,
    /// A word, or perhaps a number: both have been reported.
    object_type: Option<Cow<'b, str>>,
    resource: Resource<'b>,
    attributes: Attributes<'b>,
}

impl<'b> Fields<'b> {
    fn read(body: &Object<'b>) -> Self {
        let mut fields = Self::default();
        for (key, value) in body.iter().filter(|(_, value)| !value.is_absent()) {
            match key.as_json() {
                // Handled below in this order of preference, under one name.
                "identityId" | "translationId" | "translationRequestId" | "translatationId" => {}
                name => {
                    if !fields.take(name, value) {
                        fields.attributes.keep(key, value);
                    }
                }
            }
        }
        fields.take_spellings(body);
        fields
    }

    /// Takes a field that is known and of the expected kind. False if it is not.
    fn take(&mut self, name: &str, value: &Node<'b>) -> bool {
        let place = match name {
            "event" => &mut self.event,
            "messageId" => &mut self.message_id,
            "webhookId" => &mut self.webhook_id,
            "userId" => &mut self.actor,
            "timestamp" => {
                let text = value.text();
                self.occurred_at = text.as_deref().and_then(time::read);
                // A time out of range stays in the body alone.
                return self.occurred_at.is_some()
                    || text.as_deref().is_some_and(time::is_out_of_range);
            }
            "objectType" => {
                self.object_type = value.text().or_else(|| number(value));
                return false;
            }
            _ => match self.resource.place(name) {
                Some(place) => place,
                None => return false,
            },
        };
        *place = value.text();
        place.is_some()
    }

    /// Takes the fields that Onshape spells, or has spelt, in several ways.
    fn take_spellings(&mut self, body: &Object<'b>) {
        if let Some(identity) = body.get("identityId") {
            match (&self.actor, identity.text()) {
                (None, Some(text)) => self.actor = Some(text),
                _ => self.attributes.keep_as("identityId", identity),
            }
        }
        let spellings = ["translationId", "translationRequestId", "translatationId"];
        if let Some(translation) = spellings.iter().find_map(|spelling| body.get(spelling)) {
            self.attributes.keep_as("translationId", translation);
        }
    }
}

fn number<'b>(value: &Node<'b>) -> Option<Cow<'b, str>> {
    let short = matches!(value.kind(), Kind::Number) && value.raw().len() <= 20;
    short.then_some(Cow::Borrowed(value.raw()))
}

/// The ids of the things involved.
#[derive(Default)]
struct Resource<'b>([Option<Cow<'b, str>>; RESOURCES.len()]);

/// The names of the ids: from the whole to the part, then those that are not part of a document.
pub const RESOURCES: [&str; 17] = [
    "documentId",
    "workspaceId",
    "versionId",
    "elementId",
    "partId",
    "documentMicroversionId",
    "commentId",
    "revisionId",
    "releaseId",
    "objectId",
    "workflowId",
    "jobId",
    "clientId",
    "companyId",
    "projectId",
    "folderId",
    "entryId",
];

impl<'b> Resource<'b> {
    fn place(&mut self, name: &str) -> Option<&mut Option<Cow<'b, str>>> {
        // Every name ends so, and most other fields do not: this rules them out cheaply.
        name.strip_suffix("Id")?;
        self.0.get_mut(RESOURCES.iter().position(|known| *known == name)?)
    }

    fn get(&self, name: &str) -> Option<&Cow<'b, str>> {
        self.0.get(RESOURCES.iter().position(|known| *known == name)?)?.as_ref()
    }

    /// The path of the thing, for people.
    fn about(&self, object_type: Option<Cow<'_, str>>, webhook_id: Option<&str>) -> Option<String> {
        if let Some(document) = self.get("documentId") {
            let mut path = format!("documents/{document}");
            let workspace = self.get("workspaceId").map(|id| ("/w/", id));
            let version = self.get("versionId").map(|id| ("/v/", id));
            let element = self.get("elementId").map(|id| ("/e/", id));
            for (step, id) in workspace.or(version).into_iter().chain(element) {
                path.push_str(step);
                path.push_str(id);
            }
            return Some(path);
        }
        if let Some(object) = self.get("objectId") {
            return Some(match object_type {
                Some(object_type) => format!("workflows/{object_type}/{object}"),
                None => format!("workflows/{object}"),
            });
        }
        let client = self.get("clientId").map(|id| format!("clients/{id}"));
        let job = || self.get("jobId").map(|id| format!("jobs/{id}"));
        let webhook = || webhook_id.map(|id| format!("webhooks/{id}"));
        client.or_else(job).or_else(webhook)
    }

    /// The thing whose events must stay in order.
    fn subject(&self, webhook_id: Option<&Cow<'b, str>>) -> Option<Subject<'b>> {
        let named = ["documentId", "objectId", "jobId", "clientId"];
        let id = named.iter().find_map(|name| self.get(name)).or(webhook_id)?;
        Subject::parse(id.clone()).ok()
    }

    fn finish(self) -> Vec<(&'static str, Cow<'b, str>)> {
        let ids = RESOURCES.into_iter().zip(self.0);
        ids.filter_map(|(name, id)| Some((name, id?))).collect()
    }
}

/// The group of an event by the prefix of its name, so that new events get a group as well.
fn group(event: &str) -> Group {
    let Some(family) = event.strip_prefix("onshape.") else {
        let is_lifecycle = event.starts_with("webhook.");
        return if is_lifecycle { Group::Lifecycle } else { Group::Other };
    };
    match family.split_once('.').map(|(family, _)| family) {
        Some("model" | "document" | "revision" | "comment") => Group::Document,
        Some("workflow") => Group::Workflow,
        Some("user") => Group::Application,
        Some("plm") => Group::Plm,
        _ => Group::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::catalog;

    #[test]
    fn each_event_of_the_catalog_has_the_group_of_its_row() {
        for entry in catalog::entries(Provider::Onshape) {
            assert_eq!(group(entry.event), entry.group, "{}", entry.event);
        }
    }

    #[test]
    fn a_new_event_finds_its_group_by_its_prefix() {
        for (event, expected) in [
            ("onshape.model.lifecycle.simulated", Group::Document),
            ("onshape.workflow.cancelled", Group::Workflow),
            ("onshape.company.user.added", Group::Other),
            ("onshape.model", Group::Other),
            ("onshape.modelling.done", Group::Other),
            ("webhook.expired", Group::Lifecycle),
            ("document.modified", Group::Other),
        ] {
            assert_eq!(group(event), expected, "{event}");
        }
    }
}
