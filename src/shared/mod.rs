//! The window that replicas share, in Redis: it decides which replica publishes an event that
//! several of them received.
//!
//! # Promises
//! - While Redis keeps its data, an event is published once, whichever replicas its notifications
//!   reach, and whichever of them is killed at any time.
//! - Nothing is lost, and nothing waits for long, because of Redis. Without it, notifications are
//!   accepted and records published, both counted; they are reconciled as far as possible when
//!   Redis is back.
//!
//! Does not know HTTP, providers, or Kafka.

pub mod address;
pub mod claims;
pub mod confirmer;
mod eviction;
pub mod lease;
pub mod life;
pub mod link;
mod marks;
#[cfg(test)]
mod model;
mod pings;
mod proofs;
pub mod protocol;
pub mod redis;
mod replays;
pub mod script;
pub mod tenure;
pub mod trouble;

use crate::pause::growing;
use crate::shared::claims::{Ask, Gatherer, QUEUE};
use crate::shared::lease::Lease;
use crate::shared::life::Life;
use crate::shared::link::{Link, Probe};
use crate::shared::protocol::{CLAIM_LASTS, CONFIRM, Claim, Confirmation, WAIT};
use crate::shared::redis::Connector;
use crate::shared::script::{Call, Script};
use crate::shared::tenure::Tenure;
use crate::shared::trouble::Trouble;
use crate::spool::window::{IdKey, Period};
use prometheus::IntCounter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// A Redis, with the settings for its use.
#[derive(Clone, Debug)]
pub struct Target {
    /// Makes connections to it.
    pub connector: Connector,
    /// The prefix of the relay's keys.
    pub prefix: String,
    /// The longest wait for an answer.
    pub deadline: Duration,
    /// The time for which records wait for a confirmation while Redis is away.
    pub hold: Duration,
}

/// The counters.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Notifications that were accepted without a claim.
    pub degraded: IntCounter,
    /// Records that were published without a confirmation.
    pub unconfirmed: IntCounter,
    /// The unconfirmed records that another replica turned out to have published too.
    pub repeats: IntCounter,
}

/// The shared window, as its users see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Arc<Link>,
    asks: mpsc::Sender<Ask>,
    prefix: String,
    deadline: Duration,
    hold: Duration,
    /// The time for which confirmations are remembered.
    window: Period,
    confirm: Script,
    meters: Meters,
}

/// The tasks behind a [`Shared`], which run until they are stopped.
#[derive(Debug)]
pub struct Work {
    link: Arc<Link>,
    life: Life,
    gatherer: Gatherer,
    asks: mpsc::Receiver<Ask>,
}

/// The answer to a request that wants to store an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// No other replica has the id: store it.
    Store,
    /// Redis does not answer: store the id all the same, and count it.
    StoreDegraded,
    /// Another replica has the id on its disk.
    Repeat,
    /// Another replica has been storing the id for the longest possible wait.
    Claimed,
}

/// A copy on this replica's disk that may become the published one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copy {
    /// The event's id.
    pub id: IdKey,
    /// The copy's name in Redis: see [`protocol::copy`].
    pub name: String,
}

impl Shared {
    /// Makes the shared window of an instance, whose sign of life is `life`. No call is answered
    /// unless [`Work::run`] runs.
    pub fn new(
        target: Target,
        instance: &str,
        life: Life,
        window: Duration,
        meters: Meters,
    ) -> (Self, Work) {
        let probe = probe(&target.prefix, instance);
        let link = Arc::new(Link::new(target.connector, probe));
        let (sender, asks) = mpsc::channel(QUEUE);
        let gatherer =
            Gatherer::new(Arc::clone(&link), protocol::claimant(instance), target.deadline);
        let inner = Inner {
            link: Arc::clone(&link),
            asks: sender,
            prefix: target.prefix,
            deadline: target.deadline,
            hold: target.hold,
            window: Period::of(window),
            confirm: Script::new(CONFIRM),
            meters,
        };
        (Self { inner: Arc::new(inner) }, Work { link, life, gatherer, asks })
    }

    /// Remembers confirmations for at least this long from now on.
    pub fn remember_for(&self, window: Duration) {
        self.inner.window.extend(window);
    }

    /// True while there is a connection to Redis.
    pub fn is_up(&self) -> bool {
        self.inner.link.is_up()
    }

