//! The meaning of an APS body.
//!
//! The real envelope is `{version, resourceUrn, hook, payload}`. The relay takes less, too: the
//! RAPS documentation has no resourceUrn and another payload, and hooks with
//! `callbackWithEventPayloadOnly` leave the hook out, so that only the source's settings can name
//! the event.

use crate::event::Event;
use crate::event::group::Group;
use crate::event::id::EventId;
use crate::event::json::Json;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::event::subject::Subject;
use crate::json::{Node, Object};
use crate::providers::aps::time::EventTime;
use crate::providers::aps::{catalog, cloudevent, wildcard};
use crate::providers::attributes::Attributes;
use crate::providers::identity::{self, Part};
use crate::providers::reading::{Facts, Posted};
use std::borrow::Cow;

/// Reads a body.
pub(in crate::providers) fn read<'b>(posted: Posted<'_, 'b>) -> Result<Event<'b>, Reason> {
    if cloudevent::is_one(posted.body) {
        return cloudevent::read(posted);
    }
    let envelope = Envelope::read(&posted)?;
    let payload = envelope.payload.and_then(Node::object);
    let resource = Resource::read(&envelope, payload);
    let EventTime { occurred_at, unreadable } = payload.map(EventTime::of).unwrap_or_default();
    let name = envelope.event_name(payload);
    let webhook_id = envelope.hook_text("hookId");
    // Without a time, two identical changes have identical bodies, and only the delivery id
    // differs.
    let delivery_id = posted.delivery_id.filter(|_| occurred_at.is_none());
    Ok(Event {
        id: envelope.identity(&envelope.event, envelope.of_hook("hookId"), delivery_id),
        // If two hooks overlap, one may have been registered with a pattern.
        fact: (posted.facts == Facts::Recognised).then(|| {
            envelope.identity(envelope.resolved(payload).unwrap_or(&envelope.event), None, None)
        }),
        provider: Provider::Aps,
        group: group(envelope.system.as_deref(), &envelope.event),
        name,
        occurred_at,
        subject: resource.subject(webhook_id.as_ref()),
        about: resource.resource_urn.clone(),
        actor: payload.and_then(actor),
        attributes: envelope.attributes(unreadable),
        resource: resource.finish(),
        webhook_id,
        verified: posted.verified,
        raw: posted.raw,
    })
}

/// The parts of the body, before the payload is read.
struct Envelope<'t, 'b> {
    hook: Option<&'t Object<'b>>,
    /// The event as the hook names it or the source assumes it; it may be a pattern.
    event: Cow<'b, str>,
    system: Option<Cow<'b, str>>,
    resource_urn: Option<&'t Node<'b>>,
    payload: Option<&'t Node<'b>>,
}

impl<'t, 'b> Envelope<'t, 'b> {
    fn read(posted: &Posted<'t, 'b>) -> Result<Self, Reason> {
        let body = posted.body;
        let resource_urn = body.get("resourceUrn");
        if let Some(hook) = body.get("hook").and_then(Node::object) {
            let assumed = posted.assume.filter(|_| hook.get("event").is_none());
            let event = match assumed {
                Some(assume) => Cow::Borrowed(assume.event.as_str()),
                None => hook.text("event").ok_or(Reason::NoEvent)?,
            };
            let assumed_system = assumed.map(|assume| Cow::Borrowed(assume.system.as_str()));
            let system = hook.text("system").or(assumed_system);
            let payload = body.get("payload");
            return Ok(Self { hook: Some(hook), event, system, resource_urn, payload });
        }
        let assume = posted.assume.ok_or(Reason::NoHook)?;
        // The rest of such a body is not documented: it is the rest of the envelope, or only the
        // payload.
        let inner = body.get("payload").filter(|payload| payload.object().is_some());
        Ok(Self {
            hook: None,
            event: Cow::Borrowed(&assume.event),
            system: Some(Cow::Borrowed(&assume.system)),
            resource_urn,
            payload: inner.or(Some(posted.tree)),
        })
    }

    fn of_hook(&self, key: &str) -> Option<&'t Node<'b>> {
        self.hook?.get(key)
    }

