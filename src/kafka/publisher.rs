//! One producer, from its creation to its end.
//!
//! After [`Ending::InDoubt`] a publisher must not be used again: the state of its transaction is
//! unknown. Its successor settles it, by taking over the same transactional id.

mod ends;

pub use ends::{End, Ended, Seen};

use crate::kafka::client::{self, Context, Error};
use crate::kafka::deliveries::Deliveries;
use crate::kafka::outcome::{BatchOutcome, Ending, Trouble};
use crate::kafka::patience::{Patience, Unheard};
use crate::kafka::settings::{Delivery, Settings};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::{Duration, Instant};

/// A producer with the reports of its current batch.
pub struct Publisher {
    producer: BaseProducer<Deliveries>,
    delivery: Delivery,
    batches: usize,
    /// See [`Publisher::take_ended`].
    ended: Ended,
}

/// One record on its way. `H` iterates over its headers.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a, H> {
    /// The topic.
    pub topic: &'a str,
    /// The Kafka key.
    pub key: &'a [u8],
    /// Name and value of each header.
    pub headers: H,
    /// The Kafka value.
    pub value: &'a [u8],
}

/// The position of a lane, as a record of the positions topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Position {
    /// The record's key.
    pub key: String,
    /// The record's value; `None` is a tombstone.
    pub value: Option<String>,
}

impl Publisher {
    /// Makes a producer. Does not connect yet.
    pub fn new(settings: &Settings, instance: &str) -> Result<Self, Error> {
        Self::of(client::producer(settings, instance)?, settings)
    }

    /// Makes a producer with a bound on the bytes of a request for one partition. A topic refuses
    /// a larger request as a whole.
    pub fn up_to(settings: &Settings, instance: &str, largest: usize) -> Result<Self, Error> {
        Self::of(client::producer_up_to(settings, instance, largest)?, settings)
    }

    fn of(config: ClientConfig, settings: &Settings) -> Result<Self, Error> {
        let deliveries = Deliveries::of(Context::of(settings));
        let producer = config.create_with_context(deliveries).map_err(Error::refused(settings))?;
        Ok(Self { producer, delivery: settings.delivery, batches: 0, ended: Ended::default() })
    }

    /// Connects, and settles the transaction of a former producer. May be repeated after a time-out.
    pub fn begin(&self, patience: Duration) -> Result<(), Trouble> {
        match self.delivery {
            Delivery::ExactlyOnce => self.producer.init_transactions(patience),
            Delivery::AtLeastOnce => {
                self.producer.client().fetch_metadata(None, patience).map(drop)
            }
        }
        .map_err(|error| Trouble::of(&error))
    }

    /// Checks that a broker answers.
    pub fn probe(&self, topic: &str, patience: Duration) -> Result<(), Trouble> {
        self.producer.poll(Duration::ZERO);
        let metadata = self.producer.client().fetch_metadata(Some(topic), patience);
        metadata.map(drop).map_err(|error| Trouble::of(&error))
    }

    /// Waits a moment, and takes what the client reports meanwhile.
    pub fn wait(&self, pause: Duration) {
        self.producer.poll(pause);
    }

    /// Publishes a batch with its positions. A healthy cluster needs some milliseconds for it.
    pub fn publish<'a, H: Iterator<Item = (&'a str, &'a [u8])> + Clone>(
        &mut self,
        positions_topic: &str,
        batch: &[Outgoing<'a, H>],
        positions: &[Position],
        patience: &Patience<'_>,
    ) -> BatchOutcome {
        // Without transactions a position would mean nothing, so none is written.
        let positions = match self.delivery {
            Delivery::ExactlyOnce => positions,
            Delivery::AtLeastOnce => &[],
        };
        self.batches += 1;
        self.producer.context().begin(self.batches, batch.len() + positions.len());
        let ending = match self.delivery {
            Delivery::ExactlyOnce => self.transact(positions_topic, batch, positions, patience),
            Delivery::AtLeastOnce => {
                match self.write(positions_topic, batch, positions, patience) {
                    Ok(()) | Err(Failure::Refused) => Ending::Untied,
                    Err(Failure::Unheard) => Ending::UntiedSilent,
                }
            }
        };
        self.outcome(positions_topic, batch, ending)
    }

    fn transact<'a, H: Iterator<Item = (&'a str, &'a [u8])> + Clone>(
        &self,
        positions_topic: &str,
        batch: &[Outgoing<'a, H>],
        positions: &[Position],
        patience: &Patience<'_>,
    ) -> Ending {
        if let Err(error) = self.producer.begin_transaction() {
            return Ending::InDoubt(Trouble::of(&error));
        }
        match self.write(positions_topic, batch, positions, patience) {
            Ok(()) => match self.producer.commit_transaction(patience.left()) {
                Ok(()) => Ending::Committed,
                Err(error) => self.give_up(&error, patience.left()),
            },
            Err(Failure::Refused) => self.abort(self.producer.context().worst(), patience.left()),
            Err(Failure::Unheard) => Ending::Silent,
        }
    }

