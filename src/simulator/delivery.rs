//! Posts notifications as the providers do: signed, retried, given up in the end.
//!
//! # Promises
//! - Every attempt is in the log, in the order in which the attempts ended.
//! - A retry has the same body and id; its signature is made when it is sent.
//!
//! # Limits
//! The log keeps the last 100,000 attempts.

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::simulator::Schedule;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use url::Url;

/// Posts notifications and keeps the log.
#[derive(Debug)]
pub struct Courier {
    provider: Provider,
    client: reqwest::Client,
    schedule: Schedule,
    log: Mutex<VecDeque<Attempt>>,
    tasks: Mutex<JoinSet<()>>,
    runtime: Handle,
    seed: AtomicU64,
    delivered: AtomicU32,
}

/// One notification on its way to one hook.
pub struct Parcel {
    /// The hook's id.
    pub hook: String,
    /// The event.
    pub event: String,
    /// The messageId, or the delivery id of APS.
    pub id: String,
    /// The URL that it is posted to.
    pub url: String,
    /// The body.
    pub body: Vec<u8>,
    /// Makes the headers that prove it, for the moment of an attempt.
    pub sign: Box<dyn Fn(Timestamp) -> Vec<(&'static str, String)> + Send + Sync>,
}

/// One attempt, as the log shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    hook_id: String,
    event: String,
    id: String,
    attempt: u32,
    /// `null` if there was no answer.
    status: Option<u16>,
    time_ms: u64,
}

/// The end of a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The receiver accepted it.
    Delivered,
    /// The receiver did not accept it at any attempt.
    GivenUp,
}

impl Courier {
    /// A courier whose tasks run on the current runtime.
    pub fn new(provider: Provider, schedule: Schedule) -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(schedule.timeout);
        // If a provider was installed before, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            provider,
            client: client.build().map_err(io::Error::other)?,
            schedule,
            log: Mutex::default(),
            tasks: Mutex::default(),
            runtime: Handle::current(),
            // So that the ids of another run do not look like repeats.
            seed: AtomicU64::new(Timestamp::now().as_microsecond() as u64),
            delivered: AtomicU32::new(0),
        })
    }

    /// A seed that was not used before.
    pub fn next_seed(&self) -> u64 {
        self.seed.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs a task beside the answer to a call.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        // Tasks that have ended are dropped.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.runtime);
    }

    /// Ends all tasks that are under way.
    pub async fn end(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    /// All attempts so far.
    pub fn log(&self) -> Vec<Attempt> {
        lock(&self.log).iter().cloned().collect()
    }

    /// Delivers with all retries, and now and then a second time, as real services do.
    pub async fn deliver(&self, parcel: &Parcel) -> Fate {
        let mut pause = self.schedule.retry_delay;
        for attempt in 1..=self.schedule.retries + 1 {
            if attempt > 1 {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            if self.attempt(parcel, attempt).await == Fate::Delivered {
                let count = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
                let every = self.schedule.repeat_every;
                if every > 0 && count.is_multiple_of(every) {
                    self.attempt(parcel, attempt + 1).await;
                }
                return Fate::Delivered;
            }
        }
        Fate::GivenUp
    }

    /// One attempt, without retries.
    pub async fn attempt(&self, parcel: &Parcel, attempt: u32) -> Fate {
        let started = Instant::now();
        let status = self.post(parcel).await;
        let attempt = Attempt {
            hook_id: parcel.hook.clone(),
            event: parcel.event.clone(),
            id: parcel.id.clone(),
            attempt,
            status,
            time_ms: started.elapsed().as_millis() as u64,
        };
        let mut log = lock(&self.log);
        if log.len() == LOG_LENGTH {
            log.pop_front();
        }
        log.push_back(attempt);
        match (self.provider, status) {
            (Provider::Onshape, Some(200)) | (Provider::Aps, Some(200..300)) => Fate::Delivered,
            _ => Fate::GivenUp,
        }
    }

    async fn post(&self, parcel: &Parcel) -> Option<u16> {
        let url = Url::parse(&parcel.url).ok()?;
        let request = self.client.post(url).header("content-type", "application/json");
        let request = (parcel.sign)(Timestamp::now())
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        let response = request.body(parcel.body.clone()).send().await.ok()?;
        Some(response.status().as_u16())
    }
}

const LOG_LENGTH: usize = 100_000;