    /// The counters.
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// The time for which records wait for a confirmation while Redis is away.
    pub fn hold(&self) -> Duration {
        self.inner.hold
    }

    /// Waits until there is a connection, or time is up.
    pub async fn wait(&self, patience: Duration) {
        self.inner.link.wait(patience).await;
    }

    /// Something that one of the replicas does: it holds the lease of this name. `process` is called like
    /// no other.
    pub fn tenure(&self, name: &str, process: &str, lasts: Duration) -> Tenure {
        let lease = Lease::new(&self.inner.prefix, name, process, lasts);
        Tenure::new(Arc::clone(&self.inner.link), lease)
    }

    /// Claims an id. Another's claim is waited for, for at most [`WAIT`].
    pub async fn claim(&self, id: &IdKey) -> Verdict {
        let began = Instant::now();
        let mut looks = 0_u32;
        loop {
            let pause = growing(FIRST_LOOK, looks, LAST_LOOK);
            match self.ask(id).await {
                Ok(Claim::Granted) => return Verdict::Store,
                Ok(Claim::Confirmed) => return Verdict::Repeat,
                Err(_) => return Verdict::StoreDegraded,
                Ok(Claim::Anothers) if began.elapsed() + pause > WAIT => return Verdict::Claimed,
                Ok(Claim::Anothers) => sleep(pause).await,
            }
            looks += 1;
        }
    }

    async fn ask(&self, id: &IdKey) -> Result<Claim, Trouble> {
        let (answer, told) = oneshot::channel();
        let ask = Ask::Claim { key: self.key(id), answer };
        self.inner.asks.try_send(ask).map_err(|_| Trouble::Away)?;
        // The round trip before may take as long as this one.
        match timeout(self.inner.deadline, told).await {
            Ok(Ok(given)) => given,
            Ok(Err(_)) => Err(Trouble::Away),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    /// Takes a claim back because nothing was stored.
    pub fn release(&self, id: &IdKey) {
        // If it is not taken, the claim ends by itself.
        drop(self.inner.asks.try_send(Ask::Release { key: self.key(id) }));
    }

    /// Confirms copies that are on this replica's disk. The answers are in their order.
    pub async fn confirm(&self, copies: &[Copy]) -> Result<Vec<Confirmation>, Trouble> {
        let lasts = self.inner.window.milliseconds().to_string();
        let calls = |size| {
            let call = |copies: &[Copy]| Call {
                keys: copies.iter().map(|copy| self.key(&copy.id)).collect(),
                arguments: std::iter::once(lasts.clone())
                    .chain(copies.iter().map(|copy| copy.name.clone()))
                    .collect(),
            };
            copies.chunks(size).map(call).collect()
        };
        let answers = self.inner.link.run(&self.inner.confirm, calls, CONFIRM_DEADLINE).await?;
        protocol::read(answers, copies.len(), Confirmation::of_answer).ok_or_else(|| {
            self.inner.link.end(Trouble::Refused);
            Trouble::Refused
        })
    }

    fn key(&self, id: &IdKey) -> String {
        protocol::key(&self.inner.prefix, id)
    }
}

impl Work {
    /// Keeps the link, gathers claims and renews the instance's sign of life, until told to stop.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.link.keep() => {}
            () = self.gatherer.run(self.asks) => {}
            never = self.life.say(&self.link) => match never {},
        }
        self.life.end(&self.link).await;
    }
}

/// Tests the settings: connects, and claims an id that no event has.
pub async fn try_out(target: &Target, patience: Duration) -> Result<(), Trouble> {
    let connection = target.connector.connect(patience).await?;
    let Probe { script, call } = probe(&target.prefix, "check");
    connection.run(&script, vec![call], patience).await.map(drop)
}

/// Makes the claim of an id that no event has. It needs a server with room, and the permission to
/// write.
fn probe(prefix: &str, instance: &str) -> Probe {
    let id = IdKey::of_id("", instance);
    let lasts = CLAIM_LASTS.as_millis().to_string();
    let call = Call {
        keys: vec![protocol::key(prefix, &id)],
        arguments: vec![protocol::claimant(instance), lasts],
    };
    Probe { script: Script::new(protocol::CLAIM), call }
}

/// The first and the longest pause between two looks at another's claim: a commit takes
/// milliseconds.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(250);
/// The deadline for thousands of confirmations. No sender waits for them.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(2);
