//! The window that replicas share, in Redis: who may publish an event that several of them got.
//!
//! # Promises
//! - While Redis holds what it was told, an event is published once, whichever replicas its
//!   notifications reach, and whichever of them is killed when.
//! - Nothing is lost and nothing waits for long because of Redis: without it notifications are accepted
//!   and records published, both counted, and what can be reconciled is when it is back.
//!
//! Knows nothing of HTTP, providers, or Kafka.

pub mod address;
pub mod claims;
pub mod confirmer;
pub mod lease;
pub mod life;
pub mod link;
#[cfg(test)]
mod model;
pub mod protocol;
pub mod redis;
pub mod trouble;

use crate::pause::growing;
use crate::shared::claims::{Ask, Gatherer, QUEUE};
use crate::shared::life::Life;
use crate::shared::link::{Link, Probe};
use crate::shared::protocol::{CLAIM_LASTS, CONFIRM, Claim, Confirmation, WAIT};
use crate::shared::redis::{Call, Connector, Script};
use crate::shared::trouble::Trouble;
use crate::spool::window::IdKey;
use prometheus::IntCounter;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// A Redis, and how it is used.
#[derive(Clone, Debug)]
pub struct Target {
    /// Makes connections to it.
    pub connector: Connector,
    /// What the names of our keys begin with.
    pub prefix: String,
    /// How long an answer is waited for.
    pub deadline: Duration,
    /// How long records wait for a confirmation while it is away.
    pub hold: Duration,
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Notifications that were accepted without asking.
    pub degraded: IntCounter,
    /// Records that were published without a confirmation.
    pub unconfirmed: IntCounter,
    /// Of these, those that another replica turned out to have published too.
    pub repeats: IntCounter,
}

/// The shared window, for those who ask it. Cheap to clone.
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
    /// How long confirmations are remembered.
    window: Duration,
    confirm: Script,
    meters: Meters,
}

/// What works for a [`Shared`] until it is stopped.
#[derive(Debug)]
pub struct Work {
    link: Arc<Link>,
    life: Life,
    gatherer: Gatherer,
    asks: mpsc::Receiver<Ask>,
}

/// What a request is told that wants to store an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Nobody else has it: store it.
    Store,
    /// Redis does not answer: store it all the same, and count it.
    StoreDegraded,
    /// Another replica has it on its disk.
    Repeat,
    /// Another replica has been storing it for as long as can be waited.
    Claimed,
}

/// A copy that is on our disk and wants to be the one that is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copy {
    /// Its id.
    pub id: IdKey,
    /// How Redis knows it: see [`protocol::copy`].
    pub name: String,
}

impl Shared {
    /// The shared window of an instance, which says by `life` that it lives. [`Work::run`] has to run
    /// for anything to be answered.
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
            window,
            confirm: Script::new(CONFIRM),
            meters,
        };
        (Self { inner: Arc::new(inner) }, Work { link, life, gatherer, asks })
    }

    /// Whether Redis did what it was last asked to.
    pub fn is_up(&self) -> bool {
        self.inner.link.is_up()
    }

    /// What is counted.
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// How long records wait for a confirmation while Redis is away.
    pub fn hold(&self) -> Duration {
        self.inner.hold
    }

    /// Waits until there is a connection, or time is up.
    pub async fn wait(&self, patience: Duration) {
        self.inner.link.wait(patience).await;
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
        // The trip before may take as long as this one.
        match timeout(self.inner.deadline, told).await {
            Ok(Ok(given)) => given,
            Ok(Err(_)) => Err(Trouble::Away),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    /// Takes a claim back: nothing was stored.
    pub fn release(&self, id: &IdKey) {
        // If it is not taken, the claim ends by itself.
        drop(self.inner.asks.try_send(Ask::Release { key: self.key(id) }));
    }

    /// Confirms copies that are on our disk. The answers are in their order.
    pub async fn confirm(&self, copies: &[Copy]) -> Result<Vec<Confirmation>, Trouble> {
        let lasts = self.inner.window.as_millis().to_string();
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
    /// Keeps the link, gathers claims and says that the instance lives, until told to stop.
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

/// Whether the settings work: connects, and claims an id that no event has.
pub async fn try_out(target: &Target, patience: Duration) -> Result<(), Trouble> {
    let connection = target.connector.connect(patience).await?;
    let Probe { script, call } = probe(&target.prefix, "check");
    connection.run(&script, vec![call], patience).await.map(drop)
}

/// Claims an id that no event has: that needs a server with room, and the right to write.
fn probe(prefix: &str, instance: &str) -> Probe {
    let id = IdKey::of_id("", instance);
    let lasts = CLAIM_LASTS.as_millis().to_string();
    let call = Call {
        keys: vec![protocol::key(prefix, &id)],
        arguments: vec![protocol::claimant(instance), lasts],
    };
    Probe { script: Script::new(protocol::CLAIM), call }
}

/// When another's claim is looked at again: a commit takes milliseconds.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(250);
/// How long thousands of confirmations may take. No sender waits for them.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(2);
