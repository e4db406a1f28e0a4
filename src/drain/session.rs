//! The time of one producer, from settling its predecessor's transaction to its own end.

use crate::drain::committed::Committed;
use crate::drain::topics::{Making, Topics};
use crate::kafka::client;
use crate::kafka::outcome::{BatchOutcome, Trouble};
use crate::kafka::patience::Patience;
use crate::kafka::positions::{self, HeldPositions, OpenPosition};
use crate::kafka::publisher::{End, Outgoing, Position, Publisher};
use crate::kafka::readers::{OpenRecords, Readers};
use crate::kafka::settings::{Delivery, Settings};
use crate::record::layout::Headers;
use crate::spool::Identity;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// An initialised producer with its inspector of topics.
#[derive(Debug)]
pub struct Session {
    publisher: Publisher,
    /// The inspector of topics of this session.
    pub topics: Topics,
    /// The largest batch in bytes that each topic takes, as far as it is known.
    pub limits: BTreeMap<String, usize>,
    readers: Readers,
}

/// The findings of a session that begins.
#[derive(Debug)]
pub struct Begun {
    /// The committed positions.
    pub committed: Committed,
    /// The positions of a transaction that had no end in the topic of positions, and was aborted
    /// there. Its records may lie open in their topics.
    pub aborted: Vec<OpenPosition>,
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
        let readers = Readers::open(settings)?;
        Self { publisher, topics, limits: BTreeMap::new(), readers }.end();
        Ok(())
    }

    /// Connects, settles the transaction in doubt, and reads the committed positions.
    /// `is_committed` says of a position without an end whether its transaction is known to be
    /// committed.
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
        is_committed: impl Fn(&OpenPosition) -> bool,
    ) -> Result<(Self, Begun), Error> {
        let topics = Topics::new(settings, making)?;
        topics.ensure_positions(settings, patience).map_err(Error::Kafka)?;
        let limits = topics.largest_batches(fed);
        let largest = limits.values().copied().min().unwrap_or(largest).min(largest);
        let publisher = Publisher::up_to(settings, &identity.instance, largest)?;
        let readers = Readers::open(settings)?;
        let mut session = Self { publisher, topics, limits, readers };
        match session.settle(settings, identity, patience, is_committed) {
            Ok((held, aborted)) => {
                let committed = Committed { identity: identity.clone(), held };
                Ok((session, Begun { committed, aborted }))
            }
            Err(trouble) => {
                session.end();
                Err(Error::Kafka(trouble))
            }
        }
    }

    fn settle(
        &mut self,
        settings: &Settings,
        identity: &Identity,
        patience: Duration,
        is_committed: impl Fn(&OpenPosition) -> bool,
    ) -> Result<(HeldPositions, Vec<OpenPosition>), Trouble> {
        self.publisher.begin(patience)?;
        match settings.delivery {
            // Only now: before the producer has begun, a committed position can be invisible.
            Delivery::ExactlyOnce => {
                let instance = &identity.instance;
                let aborted = self.end_positions(settings, instance, patience, is_committed)?;
                Ok((positions::read(settings, instance, &self.readers, patience)?, aborted))
            }
            Delivery::AtLeastOnce => Ok((HeldPositions::default(), Vec::new())),
        }
    }

    /// Ends the transaction of ours that lies open in the topic of positions, if there is one, and
    /// returns its positions if that was an abort. Until it has an end, no committed position can be
    /// read. See [`crate::drain::leftovers`] for how it comes to be.
    ///
    /// Without knowledge of its end an abort is right: none of its records left the spool.
    fn end_positions(
        &mut self,
        settings: &Settings,
        instance: &str,
        patience: Duration,
        is_committed: impl Fn(&OpenPosition) -> bool,
    ) -> Result<Vec<OpenPosition>, Trouble> {
        let open = positions::open(settings, instance, &self.readers, patience)?;
        let Some(open) = open else { return Ok(Vec::new()) };
        let topic = settings.topic_names().positions();
        let key = format!("{instance}/end");
        let (end, aborted) = match open.iter().any(is_committed) {
            true => (End::Commit { key: &key }, Vec::new()),
            false => (End::Abort, open),
        };
        let told = if aborted.is_empty() { "commit" } else { "abort" };
        tracing::warn!(topic, end = told, "a transaction of ours was left open; ending it");
        self.publisher.end_in(&topic, &[0], end, patience)?;
        Ok(aborted)
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

    /// Waits until the last transaction has its end in each of its partitions. To be called before
    /// the next one begins: a partition without a leader at the wrong moment stays without the end
    /// ([`crate::drain::leftovers`]), and an abort of the next transaction would take back what was
    /// committed in this one. Then this is an error, and a new session does not begin with that
    /// partition before it has a leader.
    ///
    /// Open transactions of others hide the end, but not for long.
    pub fn await_end(&mut self) -> Result<(), Trouble> {
        let began = Instant::now();
        let mut places = self.publisher.take_ended();
        while !places.is_empty() && began.elapsed() < OTHERS {
            let partitions = places.keys().map(|(topic, partition)| (&**topic, *partition));
            let mut stable = self.readers.committed.ends(partitions, ANSWER)?.into_iter();
            places.retain(|_, last| stable.next().is_none_or(|stable| stable <= *last));
            if !places.is_empty() {
                self.publisher.wait(AGAIN);
            }
        }
        Ok(())
    }

    /// The partitions of a topic with open records, each with these. They may be anyone's.
    pub fn open_in(
        &mut self,
        settings: &Settings,
        topic: &str,
        partitions: i32,
    ) -> Result<OpenRecords, Trouble> {
        if settings.delivery == Delivery::AtLeastOnce {
            return Ok(Vec::new());
        }
        let found = self.readers.open_records_in(topic, partitions, LEFTOVERS);
        // A client that has missed a topic which was just made goes on missing it.
        if found.is_err()
            && let Ok(anew) = Readers::open(settings)
        {
            self.readers = anew;
        }
        found
    }

    /// Aborts our open records in these partitions of a topic. If that fails, the state of the
    /// producer is not known any more.
    pub fn abort_in(&mut self, topic: &str, partitions: &[i32]) -> Result<(), Trouble> {
        tracing::warn!(topic, ?partitions, "an aborted transaction was left open; aborting it");
        self.publisher.end_in(topic, partitions, End::Abort, LEFTOVERS)
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

/// The longest time for the leaders of some partitions to say how far they are.
const ANSWER: Duration = Duration::from_secs(5);
/// The interval between two questions.
const AGAIN: Duration = Duration::from_millis(5);
/// The longest time for others' transactions that hide the end of ours.
const OTHERS: Duration = Duration::from_millis(500);
const LEFTOVERS: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
