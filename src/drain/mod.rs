//! Moves records from the spool's lanes to Kafka, in order, each once.
//!
//! # Promises
//! - A record leaves the spool only when Kafka has committed it, or its quarantined form.
//! - A lane in trouble holds back itself alone; the others flow.
//! - After any outcome that is not certain, the producer is ended and made anew, and what Kafka
//!   says counts decides.
//!
//! # Limits
//! One batch at a time, of at most [`batch::MAX_RECORDS`] records and [`batch::MAX_BYTES`] bytes.
//!
//! Knows nothing of HTTP, providers, or what the bytes mean.

mod apply;
pub mod batch;
mod begin;
mod committed;
pub mod fencing_backoff;
mod idle;
pub mod lane;
pub mod leftovers;
pub mod session;
pub mod settle;
pub mod status;
pub mod timing;
mod topic_trouble;
pub mod topics;
pub mod turns;

use crate::drain::batch::Batch;
use crate::drain::lane::Lane;
use crate::drain::session::Session;
use crate::drain::status::Status;
use crate::drain::timing::Timing;
use crate::drain::topics::Making;
use crate::drain::turns::Turns;
use crate::kafka::client;
use crate::kafka::outcome::Ending;
use crate::kafka::patience::Patience;
use crate::kafka::publisher::Position;
use crate::kafka::settings::Settings;
use crate::record::traceparent;
use crate::spool::{LaneId, ReadError, Spool};
use crate::telemetry::traces::Traces;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The drain with all it holds between two steps.
#[derive(Debug)]
pub struct Drain {
    spool: Spool,
    settings: Settings,
    making: Making,
    status: Arc<Status>,
    session: Option<Session>,
    lanes: Vec<Lane>,
    timing: Timing,
    turns: Turns,
    /// The largest request for a partition, in bytes, if its topic does not set a limit.
    largest: usize,
    /// Positions that nobody needs any more, to be taken back with the next batch.
    tombstones: Vec<Position>,
    traces: Traces,
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stepped {
    /// Records left the spool, or a change may let them leave: take the next step.
    On,
    /// Nothing can be done before the time is up or a record comes.
    Idle(Duration),
    /// A batch was just published: wait this long, so that more records join the next one.
    Gather(Duration),
}

/// The drain cannot go on: the spool cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] ReadError);

impl Drain {
    /// A drain of all lanes of the spool.
    ///
    /// Clients that cannot be made with these settings are refused now, not at the first attempt.
    pub fn new(
        spool: Spool,
        settings: Settings,
        making: Making,
        status: Arc<Status>,
    ) -> Result<Self, client::Error> {
        Session::try_out(&settings, spool.identity(), making.clone())?;
        let lanes = spool
            .books()
            .lanes
            .iter()
            .map(|book| {
                let (number, topic) = (book.number, Arc::clone(&book.topic));
                if book.pending > 0 {
                    Lane::inherited(number, topic)
                } else {
                    Lane::new(number, topic)
                }
            })
            .collect();
        Ok(Self {
            spool,
            settings,
            making,
            status,
            session: None,
            lanes,
            timing: Timing::new(Instant::now()),
            turns: Turns::default(),
            largest: usize::MAX,
            tombstones: Vec::new(),
            traces: Traces::default(),
        })
    }

