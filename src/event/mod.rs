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

/// A proven and parsed fact: what a consumer gets, before it becomes a Kafka record.
#[derive(Clone, Debug)]
pub struct Event {
    /// Identity of the fact; a redelivery carries the same one.
    pub id: EventId,
    /// Identity of the fact whichever hook tells it, if the source drops repeats by other hooks.
    pub fact: Option<EventId>,
    /// Who sent it.
    pub provider: Provider,
    /// The sender's name of what happened, as posted: `onshape.model.lifecycle.changed`.
    pub name: String,
    /// Which family of topics it belongs to.
    pub group: Group,
    /// When it happened, by the sender's clock. Absent if the sender did not say, or not readably.
    pub occurred_at: Option<Timestamp>,
    /// The registration that caused this delivery: Onshape's webhookId, the hookId of APS.
    pub webhook_id: Option<String>,
    /// The path of what it is about, for people and `ce_subject`: `documents/{d}/w/{w}/e/{e}`.
    pub about: Option<String>,
    /// What it is about, for Kafka: events with equal subjects stay in order. `None` means the
    /// sender named nothing, and the source's name stands in.
    pub subject: Option<Subject>,
    /// Ids of the things involved, by our names, in the order a reader expects.
    pub resource: Vec<(&'static str, String)>,
    /// The user who did it.
    pub actor: Option<String>,
    /// Every other field of the sender that is small enough, as posted.
    pub attributes: Vec<(String, Json)>,
    /// What was proven about the sender.
    pub verified: Proofs,
    /// The posted body, byte for byte, but for a byte order mark and a token in it.
    pub raw: Raw,
}