    /// Handles a failed commit. It is over only if the client says that an abort is needed.
    fn give_up(&self, error: &KafkaError, patience: Duration) -> Ending {
        let trouble = Trouble::of(error);
        match error {
            KafkaError::Transaction(cause) if cause.txn_requires_abort() => {
                self.abort(trouble, patience)
            }
            _ => Ending::InDoubt(trouble),
        }
    }

    /// Aborts in slices. Purged and failed records must be reported before an abort can end, and
    /// only this thread takes reports: in one long call it would wait for itself.
    fn abort(&self, trouble: Trouble, patience: Duration) -> Ending {
        let began = Instant::now();
        loop {
            let left = patience.saturating_sub(began.elapsed());
            match self.producer.abort_transaction(left.min(ABORT_SLICE)) {
                Ok(()) => return Ending::Aborted(trouble),
                Err(KafkaError::Transaction(error)) if error.is_retriable() && !left.is_zero() => {
                    self.producer.poll(REPORTS_PAUSE);
                }
                Err(error) => return Ending::InDoubt(Trouble::of(&error)),
            }
        }
    }

    /// Hands everything to the client and waits until each record is reported.
    ///
    /// The first refusal ends the waiting if the batch will be aborted. Without transactions every
    /// written record counts, so all reports are waited for.
    fn write<'a, H: Iterator<Item = (&'a str, &'a [u8])> + Clone>(
        &self,
        positions_topic: &str,
        batch: &[Outgoing<'a, H>],
        positions: &[Position],
        patience: &Patience<'_>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let tied = self.delivery == Delivery::ExactlyOnce;
        match self.send_all(positions_topic, batch, positions, began, patience) {
            Err(Failure::Refused) if !tied => {}
            sent => sent?,
        }
        let context = self.producer.context();
        let mut unheard = Unheard::of(batch.len() + positions.len(), began);
        loop {
            let left = usize::try_from(self.producer.in_flight_count()).unwrap_or(0);
            if left == 0 {
                break;
            }
            if patience.is_over(began) || unheard.gap(left, Instant::now()) >= patience.gap {
                return Err(Failure::Unheard);
            }
            // Returns as soon as everything is reported; the slice lets a refusal be seen early.
            drop(self.producer.flush(FLUSH_SLICE));
            if context.has_refusal() && tied {
                return Err(Failure::Refused);
            }
        }
        // Reports may have come in with the last flush.
        self.producer.poll(Duration::ZERO);
        match context.has_refusal() {
            true => Err(Failure::Refused),
            false if context.all_are_written() => Ok(()),
            false => Err(Failure::Unheard),
        }
    }

    fn send_all<'a, H: Iterator<Item = (&'a str, &'a [u8])> + Clone>(
        &self,
        positions_topic: &str,
        batch: &[Outgoing<'a, H>],
        positions: &[Position],
        began: Instant,
        patience: &Patience<'_>,
    ) -> Result<(), Failure> {
        for (index, outgoing) in batch.iter().enumerate() {
            let count = outgoing.headers.size_hint().1.unwrap_or(0);
            let mut headers = OwnedHeaders::new_with_capacity(count);
            for (key, value) in outgoing.headers.clone() {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let record =
                BaseRecord::with_opaque_to(outgoing.topic, Deliveries::tag(self.batches, index))
                    .key(outgoing.key)
                    .payload(outgoing.value)
                    .headers(headers);
            self.send(index, record, began, patience)?;
        }
        for (position, index) in positions.iter().zip(batch.len()..) {
            let mut record =
                BaseRecord::with_opaque_to(positions_topic, Deliveries::tag(self.batches, index))
                    .key(position.key.as_bytes());
            record.payload = position.value.as_deref().map(str::as_bytes);
            self.send(index, record, began, patience)?;
        }
        Ok(())
    }

    fn send(
        &self,
        index: usize,
        mut record: BaseRecord<'_, [u8], [u8], usize>,
        began: Instant,
        patience: &Patience<'_>,
    ) -> Result<(), Failure> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), returned)) => {
                    if patience.is_over(began) {
                        return Err(Failure::Unheard);
                    }
                    self.producer.poll(QUEUE_PAUSE);
                    record = returned;
                }
                Err((error, _)) => {
                    self.producer.context().refuse(index, Trouble::of(&error));
                    return Err(Failure::Refused);
                }
            }
        }
    }

    fn outcome<H>(
        &mut self,
        positions_topic: &str,
        batch: &[Outgoing<'_, H>],
        ending: Ending,
    ) -> BatchOutcome {
        let mut reports = self.producer.context().take();
        if ending == Ending::Committed {
            self.ended = Ended::of(batch, positions_topic, &reports);
        }
        reports.truncate(batch.len());
        BatchOutcome { reports, ending }
    }
}

enum Failure {
    /// A record was refused; the reports tell which.
    Refused,
    /// Some records were not reported in time.
    Unheard,
}

const FLUSH_SLICE: Duration = Duration::from_millis(250);
const QUEUE_PAUSE: Duration = Duration::from_millis(5);
/// Purges are reported in the first slice; a broker that delays the end takes half a second.
const ABORT_SLICE: Duration = Duration::from_millis(50);
const REPORTS_PAUSE: Duration = Duration::from_millis(5);

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
