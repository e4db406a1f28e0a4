//! What reading a proven body takes and gives.

use crate::event::Event;
use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::event::raw::Raw;
use crate::event::reason::Reason;
use crate::json;
use crate::providers::settings::Assume;

/// What became of a proven body.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is the usual one, and lives on the stack")]
pub enum Reading<'b> {
    /// It is understood.
    Event(Event<'b>),
    /// It is authentic and not understood; it is kept whole.
    Quarantine {
        /// The identity of the body: its hash.
        id: EventId,
        /// Why, from a closed set.
        reason: Reason,
        /// The body as posted.
        raw: Raw<'b>,
        /// What was proven of it.
        verified: Proofs,
        /// The id of its delivery, of APS: it can be part of the event's identity.
        delivery_id: Option<&'b str>,
    },
}

impl<'b> Reading<'b> {
    /// The event's id, or that of a body that was not understood.
    pub fn id(&self) -> &EventId {
        match self {
            Self::Event(event) => &event.id,
            Self::Quarantine { id, .. } => id,
        }
    }

    /// The same, when nothing else is needed any more.
    pub fn into_id(self) -> EventId {
        match self {
            Self::Event(event) => event.id,
            Self::Quarantine { id, .. } => id,
        }
    }

    /// The body as it may be shown: without what proved it.
    pub fn body(&self) -> &'b [u8] {
        match self {
            Self::Event(event) => event.raw.bytes(),
            Self::Quarantine { raw, .. } => raw.bytes(),
        }
    }
}

/// A proven body that is a JSON object, and what helps to understand it.
pub(super) struct Posted<'t, 'b> {
    /// The body.
    pub tree: &'t json::Node<'b>,
    /// The same, as an object.
    pub body: &'t json::Object<'b>,
    /// What it is if it does not say so.
    pub assume: Option<&'b Assume>,
    /// The id of this delivery, of APS.
    pub delivery_id: Option<&'b str>,
    /// Whether the event needs its [`Event::fact`].
    pub facts: Facts,
    /// What was proven.
    pub verified: Proofs,
    /// The body's bytes.
    pub raw: Raw<'b>,
}

/// Whether the source drops what another hook has told already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Facts {
    /// No: an event is recognised by its id alone.
    Ignored,
    /// Yes: by what it says, too, whichever hook says it.
    Recognised,
}

impl From<json::Fault> for Reason {
    fn from(fault: json::Fault) -> Self {
        match fault {
            json::Fault::NotJson => Self::NotJson,
            json::Fault::TooDeep => Self::TooDeep,
        }
    }
}
