//! The subscriptions that a keeper looks after.

use crate::webhooks::declared::{At, Declared};
use crate::webhooks::existing::Clients;
use std::time::Duration;

/// The subscriptions that a keeper looks after, and its interval.
#[derive(Debug)]
pub struct Assignment {
    pub(super) groups: Vec<Group>,
    pub(super) interval: Duration,
    /// The number of subscriptions declared with `keep`, also those that only other replicas look after.
    pub(super) declared_to_keep: usize,
}

/// Subscriptions that are looked at together, so that an outage of one provider does not affect the
/// other.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) clients: Clients,
    pub(super) declared: Vec<Declared>,
}

impl Assignment {
    /// Makes an assignment of those among the declared subscriptions that say `keep`, with their
    /// providers' clients.
    pub fn new(declared: Vec<Declared>, clients: Clients, interval: Duration) -> Self {
        let kept: Vec<Declared> = declared.into_iter().filter(|one| one.keep).collect();
        let declared_to_keep = kept.len();
        let (onshape, aps) =
            kept.into_iter().partition(|one: &Declared| matches!(one.at, At::Onshape(_)));
        let groups = vec![
            Group {
                declared: onshape,
                clients: Clients { onshape: clients.onshape, ..Clients::default() },
            },
            Group { declared: aps, clients: Clients { aps: clients.aps, ..Clients::default() } },
        ];
        Self { groups, interval, declared_to_keep }
    }

    /// The same on a replica that leaves them to others.
    pub fn left_to_others(self) -> Self {
        Self { groups: Vec::new(), ..self }
    }

    /// The time from one look at them to the next.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.declared().map(|one| one.name.as_str())
    }

    pub(super) fn declared(&self) -> impl Iterator<Item = &Declared> {
        self.groups.iter().flat_map(|group| &group.declared)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Declared> {
        self.declared().find(|one| one.name == name)
    }
}
