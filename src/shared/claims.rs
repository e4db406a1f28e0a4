//! Gathers the claims of requests: all that wait go to Redis in one round trip.
//!
//! # Limits
//! At most [`QUEUE`] wait; a further one is answered as if Redis were away.

use crate::shared::link::Link;
use crate::shared::protocol::{self, CLAIM, CLAIM_LASTS, Claim, RELEASE};
use crate::shared::script::{Call, Script};
use crate::shared::trouble::Trouble;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// A request's question to Redis.
#[derive(Debug)]
pub enum Ask {
    /// Claims a key.
    Claim {
        /// The key.
        key: String,
        /// The channel for the answer.
        answer: oneshot::Sender<Result<Claim, Trouble>>,
    },
    /// Takes a claim back.
    Release {
        /// The key.
        key: String,
    },
}

/// Takes the requests' questions to Redis.
#[derive(Debug)]
pub struct Gatherer {
    link: Arc<Link>,
    /// The text of this instance's claims.
    claimant: String,
    deadline: Duration,
    claim: Script,
    release: Script,
}

impl Gatherer {
    /// Makes a gatherer for an instance.
    pub fn new(link: Arc<Link>, claimant: String, deadline: Duration) -> Self {
        Self { link, claimant, deadline, claim: Script::new(CLAIM), release: Script::new(RELEASE) }
    }

    /// Runs until nobody can ask any more.
    pub async fn run(self, mut asks: mpsc::Receiver<Ask>) {
        let gatherer = Arc::new(self);
        let trips = Arc::new(Semaphore::new(TRIPS));
        let mut on_their_way = JoinSet::new();
        loop {
            // While all trips are under way, the questions of the next one gather.
            let Ok(trip) = Arc::clone(&trips).acquire_owned().await else { break };
            let mut taken = Vec::new();
            if asks.recv_many(&mut taken, MOST).await == 0 {
                break;
            }
            let gatherer = Arc::clone(&gatherer);
            on_their_way.spawn(async move {
                gatherer.step(taken).await;
                drop(trip);
            });
            while on_their_way.try_join_next().is_some() {}
        }
        on_their_way.join_all().await;
    }

    async fn step(&self, asks: Vec<Ask>) {
        let (mut claims, mut answers, mut releases) = (Vec::new(), Vec::new(), Vec::new());
        for ask in asks {
            match ask {
                Ask::Claim { key, answer } => {
                    claims.push(key);
                    answers.push(answer);
                }
                Ask::Release { key } => releases.push(key),
            }
        }
        if !claims.is_empty() {
            let given = self.claim(&claims).await;
            for (at, answer) in answers.into_iter().enumerate() {
                let told = match &given {
                    Ok(given) => Ok(given[at]),
                    Err(trouble) => Err(*trouble),
                };
                // The one who asked may have given up.
                let _ = answer.send(told);
            }
        }
        if !releases.is_empty() {
            let calls = |size| calls(&releases, size, std::slice::from_ref(&self.claimant));
            // If this call fails, the claim ends by itself.
            drop(self.link.run(&self.release, calls, self.deadline).await);
        }
    }

    async fn claim(&self, keys: &[String]) -> Result<Vec<Claim>, Trouble> {
        let arguments = [self.claimant.clone(), CLAIM_LASTS.as_millis().to_string()];
        let calls = |size| calls(keys, size, &arguments);
        let answers = self.link.run(&self.claim, calls, self.deadline).await?;
        protocol::read(answers, keys.len(), Claim::of_answer).ok_or(Trouble::Refused)
    }
}

/// Builds the calls for keys that share their arguments.
fn calls(keys: &[String], size: usize, arguments: &[String]) -> Vec<Call> {
    keys.chunks(size)
        .map(|keys| Call { keys: keys.to_vec(), arguments: arguments.to_vec() })
        .collect()
}

/// The most questions that may wait.
pub const QUEUE: usize = 16_384;
/// The most questions in one round trip: a few milliseconds of the server's time.
const MOST: usize = 2_048;
/// The most round trips under way at once.
const TRIPS: usize = 4;
