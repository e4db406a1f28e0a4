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
    /// The scope keys of which a registration needs one. Empty: nobody registers it, or, where the
    /// standing is [`Standing::Seen`], nobody has published what it takes.
    pub scope: &'static [&'static str],
    /// What its body is like.
    pub family: &'static Family,
    /// How we know of it.
    pub known: Known,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// Bodies of one make, and where in them the parts of an event come from, for people. The first of
/// several that is there counts; an empty text: such bodies do not say it.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What we call it.
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

/// How we know that an event exists.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How sure it is.
    pub standing: Standing,
    /// When it came, as far as somebody has published it: a month, a year or a time before which.
    pub since: Option<&'static str>,
    /// Where it stands.
    pub source: &'static str,
}

/// How we know that an event exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// In the provider's guide or API description.
    Documented,
    /// Not there, but in its other pages, its samples or its clients.
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
    /// The same, and since when.
    pub(in crate::providers) const fn since(self, when: &'static str) -> Self {
        Self { since: Some(when), ..self }
    }
}

impl Standing {
    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
        }
    }
}
