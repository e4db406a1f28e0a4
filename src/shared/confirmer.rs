//! Confirms the records that the spool has stored, so that the drain may publish them.
//!
//! # Promises
//! - A record leaves only when its copy is confirmed, or when Redis has been away for longer than records
//!   are held. A record whose event another replica confirmed is withdrawn.
//! - Records that were published without a confirmation are confirmed when Redis is back; those that
//!   another replica had published as well are counted.
//!
//! # Limits
//! At most `MOST_OWED` confirmations are owed; beyond that, the oldest are forgotten. A restart
//! forgets all of them: a redelivery of such an event to another replica is then published again.

use crate::shared::protocol::{self, Confirmation};
use crate::shared::{Copy, Shared};
use crate::spool::confirming::{Followed, Follower, Unconfirmed};
use crate::spool::{ReadError, Spool};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The confirmer, with all that it holds between two steps.
#[derive(Debug)]
pub struct Confirmer {
    spool: Spool,
    shared: Shared,
    runtime: Handle,
    follower: Follower,
    /// The records that were read and are not confirmed.
    waiting: Followed,
    /// The time since which Redis does not confirm.
    away_since: Option<Instant>,
    /// The records that were published without a confirmation.
    owed: VecDeque<Unconfirmed>,
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stepped {
    /// Something was confirmed, or let go: take the next step.
    On,
    /// Everything that is stored is confirmed.
    Idle,
    /// Redis is away: take the next step after a pause.
    Away,
}

impl Confirmer {
    /// Makes a confirmer for all records of a spool. Its calls run on `runtime`.
    pub fn new(spool: Spool, shared: Shared, runtime: Handle) -> Self {
        let follower = spool.follower();
        Self {
            spool,
            shared,
            runtime,
            follower,
            waiting: Followed::default(),
            away_since: None,
            owed: VecDeque::new(),
        }
    }

    /// Takes steps until told to stop. Fails the spool if its log cannot be read.
    pub fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            match self.step(Instant::now()) {
                Ok(Stepped::On) => {}
                Ok(Stepped::Idle) => self.spool.wait_for_unconfirmed(IDLE),
                Ok(Stepped::Away) => std::thread::park_timeout(AWAY),
                Err(error) => {
                    tracing::error!(error = %error, "cannot read the spool to confirm its records");
                    self.spool.fail();
                    return;
                }
            }
        }
    }

    /// Confirms the next records.
    pub fn step(&mut self, now: Instant) -> Result<Stepped, ReadError> {
        if self.waiting.through.is_empty() {
            self.waiting = self.spool.follow(&mut self.follower, BATCH)?;
        }
        if self.waiting.through.is_empty() {
            return Ok(if self.settle_debts() { Stepped::On } else { Stepped::Idle });
        }
        match self.confirm(&self.waiting.records) {
            Some(confirmations) => {
                self.away_since = None;
                self.let_go(&confirmations);
                self.settle_debts();
                Ok(Stepped::On)
            }
            None => {
                let since = *self.away_since.get_or_insert(now);
                if now.duration_since(since) < self.shared.hold() {
                    return Ok(Stepped::Away);
                }
                self.let_go_unconfirmed();
                Ok(Stepped::On)
            }
        }
    }

    /// Asks Redis for confirmations. `None` if Redis is away.
    fn confirm(&self, records: &[Unconfirmed]) -> Option<Vec<Confirmation>> {
        if records.is_empty() {
            return Some(Vec::new());
        }
        let identity = self.spool.identity();
        let copy = |record: &Unconfirmed| {
            let run = identity.run_of(record.sequence).map_or("", |run| &run.name);
            Copy { id: record.id, name: protocol::copy(&identity.instance, run, record.sequence) }
        };
        let copies: Vec<Copy> = records.iter().map(copy).collect();
        self.runtime.block_on(self.shared.confirm(&copies)).ok()
    }

    fn let_go(&mut self, confirmations: &[Confirmation]) {
        let Followed { records, through } = std::mem::take(&mut self.waiting);
        let of_others = records.iter().zip(confirmations);
        let withdrawn = of_others
            .filter(|(_, confirmation)| **confirmation == Confirmation::Anothers)
            .map(|(record, _)| (record.lane, record.sequence));
        self.spool.open_through(&through, withdrawn);
    }

    fn let_go_unconfirmed(&mut self) {
        let Followed { records, through } = std::mem::take(&mut self.waiting);
        self.shared.meters().unconfirmed.inc_by(records.len() as u64);
        self.owed.extend(records);
        self.owed.drain(..self.owed.len().saturating_sub(MOST_OWED));
        self.spool.open_through(&through, []);
    }

    /// Confirms some of the records that were published without a confirmation. False if none is
    /// owed, or Redis is away.
    fn settle_debts(&mut self) -> bool {
        if self.owed.is_empty() {
            return false;
        }
        let some = self.owed.len().min(BATCH);
        let records: Vec<Unconfirmed> = self.owed.iter().take(some).copied().collect();
        let Some(confirmations) = self.confirm(&records) else { return false };
        self.owed.drain(..some);
        let of_others =
            confirmations.iter().filter(|confirmation| **confirmation == Confirmation::Anothers);
        let repeats = of_others.count() as u64;
        if repeats > 0 {
            self.shared.meters().repeats.inc_by(repeats);
            tracing::warn!(
                event = "published_twice",
                repeats,
                "{repeats} events that were published while Redis was away were published by another \
                 replica too"
            );
        }
        true
    }
}

/// The records of one step: several round trips' worth, and a few milliseconds.
const BATCH: usize = 4_096;
/// The most confirmations owed, of 32 bytes each.
const MOST_OWED: usize = 1_000_000;
/// The longest wait for a record: a stop is noticed within it. A stored record ends the wait at
/// once.
const IDLE: Duration = Duration::from_millis(500);
const AWAY: Duration = Duration::from_millis(50);
