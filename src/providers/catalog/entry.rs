//! A row of a catalog.

use crate::event::group::Group;

/// One kind of event that a provider is known to send.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The event as the provider spells it: `dm.version.added`.
    pub event: &'static str,
    /// The group it belongs to, which names its topic.
    pub group: Group,
    /// APS: the system that owns it, as in the API's path: `data`. Onshape has none.
    pub system: Option<&'static str>,
    /// The scope keys of which a registration needs one. Empty if the event is not registered at
    /// all, or, with [`Standing::Seen`], if its scope is not published.
    pub scope: &'static [&'static str],
    /// The family of its body.
    pub family: &'static Family,
    /// The evidence for the event.
    pub known: Known,
    /// Its meaning, in one line.
    pub meaning: &'static str,
}

/// Bodies of one make: the places of an event's parts in them, for people. Of several places the
/// first that is present counts; an empty text means that such bodies do not carry the part.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Our name of the family.
    pub name: &'static str,
    /// The group of its events.
    pub group: Group,
    /// APS: the system that sends it. Onshape has none.
    pub system: Option<&'static str>,
    /// `ce_subject`.
    pub subject: &'static str,
    /// The record's key.
    pub key: &'static str,
    /// `occurredAt`.
    pub time: &'static str,
    /// `actor.userId`.
    pub actor: &'static str,
}

/// The evidence that an event exists.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The kind of evidence.
    pub standing: Standing,
    /// The date of its introduction, if somebody has published it: a month, a year, or a bound.
    pub since: Option<&'static str>,
    /// The place where it is published.
    pub source: &'static str,
}

/// The kind of evidence that an event exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It is in the provider's guide or API description.
    Documented,
    /// It is not there, but in the provider's other pages, samples or clients.
    Seen,
}

impl Entry {
    /// A row of a table.
    pub(in crate::providers) const fn row(
        event: &'static str,
        family: &'static Family,
        scope: &'static [&'static str],
        known: Known,
        meaning: &'static str,
    ) -> Self {
        Self { event, group: family.group, system: family.system, scope, family, known, meaning }
    }
}

impl Known {
    /// Adds the date of its introduction.
    pub(in crate::providers) const fn since(self, when: &'static str) -> Self {
        Self { since: Some(when), ..self }
    }
}

impl Standing {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
        }
    }
}
