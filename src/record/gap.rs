//! A gap as a CloudEvents record: an event of the relay's own among those of the provider.

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
use crate::record::cloudevents::{self, Context, Names};
use crate::record::layout::Record;
use bytes::Bytes;
use jiff::Timestamp;

/// The group whose topic tells of a provider's gaps.
pub fn group(provider: Provider) -> Group {
    match provider {
        Provider::Onshape => Group::Lifecycle,
        Provider::Aps => Group::Other,
    }
}

/// Encodes the final bytes of a gap's record.
pub fn encode(gap: &Gap, received_at: Timestamp, encoding: Encoding) -> Record {
    let kind = if gap.subscription.is_some() { "subscriptions" } else { "sources" };
    let about = format!("{kind}/{}", gap.subject());
    let names = Names {
        source: format!("/cadrelay/{kind}/{}", cloudevents::segment(gap.subject())),
        r#type: TYPE.to_owned(),
    };
    let event = Event {
        id: gap.id(),
        fact: None,
        provider: gap.provider,
        name: NAME.to_owned(),
        group: group(gap.provider),
        occurred_at: Some(gap.to),
        webhook_id: None,
        about: Some(about),
        subject: Subject::parse(gap.subject()).ok(),
        resource: Vec::new(),
        actor: None,
        attributes: attributes(gap),
        verified: Proofs::NONE,
        // Nobody posted it.
        raw: Raw::Portable(Bytes::from_static(b"{}")),
    };
    let context = Context { source: &gap.source, received_at, traceparent: None, replay_of: None };
    cloudevents::encode_named(&event, names, context, encoding)
}

fn attributes(gap: &Gap) -> Vec<(String, Json)> {
    let mut attributes = Vec::new();
    let mut add = |name: &str, value: serde_json::Value| {
        attributes.push((name.to_owned(), Json::known(value.to_string())));
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

const NAME: &str = "cadrelay.subscription.gap";
const TYPE: &str = "com.cadrelay.subscription.gap";
