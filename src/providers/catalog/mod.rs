//! The catalogs: one table for each provider, one row for each event.
//!
//! # Limits
//! A catalog lists the events that we have seen or read of. It never limits what is relayed: both
//! providers add events without notice, and an event without a row still gets a group.

pub mod entry;

use crate::event::provider::Provider;
use crate::providers::catalog::entry::Entry;
use crate::providers::{aps, onshape};

/// The events that a provider is known to send, in the order in which people see them.
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

/// True if an APS pattern such as `dm.*.added` covers an event. `*` stands for any characters, or
/// none; a pattern without it covers only itself.
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
    use crate::event::group::Group;
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
