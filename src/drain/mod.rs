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

pub mod batch;
pub mod fences;
pub mod lane;
pub mod pace;
pub mod pause;
pub mod session;
pub mod settle;
pub mod status;
pub mod sweeping;
pub mod topics;
pub mod turns;

use crate::drain::batch::Batch;
use crate::drain::lane::Lane;
use crate::drain::pace::Pace;
use crate::drain::session::{Session, Unswept};
use crate::drain::settle::{Settlement, Verdict};
use crate::drain::status::{Restart, Status};
use crate::drain::topics::Making;
use crate::drain::turns::Turns;
use crate::kafka::client;
use crate::kafka::outcome::{Ending, Trouble};
use crate::kafka::patience::Patience;
use crate::kafka::publisher::Position;
use crate::kafka::settings::Settings;
use crate::kafka::topics::State;
use crate::spool::lanes::Leaving;
use crate::spool::{LaneId, ReadError, Spool};
use jiff::Timestamp;
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
    pace: Pace,
    turns: Turns,
    /// The bytes that may go to a partition in one request, where a topic does not say what it takes.
    largest: usize,
    /// Positions that nobody needs any more, to be taken back with the next batch.
    tombstones: Vec<Position>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stepped {
    /// Records left the spool, or something changed that may let them: step again.
    On,
    /// Nothing can be done before the time is up, or a record comes.
    Idle(Duration),
    /// The last batch has just gone: wait so long, for others to join the next one.
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
            .zip((0_u16..).map(LaneId))
            .map(|(book, number)| Lane::new(number, Arc::clone(&book.topic)))
            .collect();
        Ok(Self {
            spool,
            settings,
            making,
            status,
            session: None,
            lanes,
            pace: Pace::new(Instant::now()),
            turns: Turns::default(),
            largest: usize::MAX,
            tombstones: Vec::new(),
        })
    }

    /// Steps until told to stop, then until nothing waits or `grace` is over.
    pub fn run(mut self, stop: &AtomicBool, grace: Duration) -> Result<(), Error> {
        // One batch may be on its way when we are told to stop: its deliveries and its commit share
        // the grace.
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
            // A Kafka that is away as we stop will find its records in the spool.
            if left.is_zero() || self.session.is_none() {
                break;
            }
            match self.step(Instant::now(), &patience)? {
                Stepped::On => {}
                // What is paused now will hardly be mended before the grace is over.
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

    /// One batch, or one attempt to reach Kafka.
    pub fn step(&mut self, now: Instant, patience: &Patience<'_>) -> Result<Stepped, Error> {
        if let Some(left) = self.pace.paused(now) {
            return Ok(Stepped::Idle(left));
        }
        if self.session.is_none() {
            return self.begin(now, patience.left().min(BEGIN));
        }
        if !self.look_at_topics(now)? {
            return Ok(Stepped::On);
        }
        if let Some(left) = self.pace.gathers(now) {
            return Ok(Stepped::Gather(left));
        }
        let batch = Batch::compose(&self.spool, &self.lanes, &mut self.turns, now)?;
        if batch.is_empty() {
            return Ok(self.idle(now));
        }
        let mut positions = batch.positions(self.spool.identity(), &self.lanes);
        positions.extend_from_slice(&self.tombstones);
        let quarantine = self.settings.topic_names().quarantine();
        let outgoing = batch.outgoing(&self.lanes, &quarantine);
        let Some(session) = self.session.as_mut() else { return Ok(Stepped::On) };
        let patience = Patience { gap: self.pace.gap(), ..*patience };
        let outcome = session.publish(&self.settings, &outgoing, &positions, &patience);
        drop(outgoing);
        if outcome.ending == Ending::Committed {
            self.tombstones.clear();
        }
        let shares = batch.shares();
        let settlement = settle::settle(&shares, &outcome);
        for share in shares {
            let settled = settlement.settled.iter().any(|(lane, _)| *lane == share.lane);
            if let Some((_, last)) = share.records.last().filter(|_| !settled) {
                self.lanes[share.lane.index()].sent_in_vain(*last);
            }
        }
        self.pace.batch_gone(Instant::now());
        self.apply(now, &batch, &outcome.reports, settlement)
    }

    /// Connects, and releases what turns out to be committed already.
    fn begin(&mut self, now: Instant, patience: Duration) -> Result<Stepped, Error> {
        let identity = self.spool.identity();
        let begun = Session::begin(
            &self.settings,
            identity,
            self.making.clone(),
            &self.lanes,
            self.largest,
            patience,
        );
        match begun.map_err(|error| error.trouble(&self.settings.brokers)) {
            Ok((session, positions)) => {
                for lane in &mut self.lanes {
                    lane.forget();
                    lane.limit = session.limits.get(&*lane.topic).copied();
                    let through = positions.reached(&self.spool, lane)?;
                    lane.found_committed(through);
                    release_through(&self.spool, lane.number, through)?;
                    // It may have gone to quarantine with a commit that nobody heard of.
                    lane.refused = lane.refused.filter(|refused| refused.sequence > through);
                }
                self.tombstones = positions.tombstones(Timestamp::now());
                self.session = Some(session);
                self.heard(now);
            }
            Err(trouble) => {
                self.lost(trouble);
                if trouble == Trouble::Fenced {
                    self.status.restarted(Restart::Fenced);
                }
                self.pace.back_off(now, Some(trouble));
            }
        }
        Ok(Stepped::On)
    }

    /// Looks at the topics of lanes that have something to send and were not looked at since they
    /// were last in trouble. False if the cluster did not answer.
    fn look_at_topics(&mut self, now: Instant) -> Result<bool, Error> {
        for at in 0..self.lanes.len() {
            let Some(session) = &self.session else { return Ok(false) };
            if !self.lanes[at].wants_a_look(&self.spool, now) {
                continue;
            }
            match session.topics.look_for(&self.lanes[at], &self.settings) {
                Ok(State::Ready { partitions }) => {
                    if self.sweep(at, partitions, now)? {
                        self.lanes[at].found_ready();
                    }
                }
                Ok(State::Troubled(trouble)) => self.set_aside(at, trouble, now),
                Err(trouble) => {
                    self.give_up(trouble, now);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Ends what lies open in a lane's topic, if anything may. If that does not work, the lane waits,
    /// and the others go on.
    fn sweep(&mut self, at: usize, partitions: i32, now: Instant) -> Result<bool, Error> {
        let lane = &mut self.lanes[at];
        let Some(session) = self.session.as_mut().filter(|_| lane.wants_a_sweep()) else {
            return Ok(true);
        };
        let vain = sweeping::vain(&self.spool, lane)?;
        match session.sweep(&self.settings, &lane.topic, partitions, &vain) {
            Ok(()) => {
                lane.swept();
                Ok(true)
            }
            Err(Unswept::Reading(trouble)) => {
                self.set_aside(at, trouble, now);
                Ok(false)
            }
            Err(Unswept::Aborting(trouble)) => {
                self.set_aside(at, trouble, now);
                self.renew(settle::Renew::Lost(settle::restart(trouble)));
                Ok(false)
            }
        }
    }

    /// No broker answers. A client that has lost them all may not find them again by itself, so all
    /// of them are ended, and made anew until one does.
    fn give_up(&mut self, trouble: Trouble, now: Instant) {
        self.lost(trouble);
        self.renew(settle::Renew::Lost(Restart::Silent));
        self.pace.back_off(now, Some(trouble));
    }

    fn set_aside(&mut self, at: usize, trouble: Trouble, now: Instant) {
        let lane = &mut self.lanes[at];
        let pause = lane.set_aside(trouble, now);
        self.status.error(trouble);
        self.status.set_aside(&lane.topic, trouble, pause);
    }

    fn apply(
        &mut self,
        now: Instant,
        batch: &Batch,
        reports: &[crate::kafka::outcome::Report],
        settlement: Settlement,
    ) -> Result<Stepped, Error> {
        for (lane, leaving, places) in batch.leaving(&settlement.settled, reports) {
            let refused = match leaving.quarantined {
                0 => None,
                _ => self.lanes[lane.index()].refused.take(),
            };
            match refused {
                None => self.spool.release(lane, leaving, &places)?,
                // It went alone, and its place is in the quarantine topic.
                Some(refused) => {
                    self.spool.note_quarantined(lane, &places, refused.reason().as_str())?;
                    self.spool.release(lane, leaving, &[])?;
                }
            }
            self.status.delivered(&batch.delays(lane, leaving.through, Timestamp::now()));
            let lane = &mut self.lanes[lane.index()];
            if lane.delivered() {
                self.status.resumed(&lane.topic);
            }
            self.status.quarantined(&lane.topic, refused);
        }
        for (number, verdict) in settlement.lanes {
            let at = number.index();
            match verdict {
                Verdict::SetAside(trouble) => self.set_aside(at, trouble, now),
                Verdict::Split { records } => {
                    // Where the topic does not say what it takes, innocents may have been too many.
                    if settlement.renew == Some(settle::Renew::Refusal)
                        && self.lanes[at].limit.is_none()
                    {
                        self.largest = (self.largest.min(LARGEST) / 4).max(SMALLEST);
                    }
                    self.lanes[at].split(records);
                }
                Verdict::Poison { sequence, trouble } => {
                    self.lanes[at].refused = Some(lane::Refused { sequence, trouble });
                    // Another topic is to take it.
                    self.lanes[at].forget();
                }
                Verdict::Suspect => self.lanes[at].suspect(),
            }
        }
        if let Some(trouble) = settlement.trouble {
            self.status.error(trouble);
        } else {
            self.heard(now);
            self.pace.batch_ended();
        }
        if let Some(reason) = settlement.renew {
            self.renew(reason);
        }
        if settlement.pause {
            self.pace.back_off(now, settlement.trouble);
        }
        Ok(Stepped::On)
    }

    fn renew(&mut self, reason: settle::Renew) {
        if let Some(session) = self.session.take() {
            session.end();
        }
        match reason {
            settle::Renew::Refusal => {}
            settle::Renew::Lost(restart) => {
                self.pace.producer_lost();
                self.status.restarted(restart);
            }
        }
    }

    fn heard(&mut self, now: Instant) {
        self.pace.heard(now);
        self.status.up(self.settings.brokers.as_str(), self.settings.delivery);
    }

    /// Kafka did not answer: counted each time, said once.
    fn lost(&self, trouble: Trouble) {
        self.status.error(trouble);
        self.status.down(trouble, self.settings.brokers.as_str());
    }

    /// Nothing to send: see now and then whether Kafka is still there.
    fn idle(&mut self, now: Instant) -> Stepped {
        if self.pace.wants_a_probe(now)
            && let Some(session) = &self.session
        {
            match session.probe(&self.settings) {
                Ok(()) => self.heard(now),
                Err(trouble) => self.give_up(trouble, now),
            }
        }
        let next = self.lanes.iter().filter_map(|lane| lane.pause.left(now)).min();
        Stepped::Idle(next.map_or(IDLE, |next| next.min(IDLE)))
    }

    fn wait(&self, pause: Duration, stop: &AtomicBool) {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let now = Instant::now();
        let after: Vec<(LaneId, u64)> = if self.pace.paused(now).is_some() {
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

/// Releases what Kafka says is committed, though this run did not hear of it.
fn release_through(spool: &Spool, lane: LaneId, through: u64) -> Result<(), Error> {
    let mut released = spool.released(lane);
    while released < through {
        let Some(chunk) = spool.chunk_after(lane, released)? else { break };
        let settled =
            chunk.records().filter(|record| (released + 1..=through).contains(&record.sequence));
        let mut leaving = Leaving { through: chunk.last.min(through), ..Leaving::default() };
        for record in settled {
            leaving.published += 1;
            leaving.bytes += record.bytes.len() as u64;
        }
        spool.release(lane, leaving, &[])?;
        released = leaving.through;
    }
    Ok(())
}

/// How long a delivery, a commit or a connection may take before the producer is made anew.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long connecting and settling may take at one attempt; a stop waits for it.
const BEGIN: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(5);
/// What a request may hold after a first refusal is a quarter of this, and so on.
const LARGEST: usize = 262_144;
/// A few records; a topic that takes less still takes them one by one.
const SMALLEST: usize = 4_096;
