//! Topic names: maps groups of events to topics, and lists all topics.
//!
//! # Promises
//! - A topic's name is made here and nowhere else.
//!
//! Knows nothing of Kafka's client, lanes, or the content of a topic.

use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::veil;
use std::collections::BTreeMap;

/// The names of our topics, according to the settings.
#[derive(Clone, Copy, Debug)]
pub struct Names<'s> {
    /// The beginning of every name that is not overridden: `cad.`.
    pub prefix: &'s str,
    /// Other names for the topics of groups: `onshape.document` is `plm.onshape`.
    pub overrides: &'s BTreeMap<String, String>,
}

impl Names<'_> {
    /// The topic of a group of events.
    pub fn of(&self, provider: Provider, group: Group) -> String {
        let name = format!("{provider}.{group}");
        self.overrides.get(&name).cloned().unwrap_or_else(|| format!("{}{name}", self.prefix))
    }

    /// The topic of bodies that were not understood, and of records that Kafka refused for good.
    pub fn quarantine(&self) -> String {
        format!("{}quarantine", self.prefix)
    }

    /// The topic of positions.
    pub fn positions(&self) -> String {
        format!("{}relay.positions", self.prefix)
    }

    /// The topics that take the records of these providers, each once: those of their groups, and
    /// the quarantine.
    pub fn all(&self, providers: &[Provider]) -> Vec<String> {
        let groups = groups(providers).map(|(provider, group)| self.of(provider, group));
        let mut names: Vec<String> = groups.chain([self.quarantine()]).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The faults of the prefix and the overrides, each with its key.
    pub fn faults(&self) -> Vec<String> {
        let known: Vec<String> =
            groups(&Provider::ALL).map(|(provider, group)| format!("{provider}.{group}")).collect();
        let mut faults = Vec::new();
        for (name, topic) in self.overrides {
            if !known.contains(name) {
                let known = known.join(", ");
                faults.push(format!("kafka.topics.\"{name}\": no such group; there are {known}"));
            }
            if let Some(fault) = fault(topic) {
                faults.push(format!("kafka.topics.\"{name}\": {} {fault}", veil::value(topic)));
            }
        }
        if let Some(fault) = fault(&self.quarantine()) {
            faults.push(format!("kafka.topic_prefix: {} {fault}", veil::value(self.prefix)));
        }
        faults
    }
}

fn groups(providers: &[Provider]) -> impl Iterator<Item = (Provider, Group)> {
    let of = |provider: &Provider| {
        let provider = *provider;
        Group::of(provider).iter().map(move |group| (provider, *group))
    };
    providers.iter().flat_map(of)
}

/// The reason why Kafka does not accept a topic's name.
fn fault(topic: &str) -> Option<&'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.len() > 249 {
        Some("is not 1 to 249 characters long")
    } else if !topic.chars().all(legal) {
        Some("has characters other than letters, digits, '.', '_' and '-'")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_by_prefix_provider_and_group_unless_overridden() {
        let overrides = BTreeMap::from([("onshape.document".to_owned(), "plm.onshape".to_owned())]);
        let names = Names { prefix: "cad.", overrides: &overrides };

        assert_eq!(names.of(Provider::Aps, Group::Data), "cad.aps.data");
        assert_eq!(names.of(Provider::Onshape, Group::Document), "plm.onshape");
        assert_eq!(names.positions(), "cad.relay.positions");
    }

    #[test]
    fn two_groups_that_share_a_topic_need_it_once() {
        let shared = |group| (format!("onshape.{group}"), "plm.onshape".to_owned());
        let overrides = BTreeMap::from([shared(Group::Document), shared(Group::Plm)]);
        let names = Names { prefix: "cad.", overrides: &overrides };

        let all = names.all(&[Provider::Onshape]);

        assert_eq!(
            all,
            [
                "cad.onshape.application",
                "cad.onshape.lifecycle",
                "cad.onshape.other",
                "cad.onshape.workflow",
                "cad.quarantine",
                "plm.onshape",
            ]
        );
    }
}
