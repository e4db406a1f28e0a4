//! Chooses the lane of an event.

use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::spool::{LaneId, Spool};
use crate::topics::Names;

/// The lanes of one provider's groups.
#[derive(Clone, Debug)]
pub struct Routes {
    groups: Vec<(Group, LaneId)>,
    quarantine: LaneId,
}

impl Routes {
    /// The routes of a provider. `None` if the spool was opened without one of its topics.
    pub fn new(topics: Names<'_>, provider: Provider, spool: &Spool) -> Option<Self> {
        let groups = Group::of(provider)
            .iter()
            .map(|group| Some((*group, spool.lane(&topics.of(provider, *group))?)))
            .collect::<Option<_>>()?;
        Some(Self { groups, quarantine: spool.lane(&topics.quarantine())? })
    }

    /// The lane of a group. A group that the provider does not have goes to quarantine.
    pub fn of_group(&self, group: Group) -> LaneId {
        let found = self.groups.iter().find(|(of, _)| *of == group);
        found.map_or(self.quarantine, |(_, lane)| *lane)
    }

    /// The quarantine lane.
    pub fn of_quarantine(&self) -> LaneId {
        self.quarantine
    }
}
