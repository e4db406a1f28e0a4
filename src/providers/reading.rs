//! Reading a proven body: its input and its result.

use crate::event::Event;
use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::event::raw::Raw;
use crate::event::reason::Reason;
use crate::json;
use crate::providers::settings::Assume;

/// The result of reading a proven body.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is the usual one, and lives on the stack")]
pub enum Reading<'b> {
    /// The body was understood.
    Event(Event<'b>),
    /// The body is authentic and was not understood; it is kept whole.
    Quarantine {
        /// The identity of the body: its hash.
        id: EventId,
        /// The reason, from a closed set.
        reason: Reason,
        /// The body as posted.
        raw: Raw<'b>,
        /// The proofs that held.
        verified: Proofs,
        /// The delivery id of APS: it can be part of the event's identity.
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

    /// The same as [`Reading::id`], consuming the reading.
    pub fn into_id(self) -> EventId {
        match self {
            Self::Event(event) => event.id,
            Self::Quarantine { id, .. } => id,
        }
    }

    /// The body as it may be shown: without a token in it.
    pub fn body(&self) -> &'b [u8] {
        match self {
            Self::Event(event) => event.raw.bytes(),
            Self::Quarantine { raw, .. } => raw.bytes(),
        }
    }
}

/// A proven body that is a JSON object, with the facts that help to understand it.
pub(super) struct Posted<'t, 'b> {
    /// The body.
    pub tree: &'t json::Node<'b>,
    /// The same, as an object.
    pub body: &'t json::Object<'b>,
    /// The event to assume if the body does not name one.
    pub assume: Option<&'b Assume>,
    /// The delivery id of APS.
    pub delivery_id: Option<&'b str>,
    /// Tells whether the event needs its [`Event::fact`].
    pub facts: Facts,
    /// The proofs that held.
    pub verified: Proofs,
    /// The body's bytes.
    pub raw: Raw<'b>,
}

/// Tells a source that drops facts told by another hook from one that does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Facts {
    /// No: an event is recognised by its id alone.
    Ignored,
    /// Yes: an event is also recognised by its content, whichever hook sends it.
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
