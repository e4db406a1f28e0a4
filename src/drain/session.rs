//! The time of one producer, from settling its predecessor's transaction to its own end.

use crate::drain::committed::Committed;
use crate::drain::leftovers;
use crate::drain::topics::{Making, Topics};
use crate::kafka::outcome::{BatchOutcome, Trouble};
use crate::kafka::patience::Patience;
use crate::kafka::positions::{self, HeldPositions};
use crate::kafka::publisher::{Outgoing, Position, Publisher};
use crate::kafka::settings::{Delivery, Settings};
use crate::kafka::{client, open_transactions};
use crate::record::layout::Headers;
use crate::spool::Identity;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// An initialised producer with its inspector of topics.
#[derive(Debug)]
pub struct Session {
    publisher: Publisher,
    /// The inspector of topics of this session.
    pub topics: Topics,
    /// The largest batch in bytes that each topic takes, as far as it is known.
    pub limits: BTreeMap<String, usize>,
}

/// The failure to end leftovers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftoversError {
    /// The topic cannot be read. Only its lane is concerned.
    Reading(Trouble),
    /// The producer could not write the abort, and its state is not known any more.
    Aborting(Trouble),
}

/// The reason why a session did not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be made with these settings.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Kafka does not answer, or refuses.
    #[error("kafka: {}", .0.as_str())]
    Kafka(Trouble),
}

impl Error {
    /// Logs a client error, and returns the trouble for the drain.
    pub fn trouble(&self, brokers: &str) -> Trouble {
        match self {
            Self::Client(error) => {
                tracing::error!(error = %error, brokers, "cannot make a Kafka client");
                Trouble::Fatal
            }
            Self::Kafka(trouble) => *trouble,
        }
    }
}

impl Session {
    /// Makes the clients and ends them again, to check these settings.
    pub fn try_out(
        settings: &Settings,
        identity: &Identity,
        making: Making,
    ) -> Result<(), client::Error> {
        let topics = Topics::new(settings, making)?;
        let publisher = Publisher::new(settings, &identity.instance)?;
        Self { publisher, topics, limits: BTreeMap::new() }.end();
        Ok(())
    }

    /// Connects, settles the transaction in doubt, and reads the committed positions.
    ///
    /// No request of its producer holds more than `largest` bytes, nor more than any of the topics
    /// takes.
    pub fn begin(
        settings: &Settings,
        identity: &Identity,
        making: Making,
        fed: &[&str],
        largest: usize,
        patience: Duration,
    ) -> Result<(Self, Committed), Error> {
        let topics = Topics::new(settings, making)?;
        topics.ensure_positions(settings, patience).map_err(Error::Kafka)?;
        let limits = topics.largest_batches(fed);
        let largest = limits.values().copied().min().unwrap_or(largest).min(largest);
        let publisher = Publisher::up_to(settings, &identity.instance, largest)?;
        let session = Self { publisher, topics, limits };
        match session.settle(settings, identity, patience) {
            Ok(held) => Ok((session, Committed { identity: identity.clone(), held })),
            Err(trouble) => {
                session.end();
                Err(Error::Kafka(trouble))
            }
        }
    }

    fn settle(
        &self,
        settings: &Settings,
        identity: &Identity,
        patience: Duration,
    ) -> Result<HeldPositions, Trouble> {
        self.publisher.begin(patience)?;
        match settings.delivery {
            // Only now: before the producer has begun, a committed position can be invisible.
            Delivery::ExactlyOnce => positions::read(settings, &identity.instance, patience),
            Delivery::AtLeastOnce => Ok(HeldPositions::default()),
        }
    }

    /// Publishes a batch with its positions.
    pub fn publish(
        &mut self,
        settings: &Settings,
        batch: &[Outgoing<'_, Headers<'_>>],
        positions: &[Position],
        patience: &Patience<'_>,
    ) -> BatchOutcome {
        self.publisher.publish(&settings.topic_names().positions(), batch, positions, patience)
    }

    /// Aborts the leftovers in a topic: open records whose values are among `uncommitted`.
    pub fn abort_leftovers(
        &mut self,
        settings: &Settings,
        topic: &str,
        partitions: i32,
        uncommitted: &HashSet<Vec<u8>>,
    ) -> Result<(), LeftoversError> {
        if settings.delivery == Delivery::AtLeastOnce {
            return Ok(());
        }
        let mut open = Vec::new();
        for partition in 0..partitions {
            let values = open_transactions::values(settings, topic, partition, LEFTOVERS);
            let values = values.map_err(LeftoversError::Reading)?;
            if leftovers::need_an_abort(&values, uncommitted) {
                open.push(partition);
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        tracing::warn!(topic, partitions = ?open, "an aborted transaction was left open; aborting it");
        self.publisher.abort_in(topic, &open, LEFTOVERS).map_err(LeftoversError::Aborting)
    }

    /// Checks that a broker answers.
    pub fn probe(&self, settings: &Settings) -> Result<(), Trouble> {
        self.publisher.probe(&settings.topic_names().positions(), PROBE)
    }

    /// Ends its clients on a thread of their own. Closing a producer can take seconds while brokers
    /// are away, and nothing depends on it, so the drain does not wait.
    pub fn end(self) {
        let ended =
            std::thread::Builder::new().name("kafka-ending".to_owned()).spawn(move || drop(self));
        if let Err(error) = ended {
            tracing::warn!(error = %error, "cannot end a producer beside the drain");
        }
    }
}

const LEFTOVERS: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
