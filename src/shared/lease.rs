//! A name in Redis that one process holds at a time, and that ends by itself if nobody renews it.
//!
//! # Promises
//! - While Redis keeps its data, two processes never hold one lease at the same moment.
//! - The lease of a process that died ends within its duration.
//!
//! # Limits
//! A Redis that loses data, or fails over before the last write was copied, may give a lease to a
//! second holder while the first still has it.
//!
//! Does not know the purpose of any lease.

use crate::lock::lock;
use crate::shared::link::Link;
use crate::shared::protocol::{self, CLAIM, Claim, RELEASE};
use crate::shared::redis::Connection;
use crate::shared::script::{Call, Script};
use crate::shared::trouble::Trouble;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A name that one process holds at a time.
#[derive(Debug)]
pub struct Lease {
    key: String,
    /// The text that names the holder.
    holder: String,
    lasts: Mutex<Duration>,
    claim: Script,
    release: Script,
}

/// The holder of a lease, as seen from this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Held {
    /// This process holds it, until this moment by its own clock unless it is renewed.
    Here(Instant),
    /// Another process holds it.
    Elsewhere,
}

impl Lease {
    /// Makes a lease of this name. No other process may be called `process`.
    pub fn new(prefix: &str, name: &str, process: &str, lasts: Duration) -> Self {
        Self {
            key: format!("{prefix}{name}"),
            holder: protocol::claimant(process),
            lasts: Mutex::new(lasts),
            claim: Script::new(CLAIM),
            release: Script::new(RELEASE),
        }
    }

    /// The duration of the lease.
    pub fn lasts(&self) -> Duration {
        *lock(&self.lasts)
    }

    /// Changes the duration, from the next time that the lease is taken.
    pub fn change(&self, lasts: Duration) {
        *lock(&self.lasts) = lasts;
    }

    /// Takes the lease if it is free, and renews it if it is ours.
    pub async fn take(&self, link: &Link) -> Result<Held, Trouble> {
        let until = Instant::now() + self.lasts();
        let call = self.call_to_take();
        let answers = link.run(&self.claim, |_| vec![call], DEADLINE).await?;
        held(answers, until)
    }

    /// Does the same as [`Self::take`], on the given connection.
    pub async fn take_by(&self, connection: &Connection) -> Result<Held, Trouble> {
        let until = Instant::now() + self.lasts();
        let answers = connection.run(&self.claim, vec![self.call_to_take()], DEADLINE).await?;
        held(answers, until)
    }

    /// Gives the lease up if it is ours, so that another process need not wait for its end.
    pub async fn give_up(&self, link: &Link) {
        let call = Call { keys: vec![self.key.clone()], arguments: vec![self.holder.clone()] };
        // If this call fails, the lease ends by itself.
        drop(link.run(&self.release, |_| vec![call], DEADLINE).await);
    }

    fn call_to_take(&self) -> Call {
        let lasts = self.lasts().as_millis().to_string();
        Call { keys: vec![self.key.clone()], arguments: vec![self.holder.clone(), lasts] }
    }
}

/// Reads the answer. `until` counts from the moment of the question: Redis counts from the moment that it
/// was told, which ends no sooner.
fn held(answers: Vec<Vec<i64>>, until: Instant) -> Result<Held, Trouble> {
    let answer = protocol::read(answers, 1, Claim::of_answer).ok_or(Trouble::Refused)?;
    Ok(match answer[0] {
        Claim::Granted => Held::Here(until),
        Claim::Anothers | Claim::Confirmed => Held::Elsewhere,
    })
}

/// The deadline of one call. No sender waits for it.
const DEADLINE: Duration = Duration::from_secs(2);
