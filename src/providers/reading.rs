//! What reading a proven body takes and gives.

use crate::event::Event;
use crate::event::proof::Proofs;
use crate::event::raw::Raw;
use crate::event::reason::Reason;
use crate::json;
use crate::providers::settings::Assume;

/// What became of a proven body.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It is understood.
    Event(Box<Event>),
    /// It is authentic and not understood; it is kept whole.
    Quarantine {
        /// Why, from a closed set.
        reason: Reason,
        /// The body as posted.
        raw: Raw,
        /// What was proven of it.
        verified: Proofs,
        /// The id of its delivery, of APS: it can be part of the event's identity.
        delivery_id: Option<String>,
    },
}

/// A proven body that is a JSON object, and what helps to understand it.
pub(super) struct Posted<'b> {
    /// The body.
    pub tree: &'b json::Node<'b>,
    /// The same, as an object.
    pub body: &'b json::Object<'b>,
    /// What it is if it does not say so.
    pub assume: Option<&'b Assume>,
    /// The id of this delivery, of APS.
    pub delivery_id: Option<&'b str>,
    /// Whether the event needs its [`Event::fact`].
    pub facts: Facts,
    /// What was proven.
    pub verified: Proofs,
    /// The body's bytes.
    pub raw: Raw,
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