    fn hook_text(&self, key: &str) -> Option<Cow<'b, str>> {
        self.hook?.text(key)
    }

    /// The event's name. A pattern is resolved by the payload, or becomes [`UNKNOWN`].
    fn event_name(&self, payload: Option<&Object<'_>>) -> Cow<'b, str> {
        if !wildcard::is_pattern(&self.event) {
            return self.event.clone();
        }
        self.resolved(payload).unwrap_or(UNKNOWN).into()
    }

    /// The event that a pattern stands for, if the payload tells it. `None` for a name that is no
    /// pattern.
    fn resolved(&self, payload: Option<&Object<'_>>) -> Option<&'static str> {
        if !wildcard::is_pattern(&self.event) {
            return None;
        }
        let scope = self.of_hook("scope").and_then(Node::object);
        wildcard::resolve(&self.event, self.system.as_deref(), scope, payload?)
    }

    /// The hash of the parts that identify the fact. The whole body would not do: the state of the
    /// hook in it can change between two attempts to deliver the same event.
    fn identity(
        &self,
        event: &str,
        hook_id: Option<&Node<'_>>,
        delivery_id: Option<&str>,
    ) -> EventId {
        let assumed_system = self.system.as_deref().map(Part::Text);
        identity::of_parts(&[
            ("deliveryId", delivery_id.map(Part::Text)),
            ("event", Some(Part::Text(event))),
            ("hookId", hook_id.map(Part::Value)),
            ("payload", self.payload.map(Part::Value)),
            ("resourceUrn", self.resource_urn.map(Part::Value)),
            ("system", self.of_hook("system").map(Part::Value).or(assumed_system)),
        ])
    }

    /// The facts that no other member carries. The payload is in `raw`, and is not repeated.
    fn attributes(&self, unreadable_time: Option<&Node<'b>>) -> Vec<(Cow<'b, str>, Json<'b>)> {
        let mut attributes = Attributes::default();
        if let Some(system) = &self.system {
            attributes.keep_text("system", system);
        }
        if wildcard::is_pattern(&self.event) {
            attributes.keep_text("eventPattern", &self.event);
        }
        let unless_text = |value: Option<&'t Node<'b>>| value.filter(|it| it.text().is_none());
        for (name, value) in [
            ("hookAttribute", self.of_hook("hookAttribute")),
            ("timestamp", unreadable_time),
            ("hookId", unless_text(self.of_hook("hookId"))),
            ("system", unless_text(self.of_hook("system"))),
            ("resourceUrn", unless_text(self.resource_urn)),
        ] {
            if let Some(value) = value {
                attributes.keep_as(name, value);
            }
        }
        attributes.finish()
    }
}

/// The ids of the things that the event concerns, as far as the body names them.
struct Resource<'b> {
    resource_urn: Option<Cow<'b, str>>,
    lineage_urn: Option<Cow<'b, str>>,
    project_id: Option<Cow<'b, str>>,
    folder_urn: Option<Cow<'b, str>>,
}

/// The names of these ids.
pub const RESOURCES: [&str; 4] = ["resourceUrn", "lineageUrn", "projectId", "folderUrn"];

impl<'b> Resource<'b> {
    fn read(envelope: &Envelope<'_, 'b>, payload: Option<&Object<'b>>) -> Self {
        let of_payload = |key| payload.and_then(|payload| payload.text(key));
        let resource_urn = envelope.resource_urn.and_then(Node::text);
        // Some events concern an item as a whole.
        let lineage = resource_urn.clone().filter(|urn| urn.contains(":dm.lineage:"));
        // A review names its project in the scope alone.
        let of_scope = || envelope.hook?.get("scope")?.object()?.text("project");
        Self {
            resource_urn,
            lineage_urn: of_payload("lineageUrn").or(lineage),
            project_id: of_payload("project")
                .or_else(|| of_payload("projectId"))
                .or_else(of_scope)
                .or_else(|| envelope.hook_text("projectId")),
            folder_urn: of_payload("parentFolderUrn"),
        }
    }

    /// The thing whose events must stay in order: all versions of a file are one.
    fn subject(&self, hook_id: Option<&Cow<'b, str>>) -> Option<Subject<'b>> {
        let unversioned = self.resource_urn.as_ref().map(without_version);
        let named = self.lineage_urn.clone().or(unversioned.filter(|urn| !urn.is_empty()));
        let named = named.or_else(|| self.project_id.clone()).or_else(|| hook_id.cloned());
        Subject::parse(named?).ok()
    }

    fn finish(self) -> Vec<(&'static str, Cow<'b, str>)> {
        let ids = [self.resource_urn, self.lineage_urn, self.project_id, self.folder_urn];
        RESOURCES.into_iter().zip(ids).filter_map(|(name, id)| Some((name, id?))).collect()
    }
}

/// The URN of an item, made from that of one of its versions.
fn without_version<'b>(urn: &Cow<'b, str>) -> Cow<'b, str> {
    let unversioned = |urn: &str| urn.find("?version=").unwrap_or(urn.len());
    match urn {
        Cow::Borrowed(urn) => Cow::Borrowed(&urn[..unversioned(urn)]),
        Cow::Owned(urn) => Cow::Owned(urn[..unversioned(urn)].to_owned()),
    }
}

fn actor<'b>(payload: &Object<'b>) -> Option<Cow<'b, str>> {
    let user = |key| payload.get(key)?.object()?.text("id");
    user("user_info").or_else(|| user("userInfo")).or_else(|| payload.text("modifiedBy"))
}

/// The group of an event: by its system, or without one by the prefix of its name.
fn group(system: Option<&str>, event: &str) -> Group {
    if let Some(system) = system {
        return catalog::group_of_system(system).unwrap_or(Group::Other);
    }
    match event.split_once('.') {
        Some(("dm", _)) => Group::Data,
        Some(("extraction", _)) => Group::Derivative,
        _ => Group::Other,
    }
}

/// The event of a pattern that the payload does not resolve.
const UNKNOWN: &str = "unknown";
