//! The form of a catalog: one table a provider, one row an event.
//!
//! # Limits
//! A catalog is what we have seen or read, never the limit of what is relayed: both providers add
//! events without notice, and an event without a row still finds its group.

use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::providers::{aps, onshape};

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
    pub(super) const fn row(
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
    pub(super) const fn since(self, when: &'static str) -> Self {
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

/// The events that a provider is known to send, in the order they are listed to people.
pub fn entries(provider: Provider) -> &'static [Entry] {
    match provider {
        Provider::Onshape => onshape::catalog::ENTRIES,
        Provider::Aps => aps::catalog::ENTRIES,
    }
}

/// The row of an event, if there is one. APS event names may be given with or without `-1.0`.
pub fn find(provider: Provider, event: &str) -> Option<&'static Entry> {
    let wanted = without_revision(event);
    entries(provider).iter().find(|entry| without_revision(entry.event) == wanted)
}

/// Whether an APS pattern such as `dm.*.added` covers an event. `*` stands for any characters, also
/// none; a pattern without it covers exactly itself.
pub fn covers(pattern: &str, event: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == event };
    let Some(mut left) = event.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*');
    let end = pieces.next_back().unwrap_or_default();
    for piece in pieces {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(end)
}

/// APS writes some names with a revision in one place and without it in another.
fn without_revision(event: &str) -> &str {
    event.strip_suffix("-1.0").unwrap_or(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_event_has_two_rows() {
        for provider in Provider::ALL {
            let names: BTreeSet<_> = entries(provider).iter().map(|entry| entry.event).collect();

            assert_eq!(names.len(), entries(provider).len(), "{provider}");
        }
    }

    #[test]
    fn every_row_belongs_to_a_group_of_its_provider() {
        for provider in Provider::ALL {
            for entry in entries(provider) {
                assert!(Group::of(provider).contains(&entry.group), "{}", entry.event);
            }
        }
    }

    #[test]
    fn an_event_is_found_with_or_without_its_revision() {
        let found = |event| find(Provider::Aps, event).map(|entry| entry.event);

        assert_eq!(found("issue.created"), Some("issue.created-1.0"));
        assert_eq!(found("issue.created-1.0"), Some("issue.created-1.0"));
        assert_eq!(found("dm.version.added-1.0"), Some("dm.version.added"));
        assert_eq!(found("dm.item.created"), None);
    }

    #[test]
    fn a_pattern_covers_what_its_stars_can_fill() {
        for (pattern, event, expected) in [
            ("*", "dm.version.added", true),
            ("dm.*", "dm.version.added", true),
            ("*.added", "dm.version.added", true),
            ("dm.*.modified", "dm.folder.modified", true),
            ("dm.*.modified", "dm.modified", false),
            ("budget.*-1.0", "budget.created-1.0", true),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("a*a", "a", false),
            ("dm.version.added", "dm.version.added", true),
            ("dm.version.added", "dm.version.added.x", false),
        ] {
            assert_eq!(covers(pattern, event), expected, "{pattern} {event}");
        }
    }
}
