//! A name in Redis that one process holds at a time, and that ends by itself when nobody renews it.
//!
//! # Promises
//! - While Redis holds what it was told, two processes never hold one lease at the same moment.
//! - A lease of a process that died ends within the time it was given for.
//!
//! # Limits
//! A Redis that forgets, or fails over before the last write was copied, may give a lease a second time
//! while the first holder still has it.
//!
//! Knows nothing of what a lease is for.

use crate::shared::link::Link;
use crate::shared::protocol::{self, CLAIM, Claim, RELEASE};
use crate::shared::redis::{Call, Connection, Script};
use crate::shared::trouble::Trouble;
use std::time::{Duration, Instant};

/// A name that one process holds at a time.
#[derive(Debug)]
pub struct Lease {
    key: String,
    /// The text that says whose it is.
    holder: String,
    lasts: Duration,
    claim: Script,
    release: Script,
}

/// The answer to who holds a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Held {
    /// We hold it, until this moment by our own clock unless it is renewed.
    Here(Instant),
    /// Another process holds it.
    Elsewhere,
}

impl Lease {
    /// The lease with this name, for a process that no other is called like.
    pub fn new(prefix: &str, name: &str, process: &str, lasts: Duration) -> Self {
        Self {
            key: format!("{prefix}{name}"),
            holder: protocol::claimant(process),
            lasts,
            claim: Script::new(CLAIM),
            release: Script::new(RELEASE),
        }
    }

    /// How long it is given for.
    pub fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Takes the lease if it is free, and renews it if it is ours.
    pub async fn take(&self, link: &Link) -> Result<Held, Trouble> {
        let asked = Instant::now();
        let calls = |_| vec![self.call_to_take()];
        let answers = link.run(&self.claim, calls, DEADLINE).await?;
        self.held(answers, asked)
    }

    /// The same on a connection of its own.
    pub async fn take_by(&self, connection: &Connection) -> Result<Held, Trouble> {
        let asked = Instant::now();
        let answers = connection.run(&self.claim, vec![self.call_to_take()], DEADLINE).await?;
        self.held(answers, asked)
    }

    /// Gives the lease up if it is ours, so that another need not wait for its end.
    pub async fn give_up(&self, link: &Link) {
        let call = Call { keys: vec![self.key.clone()], arguments: vec![self.holder.clone()] };
        // Without it the lease ends by itself.
        drop(link.run(&self.release, |_| vec![call], DEADLINE).await);
    }

    fn call_to_take(&self) -> Call {
        let lasts = self.lasts.as_millis().to_string();
        Call { keys: vec![self.key.clone()], arguments: vec![self.holder.clone(), lasts] }
    }

    /// Redis counts from when it was told, so counting from when it was asked ends no later.
    fn held(&self, answers: Vec<Vec<i64>>, asked: Instant) -> Result<Held, Trouble> {
        let answer = protocol::read(answers, 1, Claim::of_answer).ok_or(Trouble::Refused)?;
        Ok(match answer[0] {
            Claim::Granted => Held::Here(asked + self.lasts),
            Claim::Anothers | Claim::Confirmed => Held::Elsewhere,
        })
    }
}

/// How long one question may take. No sender waits for it.
const DEADLINE: Duration = Duration::from_secs(2);
