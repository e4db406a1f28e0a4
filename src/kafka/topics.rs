//! The topics that the relay needs: finds out whether they exist and can be written, and creates them.

use crate::event::provider::Provider;
use crate::kafka::authorization::{self, Permission};
use crate::kafka::client::{self, Context, Error, MAX_MESSAGE_BYTES};
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use crate::kafka::tls_alerts::{self, TlsAlerts};
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::collections::BTreeMap;
use std::time::Duration;

/// A topic that the relay needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Needed {
    /// Its name.
    pub name: String,
    /// Its partitions, if we create it.
    pub partitions: i32,
    /// Its properties, if we create it.
    pub properties: Vec<(&'static str, &'static str)>,
}

/// The settings of a topic by name, as the cluster has them, defaults included.
pub type Properties = BTreeMap<String, String>;

/// The state of a topic in the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TopicState {
    /// It takes records.
    Ready {
        /// The number of its partitions.
        partitions: i32,
    },
    /// It takes none for now.
    Troubled(Trouble),
}

/// The topics of the given providers, the quarantine and the positions.
pub fn needed(settings: &Settings, providers: &[Provider]) -> Vec<Needed> {
    let mut needed: Vec<Needed> = settings
        .topic_names()
        .all(providers)
        .into_iter()
        .map(|name| Needed {
            name,
            partitions: settings.partitions,
            // A cluster may compact by default, and would then keep only one event of a document.
            properties: vec![
                ("cleanup.policy", "delete"),
                ("max.message.bytes", MAX_MESSAGE_BYTES),
            ],
        })
        .collect();
    needed.push(positions(settings));
    needed
}

/// The topic of positions: small segments, so that a start reads it in under a second.
pub fn positions(settings: &Settings) -> Needed {
    Needed {
        name: settings.topic_names().positions(),
        partitions: 1,
        properties: vec![
            ("cleanup.policy", "compact"),
            ("segment.bytes", "1048576"),
            ("segment.ms", "600000"),
            ("min.cleanable.dirty.ratio", "0.1"),
        ],
    }
}

/// Looks at topics and creates them. Its clients are not the producer's: a client that waits for an
/// unknown topic holds up everything behind it.
pub struct Inspector {
    reader: BaseConsumer<TlsAlerts>,
    admin: AdminClient<Context>,
}

impl Inspector {
    /// Makes the clients. Does not connect yet.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let config = client::reader(settings)?;
        let context = Context::of(settings);
        let alerts = TlsAlerts::of(context.clone());
        let reader = config.create_with_context(alerts).map_err(Error::refused(settings))?;
        let admin = client::common(settings)?
            .create_with_context(context)
            .map_err(Error::refused(settings))?;
        Ok(Self { reader, admin })
    }

    /// Judges a topic: it must exist, have leaders, and be ours to write. An error concerns the cluster,
    /// not the topic.
    pub fn look(&self, topic: &str, patience: Duration) -> Result<TopicState, Trouble> {
        let metadata = self
            .reader
            .fetch_metadata(Some(topic), patience)
            .map_err(|error| tls_alerts::why_not(&self.reader, &error))?;
        let Some(found) = metadata.topics().first() else {
            return Ok(TopicState::Troubled(Trouble::UnknownTopic));
        };
        if let Some(code) = found.error() {
            return Ok(TopicState::Troubled(Trouble::of_code(code.into())));
        }
        if found.partitions().is_empty() {
            return Ok(TopicState::Troubled(Trouble::UnknownTopic));
        }
        let leaderless = found.partitions().iter().any(|partition| partition.leader() < 0);
        if leaderless {
            return Ok(TopicState::Troubled(Trouble::NotEnoughReplicas));
        }
        match authorization::to_write(&self.admin, metadata.orig_broker_id(), topic, patience) {
            Permission::Denied => Ok(TopicState::Troubled(Trouble::Authorization)),
            Permission::Granted | Permission::Unknown => {
                Ok(TopicState::Ready { partitions: found.partitions().len() as i32 })
            }
        }
    }

    /// The largest batch of records that each topic takes, in bytes. Without the topics that are missing
    /// or that the cluster does not describe to us; empty if it does not answer.
    pub async fn largest_batches(
        &self,
        topics: &[&str],
        patience: Duration,
    ) -> BTreeMap<String, usize> {
        let options = AdminOptions::new().request_timeout(Some(patience));
        let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        let described = self.admin.describe_configs(&asked, &options).await.unwrap_or_default();
        let limit = |config: ConfigResource| {
            let limit = config.get("max.message.bytes")?.value.as_ref()?.parse().ok()?;
            match config.specifier {
                OwnedResourceSpecifier::Topic(topic) => Some((topic, limit)),
                OwnedResourceSpecifier::Group(_) | OwnedResourceSpecifier::Broker(_) => None,
            }
        };
        described.into_iter().flatten().filter_map(limit).collect()
    }

    /// The settings of an existing topic.
    pub async fn properties(&self, topic: &str, patience: Duration) -> Result<Properties, Trouble> {
        let options = AdminOptions::new().request_timeout(Some(patience));
        let asked = [ResourceSpecifier::Topic(topic)];
        let described = self.admin.describe_configs(&asked, &options).await;
        match described.map_err(|error| Trouble::of(&error))?.into_iter().next() {
            Some(Ok(config)) => Ok(config
                .entries
                .into_iter()
                .filter_map(|entry| Some((entry.name, entry.value?)))
                .collect()),
            Some(Err(code)) => Err(Trouble::of_code(code)),
            None => Err(Trouble::Timeout),
        }
    }

    /// Creates a topic. It is no error if the topic exists already.
    pub async fn make(
        &self,
        topic: &Needed,
        replication: Option<i32>,
        patience: Duration,
    ) -> Result<(), Trouble> {
        let replication = TopicReplication::Fixed(replication.unwrap_or(-1));
        let mut new = NewTopic::new(&topic.name, topic.partitions, replication);
        for (property, value) in &topic.properties {
            new = new.set(property, value);
        }
        // The cluster may continue after this; we do not wait until the topic has its leaders.
        let options = AdminOptions::new()
            .operation_timeout(Some(patience.min(MAKING)))
            .request_timeout(Some(patience));
        let results = self
            .admin
            .create_topics(&[new], &options)
            .await
            .map_err(|error: KafkaError| Trouble::of(&error))?;
        match results.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) | Some(Ok(_)) => Ok(()),
            Some(Err((_, code))) => Err(Trouble::of_code(code)),
            None => Err(Trouble::Timeout),
        }
    }
}

/// A healthy cluster creates a topic in some ten milliseconds.
const MAKING: Duration = Duration::from_secs(1);

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needed_are_a_topic_for_each_group_the_quarantine_and_the_positions() {
        let needed = needed(&Settings::default(), &[Provider::Onshape]);

        let names: Vec<_> = needed.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "cad.onshape.application",
                "cad.onshape.document",
                "cad.onshape.lifecycle",
                "cad.onshape.other",
                "cad.onshape.plm",
                "cad.onshape.workflow",
                "cad.quarantine",
                "cad.relay.positions",
            ]
        );
    }
}
