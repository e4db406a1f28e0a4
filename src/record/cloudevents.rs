//! An event as a CloudEvents 1.0 record, Kafka protocol binding (docs/EVENTS.md).

use crate::event::Event;
use crate::event::encoding::Encoding;
use crate::event::provider::Provider;
use crate::event::raw::Raw;
use crate::event::time;
use crate::record::layout::{Builder, Record};
use crate::record::members::Members;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// The facts of a record that are not part of the event.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The time at which the notification was received.
    pub received_at: Timestamp,
    /// The request's `traceparent`, if it had one.
    pub traceparent: Option<&'a str>,
    /// The id of the event that this record publishes again, because an operator asked for it.
    pub replay_of: Option<&'a str>,
}

/// Encodes the final bytes of an event's record. The place of the sequence number is left open; the
/// spool stamps it at commit.
pub fn encode(event: &Event<'_>, context: Context<'_>, encoding: Encoding) -> Record {
    let names = Names { source: source(event), r#type: type_name(event) };
    encode_named(event, names, context, encoding)
}

/// The two names that CloudEvents requires, in their final form.
pub(super) struct Names<'a> {
    /// `ce_source`.
    pub source: Joined<'a>,
    /// `ce_type`.
    pub r#type: Joined<'a>,
}

/// A text in two pieces, joined where it is written.
pub(super) struct Joined<'a> {
    pub first: &'static str,
    pub rest: Cow<'a, str>,
}

impl Joined<'_> {
    fn pieces(&self) -> (&str, &str) {
        (self.first, &self.rest)
    }

    fn whole(&self) -> String {
        [self.first, &*self.rest].concat()
    }
}

/// Encodes an event under the given names.
pub(super) fn encode_named(
    event: &Event<'_>,
    names: Names<'_>,
    context: Context<'_>,
    encoding: Encoding,
) -> Record {
    let key = event.subject.as_ref().map_or(context.source, |subject| subject.as_str());
    let attributes: usize =
        event.attributes.iter().map(|(name, value)| name.len() + value.as_str().len()).sum();
    let body = match event.raw {
        Raw::Portable(bytes) => bytes.len(),
        Raw::Opaque(bytes) => bytes.len().div_ceil(3) * 4,
    };
    let mut record = Record::builder(key, body + attributes + EXPECTED_REST);
    let said = Said::of(event, names, context);
    match encoding {
        Encoding::Binary => binary(event, &said, &mut record),
        Encoding::Structured => structured(event, &said, &mut record),
    }
    record.finish()
}

/// The size of the rest: headers, names, ids and times. Measured on our fixtures: 1,100 to 1,500
/// bytes.
const EXPECTED_REST: usize = 1_536;

/// The texts that both encodings write, in their final form.
struct Said<'a> {
    context: Context<'a>,
    names: Names<'a>,
    occurred_at: Option<time::Text>,
    received_at: time::Text,
    verified: Cow<'static, str>,
}

impl<'a> Said<'a> {
    fn of(event: &Event<'_>, names: Names<'a>, context: Context<'a>) -> Self {
        Self {
            names,
            occurred_at: event.occurred_at.map(time::Text::of),
            received_at: time::Text::of(context.received_at),
            verified: event.verified.text(),
            context,
        }
    }

    fn occurred_at(&self) -> Option<&str> {
        self.occurred_at.as_ref().map(time::Text::as_str)
    }
}

fn binary(event: &Event<'_>, said: &Said<'_>, record: &mut Builder) {
    record
        .header("content-type", "application/json")
        .header("ce_specversion", "1.0")
        .header("ce_id", event.id.as_str())
        .header_joined("ce_source", said.names.source.pieces())
        .header_joined("ce_type", said.names.r#type.pieces())
        .header_if("ce_subject", event.about.as_deref())
        .header_if("ce_time", said.occurred_at())
        .header("ce_provider", event.provider.as_str())
        .header("ce_eventgroup", event.group.as_str())
        .header("ce_relaysource", said.context.source)
        .header("ce_receivedtime", said.received_at.as_str())
        .sequence_header("ce_sequence")
        .header("ce_verified", &said.verified)
        .header_if("ce_traceparent", said.context.traceparent)
        .header_if("ce_replayof", said.context.replay_of);
    write_value(event, said, record.value());
}

fn structured(event: &Event<'_>, said: &Said<'_>, record: &mut Builder) {
    record.header("content-type", "application/cloudevents+json; charset=UTF-8");
    let mut members = Members::begin(record.value());
    members
        .text("specversion", "1.0")
        .text("id", event.id.as_str())
        .text("source", &said.names.source.whole())
        .text("type", &said.names.r#type.whole())
        .text_if("subject", event.about.as_deref())
        .text_if("time", said.occurred_at())
        .text("datacontenttype", "application/json")
        .text("provider", event.provider.as_str())
        .text("eventgroup", event.group.as_str())
        .text("relaysource", said.context.source)
        .text("receivedtime", said.received_at.as_str())
        .text("verified", &said.verified)
        .text_if("traceparent", said.context.traceparent)
        .text_if("replayof", said.context.replay_of);
    members.place("sequence").push(b'"');
    record.sequence_in_value();
    record.value().extend_from_slice(b"\",\"data\":");
    write_value(event, said, record.value());
    record.value().push(b'}');
}

/// Writes the value that consumers read, the same in both encodings.
fn write_value(event: &Event<'_>, said: &Said<'_>, out: &mut Vec<u8>) {
    let mut value = Members::begin(out);
    value
        .text("id", event.id.as_str())
        .text("provider", event.provider.as_str())
        .text("source", said.context.source)
        .text("event", &event.name)
        .text("group", event.group.as_str())
        .text_if("occurredAt", said.occurred_at())
        .text("receivedAt", said.received_at.as_str())
        .text_if("webhookId", event.webhook_id.as_deref())
        .text_if("subject", event.about.as_deref());
    if !event.resource.is_empty() {
        let mut resource = Members::begin(value.place("resource"));
        for (name, id) in &event.resource {
            resource.text(name, id);
        }
        resource.end();
    }
    if let Some(user) = &event.actor {
        Members::begin(value.place("actor")).text("userId", user).end();
    }
    if !event.attributes.is_empty() {
        let mut attributes = Members::begin(value.place("attributes"));
        for (name, json) in &event.attributes {
            attributes.raw(name, json.as_str().as_bytes());
        }
        attributes.end();
    }
    value.text("verified", &said.verified).body(event.raw).end();
}

/// `ce_type`: reverse-DNS, with the sender's own name of the event.
fn type_name<'a>(event: &'a Event<'_>) -> Joined<'a> {
    let first = match event.provider {
        Provider::Onshape if event.name.starts_with("onshape.") => "com.",
        Provider::Onshape => "com.onshape.",
        Provider::Aps => "com.autodesk.aps.",
    };
    Joined { first, rest: Cow::Borrowed(&event.name) }
}

/// `ce_source`: the registration, as a URI reference.
fn source<'a>(event: &'a Event<'_>) -> Joined<'a> {
    let (hooks, hook) = match event.provider {
        Provider::Onshape => ("/onshape/webhooks", "/onshape/webhooks/"),
        Provider::Aps => ("/aps/hooks", "/aps/hooks/"),
    };
    match &event.webhook_id {
        Some(id) => Joined { first: hook, rest: segment(id) },
        None => Joined { first: hooks, rest: Cow::Borrowed("") },
    }
}

/// Percent-encodes a text as one segment of a URI path.
pub(super) fn segment(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, RESERVED).into()
}

/// The characters that a segment of a URI path cannot hold.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