    /// The same, which makes a span of each batch.
    pub fn tracing(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// Steps until told to stop, then until nothing waits or `grace` is over.
    pub fn run(mut self, stop: &AtomicBool, grace: Duration) -> Result<(), Error> {
        // One batch may be under way when the stop comes: its deliveries and its commit share the
        // grace.
        let patience = Patience { usual: PATIENCE, gap: PATIENCE, stopping: grace / 2, stop };
        while !stop.load(Ordering::Acquire) {
            match self.step(Instant::now(), &patience)? {
                Stepped::On => {}
                Stepped::Idle(pause) => self.wait(pause, stop),
                Stepped::Gather(pause) => self.spool.wait_for_records(&[], pause),
            }
        }
        let deadline = Instant::now() + grace;
        while self.waits() {
            let left = deadline.saturating_duration_since(Instant::now());
            // If Kafka is away during the stop, the records stay in the spool for the next start.
            if left.is_zero() || self.session.is_none() {
                break;
            }
            match self.step(Instant::now(), &patience)? {
                Stepped::On => {}
                // A pause is unlikely to end before the grace is over.
                Stepped::Idle(pause) | Stepped::Gather(pause) => {
                    self.spool
                        .wait_for_records(&[], pause.min(left).min(Duration::from_millis(100)));
                }
            }
        }
        if let Some(session) = self.session.take() {
            session.end();
        }
        Ok(())
    }

    /// Publishes one batch, or makes one attempt to reach Kafka.
    pub fn step(&mut self, now: Instant, patience: &Patience<'_>) -> Result<Stepped, Error> {
        if let Some(left) = self.timing.paused(now) {
            return Ok(Stepped::Idle(left));
        }
        if self.session.is_none() {
            return self.begin(now, patience.left().min(BEGIN));
        }
        if !self.look_at_topics(now)? {
            return Ok(Stepped::On);
        }
        if let Some(left) = self.timing.gathers(now) {
            return Ok(Stepped::Gather(left));
        }
        if !self.last_batch_has_its_end(now, patience.left()) {
            return Ok(Stepped::On);
        }
        let batch = Batch::compose(&self.spool, &self.lanes, &mut self.turns, now)?;
        for (lane, leaving) in batch.passed() {
            self.spool.release(*lane, *leaving, &[]);
        }
        if batch.is_empty() {
            return Ok(if batch.passed().is_empty() { self.idle(now) } else { Stepped::On });
        }
        let mut positions = batch.positions(self.spool.identity(), &self.lanes);
        positions.extend_from_slice(&self.tombstones);
        let quarantine = self.settings.topic_names().quarantine();
        let outgoing = batch.outgoing(&self.lanes, &quarantine);
        let Some(session) = self.session.as_mut() else { return Ok(Stepped::On) };
        let patience = Patience { gap: self.timing.gap(), ..*patience };
        let traceparents = outgoing
            .iter()
            .filter_map(|record| traceparent::of(record.headers.clone(), record.value));
        let publishing = self.traces.publishing(outgoing.len(), traceparents);
        let outcome = session.publish(&self.settings, &outgoing, &positions, &patience);
        self.traces.published(publishing, outcome.ending.trouble());
        drop(outgoing);
        if outcome.ending == Ending::Committed {
            self.tombstones.clear();
        }
        let shares = batch.shares();
        let settlement = settle::settle(&shares, &outcome);
        for share in shares {
            let settled = settlement.settled.iter().any(|(lane, _)| *lane == share.lane);
            if let Some((_, last)) = share.records.last().filter(|_| !settled) {
                self.lanes[share.lane.index()].sent_uncommitted(*last);
            }
        }
        self.timing.batch_gone(Instant::now());
        self.apply(now, &batch, &outcome.reports, settlement)
    }

    fn wait(&self, pause: Duration, stop: &AtomicBool) {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let now = Instant::now();
        let after: Vec<(LaneId, u64)> = if self.timing.paused(now).is_some() {
            Vec::new()
        } else {
            let ready = self.lanes.iter().filter(|lane| lane.pause.left(now).is_none());
            ready.map(|lane| (lane.number, self.spool.released(lane.number))).collect()
        };
        self.spool.wait_for_records(&after, pause);
    }

    fn waits(&self) -> bool {
        self.spool.books().lanes.iter().any(|lane| lane.pending > 0)
    }
}

/// The longest time for a delivery, a commit or a connection before the producer is made anew.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest time for connecting and settling in one attempt; a stop waits for it.
const BEGIN: Duration = Duration::from_secs(10);
