//! Looks at the topics of lanes before records are sent to them, and creates those that are
//! missing.
//!
//! Its clients are not the producer's: a producer that waits for an unknown topic holds up
//! everything behind it. They live as long as one session, because a client can lose all its
//! brokers for good (librdkafka issue 5301), and only a new one finds them again.

use crate::drain::lane::Lane;
use crate::kafka::client;
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use crate::kafka::topics::{Inspector, Needed, TopicState, positions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// The topics that may be created, and the runtime for it.
#[derive(Clone, Debug)]
pub struct Making {
    /// The topics that may be created if they are missing.
    pub topics: Arc<[Needed]>,
    /// The runtime whose reactor creates them.
    pub runtime: Handle,
}

/// The topics of one session.
#[derive(Debug)]
pub struct Topics {
    inspector: Inspector,
    making: Making,
    create: bool,
    replication: Option<i32>,
}

impl Topics {
    /// Makes the clients. Does not connect yet.
    pub fn new(settings: &Settings, making: Making) -> Result<Self, client::Error> {
        Ok(Self {
            inspector: Inspector::new(settings)?,
            making,
            create: settings.create_topics,
            replication: settings.replication,
        })
    }

    /// Makes sure that the topic of positions exists, before a producer begins.
    pub fn ensure_positions(&self, settings: &Settings, patience: Duration) -> Result<(), Trouble> {
        let topic = positions(settings);
        match self.inspector.look(&topic.name, patience.min(LOOK))? {
            TopicState::Ready { .. } => Ok(()),
            TopicState::Troubled(Trouble::UnknownTopic) if self.create => self.make(&topic),
            TopicState::Troubled(trouble) => Err(trouble),
        }
    }

    /// Judges a lane's topic, after creating it if it is missing. An error concerns the cluster,
    /// not the topic.
    pub fn look(&self, topic: &str) -> Result<TopicState, Trouble> {
        match self.inspector.look(topic, LOOK)? {
            TopicState::Troubled(Trouble::UnknownTopic) => self.make_missing(topic),
            state => Ok(state),
        }
    }

    /// Judges the topic of a lane. If the lane's next record was refused, also judges the
    /// quarantine topic that is to take it, where nothing may have been published before.
    pub fn look_for(&self, lane: &Lane, settings: &Settings) -> Result<TopicState, Trouble> {
        let state = self.look(&lane.topic)?;
        match (state, lane.refused) {
            (TopicState::Ready { .. }, Some(_)) => {
                match self.look(&settings.topic_names().quarantine())? {
                    TopicState::Ready { .. } => Ok(state),
                    TopicState::Troubled(trouble) => Ok(TopicState::Troubled(trouble)),
                }
            }
            (TopicState::Ready { .. } | TopicState::Troubled(_), _) => Ok(state),
        }
    }

    /// The largest batch in bytes that each topic takes, as far as the cluster tells us.
    pub fn largest_batches(&self, topics: &[&str]) -> BTreeMap<String, usize> {
        self.making.runtime.block_on(self.inspector.largest_batches(topics, LIMITS))
    }

    fn make_missing(&self, topic: &str) -> Result<TopicState, Trouble> {
        let needed = self.making.topics.iter().find(|needed| needed.name == topic);
        let Some(needed) = needed.filter(|_| self.create) else {
            return Ok(TopicState::Troubled(Trouble::UnknownTopic));
        };
        match self.make(needed) {
            Ok(()) => Ok(TopicState::Ready { partitions: needed.partitions }),
            // The cluster has just answered, so any trouble concerns the topic.
            Err(trouble) => Ok(TopicState::Troubled(trouble)),
        }
    }

    fn make(&self, topic: &Needed) -> Result<(), Trouble> {
        let making = self.inspector.make(topic, self.replication, LOOK);
        self.making.runtime.block_on(making)?;
        tracing::info!(topic = topic.name, partitions = topic.partitions, "made a topic");
        Ok(())
    }
}

const LOOK: Duration = Duration::from_secs(5);
/// The cluster has just answered. A session can do without the limits, at the price of some refused
/// batches.
const LIMITS: Duration = Duration::from_secs(2);
