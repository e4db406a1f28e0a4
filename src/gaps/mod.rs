//! Finds the times in which consumers may have missed something, and has each told once.
//!
//! # Promises
//! - A gap is told once, also over restarts and kills: it is in a file before it is told, its id is
//!   its own, and it leaves the file when it is stored.
//! - Nothing here waits on the way of an answer: what a request says is two atomics.
//!
//! # Limits
//! What happened in the last [`BEAT`] before a kill is not in the file. If the file cannot be written,
//! gaps are told all the same, and perhaps not found after a restart. A machine whose clock jumps
//! while the relay is down was down for longer, or for less.
//!
//! Knows nothing of providers' APIs, of records, or of Kafka.

mod file;
pub mod listed;
mod memory;
pub mod vitals;

use crate::event::gap::{Gap, Why};
use crate::event::provider::Provider;
use crate::gaps::listed::Listed;
use crate::gaps::memory::Memory;
use crate::gaps::vitals::Vitals;
use crate::lock::lock;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// What is known of gaps, in memory and in a file beside the spool.
///
/// A file of its own and not the spool: it holds a few facts that change, where the spool holds
/// records that leave; and to lose it costs an untold gap, never an event.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    memory: Mutex<Memory>,
    sources: Mutex<BTreeMap<String, Source>>,
    changed: Arc<Notify>,
    is_unwritable: AtomicBool,
    voice: Voice,
}

/// Whether this relay tells of gaps. Of replicas behind one balancer one does: what one of them did
/// not hear, another did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Voice {
    /// It tells.
    Telling,
    /// It finds gaps, and leaves them.
    Mute,
}

/// A source of this run.
#[derive(Clone, Debug)]
struct Source {
    provider: Provider,
    vitals: Arc<Vitals>,
}

/// A subscription that is looked after.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watched {
    /// Its name.
    pub subscription: String,
    /// Its provider.
    pub provider: Provider,
    /// The source that it feeds.
    pub source: String,
    /// What it listens to.
    pub scope: BTreeMap<String, String>,
    /// Another one when it is declared otherwise: what was heard before is no proof for it then.
    pub declaration: String,
}

impl Ledger {
    /// Reads what the last run left, in a folder that this run owns, and finds what was missed while
    /// there was none.
    pub fn open(dir: &Path, sources: &[(String, Provider)], voice: Voice, now: Timestamp) -> Self {
        let path = dir.join("gaps.json");
        let mut memory: Memory = file::read(&path);
        let mut began = sources.to_vec();
        // Named by configuration; the order of a file is nobody's business.
        began.sort();
        memory.begin(&began, now);
        let ledger = Self {
            path,
            sources: Mutex::default(),
            memory: Mutex::new(memory),
            changed: Arc::new(Notify::new()),
            is_unwritable: AtomicBool::new(false),
            voice,
        };
        ledger.follow(sources);
        ledger
    }

    /// Follows these sources from now on. One that was followed before keeps its vitals; one that is
    /// not among them is no longer followed.
    pub fn follow(&self, sources: &[(String, Provider)]) {
        let memory = lock(&self.memory);
        let mut followed = lock(&self.sources);
        let before = std::mem::take(&mut *followed);
        for (name, provider) in sources {
            let vitals = before.get(name).map_or_else(
                || {
                    let last = memory.last_notification(name);
                    Arc::new(Vitals::new(last, Arc::clone(&self.changed)))
                },
                |source| Arc::clone(&source.vitals),
            );
            followed.insert(name.clone(), Source { provider: *provider, vitals });
        }
    }

    /// What the requests of a source say of it.
    pub fn vitals(&self, source: &str) -> Option<Arc<Vitals>> {
        lock(&self.sources).get(source).map(|source| Arc::clone(&source.vitals))
    }

    /// The source of this relay to which a URL of ours leads, if it is one.
    pub fn source_at(&self, url: &str) -> Option<String> {
        let (_, path) = url.split_once("/webhooks/")?;
        let name = path.split(['?', '#', '/']).next()?;
        lock(&self.sources).contains_key(name).then(|| name.to_owned())
    }

