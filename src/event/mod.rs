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
/// Its texts are those of the body where they stand there as they are, so that it costs little to make;
/// it lives as long as its request does.
#[derive(Clone, Debug)]
pub struct Event<'b> {
    /// Identity of the fact; a redelivery carries the same one.
    pub id: EventId,
    /// Identity of the fact whichever hook tells it, if the source drops repeats by other hooks.
    pub fact: Option<EventId>,
    /// Who sent it.
    pub provider: Provider,
    /// The sender's name of what happened, as posted: `onshape.model.lifecycle.changed`.
    pub name: Cow<'b, str>,
    /// Which family of topics it belongs to.
    pub group: Group,
    /// When it happened, by the sender's clock. Absent if the sender did not say, or not readably.
    pub occurred_at: Option<Timestamp>,
    /// The registration that caused this delivery: Onshape's webhookId, the hookId of APS.
    pub webhook_id: Option<Cow<'b, str>>,
    /// The path of what it is about, for people and `ce_subject`: `documents/{d}/w/{w}/e/{e}`.
    pub about: Option<Cow<'b, str>>,
    /// What it is about, for Kafka: events with equal subjects stay in order. `None` means the
    /// sender named nothing, and the source's name stands in.
    pub subject: Option<Subject<'b>>,
    /// Ids of the things involved, by our names, in the order a reader expects.
    pub resource: Vec<(&'static str, Cow<'b, str>)>,
    /// The user who did it.
    pub actor: Option<Cow<'b, str>>,
    /// Every other field of the sender that is small enough, as posted.
    pub attributes: Vec<(Cow<'b, str>, Json<'b>)>,
    /// What was proven about the sender.
    pub verified: Proofs,
    /// The posted body, byte for byte, but for a byte order mark and a token in it.
    pub raw: Raw<'b>,
}
