//! The time of one producer, from settling its predecessor's transaction to its own end.

use crate::drain::committed::Committed;
use crate::drain::topics::{Making, Topics};
use crate::kafka::client;
use crate::kafka::outcome::{BatchOutcome, Trouble};
use crate::kafka::patience::Patience;
use crate::kafka::positions::{self, HeldPositions, OpenPosition};
use crate::kafka::publisher::{End, Outgoing, Position, Publisher, Seen};
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
    /// None without transactions, which leave nothing open.
    readers: Option<Readers>,
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
        let readers = readers(settings)?;
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
        let readers = readers(settings)?;
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
        // Only now: before the producer has begun, a committed position can be invisible.
        let instance = &identity.instance;
        let aborted = self.end_positions(settings, instance, patience, is_committed)?;
        let held = match &self.readers {
            Some(readers) => positions::read(settings, instance, readers, patience)?,
            None => HeldPositions::default(),
        };
        Ok((held, aborted))
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
        let Some(readers) = &self.readers else { return Ok(Vec::new()) };
        let open = positions::open(settings, instance, readers, patience)?;
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
    /// committed in this one. If a leader stays away, this is an error, and a new session does not
    /// begin with that partition before it has a leader.
    ///
    /// An older transaction of another producer hides the end, and is waited for only a moment.
    pub fn await_end(&mut self, patience: Duration) -> Result<(), Trouble> {
        let mut ended = self.publisher.take_ended();
        let Some(readers) = self.readers.as_ref().filter(|_| !ended.is_empty()) else {
            return Ok(());
        };
        let began = Instant::now();
        let mut pause = AGAIN;
        loop {
            let answer = readers.asked.ends(ended.partitions(), ANSWER.min(patience));
            let waited = began.elapsed();
            let seen = match answer {
                Ok(stable) => ended.look(&stable),
                // The next question finds a leader that has just changed.
                Err(Trouble::NotEnoughReplicas) if waited < OTHERS => Seen::Hidden,
                // Apache Kafka answers whoever may write. Another cluster that does not is no
                // reason to stop.
                Err(Trouble::Authorization) => Seen::Everywhere,
                Err(trouble) => return Err(trouble),
            };
            let longest = match seen {
                Seen::Everywhere => return Ok(()),
                Seen::Hidden => OTHERS,
                Seen::Missing => OURS.min(patience),
            };
            if waited >= longest {
                if seen == Seen::Missing {
                    let partitions: Vec<_> = ended.partitions().collect();
                    tracing::warn!(?partitions, "a committed transaction is open in partitions");
                }
                return Ok(());
            }
            self.publisher.wait(pause);
            pause = (2 * pause).min(LONGEST);
        }
    }

    /// The partitions of a topic with open records, each with these. They may be anyone's.
    pub fn open_in(
        &mut self,
        settings: &Settings,
        topic: &str,
        partitions: i32,
    ) -> Result<OpenRecords, Trouble> {
        let Some(readers) = &mut self.readers else { return Ok(Vec::new()) };
        let found = readers.open_records_in(topic, partitions, LEFTOVERS);
        // A client that has missed a topic which was just made goes on missing it.
        if found.is_err()
            && let Ok(anew) = Readers::open(settings)
        {
            *readers = anew;
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

/// The readers, if there are transactions.
fn readers(settings: &Settings) -> Result<Option<Readers>, client::Error> {
    match settings.delivery {
        Delivery::ExactlyOnce => Readers::open(settings).map(Some),
        Delivery::AtLeastOnce => Ok(None),
    }
}

/// The longest time for the leaders of some partitions to say how far they are.
const ANSWER: Duration = Duration::from_secs(5);
/// The time between the first two questions; it doubles. An end takes a millisecond or two.
const AGAIN: Duration = Duration::from_millis(1);
/// The longest time between two questions: what hides an end for so long may do so for a minute.
const LONGEST: Duration = Duration::from_millis(50);
/// The longest time for others' transactions that hide the end of ours, and for a new leader.
const OTHERS: Duration = Duration::from_millis(500);
/// The longest time for a transaction of ours that is seen to be open. Until its end is written, the
/// coordinator lets no other begin, so this costs nothing; a later end of another may replace it.
const OURS: Duration = Duration::from_secs(5);
const LEFTOVERS: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
