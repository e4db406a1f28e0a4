//! A gap as a CloudEvents record: an event of the relay's own, in a topic of the provider.

use crate::event::Event;
use crate::event::encoding::Encoding;
use crate::event::gap::Gap;
use crate::event::group::Group;
use crate::event::json::Json;
use crate::event::proof::Proofs;
use crate::event::provider::Provider;
use crate::event::raw::Raw;
use crate::event::subject::Subject;
use crate::event::time;
use crate::record::cloudevents::{self, Context, Joined, Names};
use crate::record::layout::Record;
use jiff::Timestamp;
use std::borrow::Cow;

/// The group whose topic carries the gaps of a provider.
pub fn group(provider: Provider) -> Group {
    match provider {
        Provider::Onshape => Group::Lifecycle,
        Provider::Aps => Group::Other,
    }
}

/// Encodes the final bytes of a gap's record.
pub fn encode(gap: &Gap, received_at: Timestamp, encoding: Encoding) -> Record {
    let (path, kind) = match gap.subscription {
        Some(_) => ("/cadrelay/subscriptions/", "subscriptions"),
        None => ("/cadrelay/sources/", "sources"),
    };
    let about = format!("{kind}/{}", gap.subject());
    let names = Names {
        source: Joined { first: path, rest: cloudevents::segment(gap.subject()) },
        r#type: Joined { first: TYPE, rest: Cow::Borrowed("") },
    };
    let event = Event {
        id: gap.id(),
        fact: None,
        provider: gap.provider,
        name: NAME.into(),
        group: group(gap.provider),
        occurred_at: Some(gap.to),
        webhook_id: None,
        about: Some(about.into()),
        subject: Subject::parse(gap.subject()).ok(),
        resource: Vec::new(),
        actor: None,
        attributes: attributes(gap),
        verified: Proofs::NONE,
        // A gap was not posted by anyone, so its body is empty.
        raw: Raw::Portable(b"{}"),
    };
    let context = Context { source: &gap.source, received_at, traceparent: None, replay_of: None };
    cloudevents::encode_named(&event, names, context, encoding)
}

fn attributes(gap: &Gap) -> Vec<(Cow<'static, str>, Json<'static>)> {
    let mut attributes = Vec::new();
    let mut add = |name: &'static str, value: serde_json::Value| {
        attributes.push((name.into(), Json::known(value.to_string())));
    };
    if let Some(subscription) = &gap.subscription {
        add("subscription", subscription.as_str().into());
    }
    add("from", time::to_text(gap.from).into());
    add("to", time::to_text(gap.to).into());
    add("why", gap.why.as_str().into());
    if let Some(dropped) = gap.dropped {
        add("dropped", dropped.into());
    }
    if !gap.scope.is_empty() {
        add("scope", gap.scope.iter().map(|(key, id)| (key.clone(), id.clone())).collect());
    }
    attributes
}

/// The name of a gap's event.
pub const NAME: &str = "cadrelay.subscription.gap";
const TYPE: &str = "com.cadrelay.subscription.gap";