    /// A source of this provider, if there is one.
    pub fn source_of(&self, provider: Provider) -> Option<String> {
        let sources = lock(&self.sources);
        let mut of_provider = sources.iter().filter(|(_, source)| source.provider == provider);
        of_provider.next().map(|(name, _)| name.clone())
    }

    /// A subscription was seen to hear: its hook is there, active and as declared.
    pub fn heard(&self, watched: &Watched, now: Timestamp) {
        lock(&self.memory).heard(watched, now);
        self.changed.notify_one();
    }

    /// A subscription was seen not to hear.
    pub fn lost(&self, watched: &Watched, why: Why) {
        lock(&self.memory).lost(watched, why);
        self.changed.notify_one();
    }

    /// The provider's counts of dropped events, by hook.
    pub fn counted(&self, watched: &Watched, counts: &[(String, u64)], now: Timestamp) {
        lock(&self.memory).counted(watched, counts, now);
        self.changed.notify_one();
    }

    /// The last gaps, the newest first; those that have not ended come before all others.
    pub fn listed(&self) -> Vec<Listed> {
        lock(&self.memory).listed()
    }

    /// The source that a subscription feeds, once it was looked at.
    pub fn source_of_subscription(&self, subscription: &str) -> Option<String> {
        lock(&self.memory).source_of(subscription).map(str::to_owned)
    }

    /// Keeps the file, and has gaps told by `tell`, which says whether one is stored; until
    /// `shutdown`. What is not stored is tried again at the next [`BEAT`].
    pub async fn run<F>(&self, tell: impl Fn(Gap) -> F, shutdown: impl Future<Output = ()>)
    where
        F: Future<Output = bool>,
    {
        let mut shutdown = pin!(shutdown);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = beats.tick() => {}
                () = self.changed.notified() => {}
            }
            self.beat(Timestamp::now()).await;
            self.tell_all(&tell).await;
        }
        self.beat(Timestamp::now()).await;
    }

    /// Notes that the relay lives, and what its sources say.
    async fn beat(&self, now: Timestamp) {
        {
            let mut memory = lock(&self.memory);
            for (name, source) in lock(&self.sources).iter() {
                memory.note(name, source.provider, &source.vitals);
            }
            memory.beat(now);
        }
        self.save().await;
    }

    async fn tell_all<F: Future<Output = bool>>(&self, tell: &impl Fn(Gap) -> F) {
        let untold = lock(&self.memory).untold();
        let mut told = 0;
        for gap in &untold {
            match self.voice {
                Voice::Telling if !tell(gap.clone()).await => break,
                Voice::Telling => lock(&self.memory).told(gap),
                Voice::Mute => lock(&self.memory).left(gap),
            }
            told += 1;
        }
        if told > 0 {
            self.save().await;
        }
    }

    async fn save(&self) {
        let (path, bytes) = (self.path.clone(), lock(&self.memory).to_bytes());
        let saved = tokio::task::spawn_blocking(move || file::write(&path, &bytes)).await;
        let failed = match saved {
            Ok(Ok(())) => false,
            Ok(Err(error)) => {
                if !self.is_unwritable.load(Ordering::Relaxed) {
                    let path = self.path.display();
                    tracing::warn!(error = %error, "cannot write {path}: gaps may be missed after a restart");
                }
                true
            }
            Err(_) => true,
        };
        self.is_unwritable.store(failed, Ordering::Relaxed);
    }
}

/// How long a provider goes on with what it could not deliver: whatever was refused or unanswered for
/// longer may be gone.
fn repeats_for(provider: Provider) -> Duration {
    match provider {
        // Onshape says that it repeats, and not for how long: a minute is what a restart may take.
        Provider::Onshape => Duration::from_secs(60),
        // Eight repeats over 48 hours, by Autodesk's page on delivery.
        Provider::Aps => Duration::from_secs(48 * 3600),
    }
}

/// How often the file is written while nothing happens. A kill makes a gap begin so much too early.
pub const BEAT: Duration = Duration::from_secs(20);
