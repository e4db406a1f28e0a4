//! The domain: what a provider told us, in one form for all of them.
//!
//! # Promises
//! - An [`Event`] exists only for a notification that was proven and understood.
//! - Its id is the same for every delivery of the same fact by the same hook, and never empty.
//!
//! Knows nothing of I/O, clocks, HTTP, Kafka, or how a provider spells things.

pub mod encoding;
pub mod gap;
pub mod group;
pub mod id;
pub mod json;
pub mod proof;
pub mod provider;
pub mod raw;
pub mod reason;
pub mod subject;
pub mod time;
pub mod traceparent;

use crate::event::group::Group;
use crate::event::id::EventId;
use crate::event::json::Json;
use crate::event::proof::Proofs;
use crate::event::provider::Provider;
use crate::event::raw::Raw;
use crate::event::subject::Subject;
use jiff::Timestamp;
use std::borrow::Cow;

/// A proven and parsed fact: what a consumer gets, before it becomes a Kafka record.
///
/// Texts are borrowed from the body where they stand there unescaped, so an event is cheap to make
/// and lives no longer than its request.
#[derive(Clone, Debug)]
pub struct Event<'b> {
    /// Identity of the fact; a redelivery carries the same one.
    pub id: EventId,
    /// Identity of the fact regardless of the hook, if the source drops repeats by other hooks.
    pub fact: Option<EventId>,
    /// The sender.
    pub provider: Provider,
    /// The sender's name of what happened, as posted: `onshape.model.lifecycle.changed`.
    pub name: Cow<'b, str>,
    /// The group, which decides the topic.
    pub group: Group,
    /// The time of the event by the sender's clock. Absent if the sender gave none, or one that
    /// cannot be read.
    pub occurred_at: Option<Timestamp>,
    /// The registration that caused this delivery: Onshape's webhookId, or the hookId of APS.
    pub webhook_id: Option<Cow<'b, str>>,
    /// The path of the thing concerned, for people and `ce_subject`: `documents/{d}/w/{w}/e/{e}`.
    pub about: Option<Cow<'b, str>>,
    /// The thing concerned, as the Kafka key: events with equal subjects stay in order. `None` if
    /// the sender named nothing; the source's name then stands in.
    pub subject: Option<Subject<'b>>,
    /// Ids of the things involved, under our names, in a fixed order.
    pub resource: Vec<(&'static str, Cow<'b, str>)>,
    /// The user who did it.
    pub actor: Option<Cow<'b, str>>,
    /// Every other field of the sender that is small enough, as posted.
    pub attributes: Vec<(Cow<'b, str>, Json<'b>)>,
    /// The proofs that held for the notification.
    pub verified: Proofs,
    /// The posted body, byte for byte, except for a byte order mark and a token in it.
    pub raw: Raw<'b>,
}
