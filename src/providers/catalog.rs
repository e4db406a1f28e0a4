//! The form of a catalog: one table a provider, one row an event.

use crate::event::group::Group;
use crate::event::provider::Provider;

/// One kind of event that a provider is known to send.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The event as the provider spells it: `dm.version.added`.
    pub event: &'static str,
    /// The group it belongs to, which names its topic.
    pub group: Group,
    /// APS: the system that owns it, as in the API's path: `data`. Onshape has none.
    pub system: Option<&'static str>,
    /// The scope keys of which a registration needs one. Empty: nobody registers it.
    pub scope: &'static [&'static str],
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// The events that a provider is known to send, in the order they are listed to people.
///
/// Not the limit of what is relayed: an event that is missing here still finds its group.
pub fn entries(provider: Provider) -> &'static [Entry] {
    match provider {
        Provider::Onshape => &[],
        Provider::Aps => &[],
    }
}

/// The row of an event, if there is one. APS event names may be given with or without `-1.0`.
pub fn find(provider: Provider, event: &str) -> Option<&'static Entry> {
    entries(provider).iter().find(|entry| entry.event == event)
}
