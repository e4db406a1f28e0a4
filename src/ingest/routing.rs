//! Which lane an event belongs to.

use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::kafka::settings::Settings;
use crate::spool::Spool;

/// The lanes of one provider's groups.
#[derive(Clone, Debug)]
pub struct Routes {
    groups: Vec<(Group, u16)>,
    quarantine: u16,
}

/// The topics that the given providers' events go to, and the quarantine's.
pub fn topics(settings: &Settings, providers: &[Provider]) -> Vec<String> {
    let groups = providers
        .iter()
        .flat_map(|provider| Group::of(*provider).iter().map(move |group| (*provider, *group)));
    let mut topics: Vec<String> =
        groups.map(|(provider, group)| settings.topic(provider, group)).collect();
    topics.push(settings.quarantine_topic());
    topics.sort_unstable();
    topics.dedup();
    topics
}

impl Routes {
    /// The routes of a provider. `None` if the spool was opened without one of its topics.
    pub fn new(settings: &Settings, provider: Provider, spool: &Spool) -> Option<Self> {
        let groups = Group::of(provider)
            .iter()
            .map(|group| Some((*group, spool.lane(&settings.topic(provider, *group))?)))
            .collect::<Option<_>>()?;
        Some(Self { groups, quarantine: spool.lane(&settings.quarantine_topic())? })
    }

    /// The lane of a group; a group that the provider does not have is not understood.
    pub fn of_group(&self, group: Group) -> u16 {
        let found = self.groups.iter().find(|(of, _)| *of == group);
        found.map_or(self.quarantine, |(_, lane)| *lane)
    }

    /// The lane of what is not understood.
    pub fn of_quarantine(&self) -> u16 {
        self.quarantine
    }
}
