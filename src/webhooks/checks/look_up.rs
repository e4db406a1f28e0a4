//! Looks up events in the catalogs, and similar names.

use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::providers::catalog::entry::Entry;
use crate::webhooks::checks::objection::Objection;

/// The scope keys of which an event or pattern needs one; empty if the catalog cannot tell.
pub fn scope_keys(provider: Provider, system: Option<&str>, event: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let entries = match provider {
        Provider::Onshape => known(provider, event).into_iter().collect(),
        Provider::Aps => covered(system, event),
    };
    for key in entries.iter().flat_map(|entry| entry.scope) {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    keys
}

/// The objection to an unknown event.
pub fn unknown(provider: Provider, event: &str) -> Objection {
    Objection::UnknownEvent { provider, event: event.to_owned(), near: nearest(provider, event) }
}

/// The rows that an APS event or pattern covers, in one system or in all.
pub(super) fn covered(system: Option<&str>, event: &str) -> Vec<&'static Entry> {
    let of_system = |entry: &&Entry| system.is_none() || entry.system == system;
    let entries = catalog::entries(Provider::Aps).iter().filter(of_system);
    if event.contains('*') {
        return entries.filter(|entry| catalog::covers(event, entry.event)).collect();
    }
    known(Provider::Aps, event).filter(|entry| of_system(entry)).into_iter().collect()
}

/// The row of an event.
pub(super) fn known(provider: Provider, event: &str) -> Option<&'static Entry> {
    catalog::find(provider, event)
}

/// The known events that are most similar to a text, the best first.
pub(super) fn nearest(provider: Provider, event: &str) -> Vec<&'static str> {
    let mut near: Vec<_> = catalog::entries(provider)
        .iter()
        .map(|entry| (distance(entry.event, event), entry.event))
        .filter(|(distance, _)| *distance <= event.len() / 2)
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, event)| event).collect()
}

/// The number of letters that must be inserted, deleted or replaced to turn one text into the
/// other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in left.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
