//! Finds the periods in which consumers may have missed something, and publishes each once.
//!
//! # Promises
//! - A gap is published once, also over restarts and kills: it is in a file before it is published,
//!   its id is its own, and it leaves the file when it is stored.
//! - Nothing here delays an answer: a request touches two atomics.
//!
//! # Limits
//! The last [`BEAT`] before a kill is not in the file. If the file cannot be written, gaps are
//! still published, but may not be found after a restart. If the machine's clock jumps while the
//! relay is down, the time of its absence is wrong by as much.
//!
//! Knows nothing of providers' APIs, of records, or of Kafka.

mod file;
pub mod listed;
mod memory;
pub mod vitals;

use crate::event::gap::{Gap, Why};
use crate::event::provider::Provider;
use crate::event::time::whole_milliseconds;
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

/// The known gaps, in memory and in a file beside the spool.
///
/// The file is separate from the spool, because it holds a few facts that change, while the spool
/// holds records that leave. Losing it costs an unpublished gap, never an event.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    memory: Mutex<Memory>,
    sources: Mutex<BTreeMap<String, Source>>,
    changed: Arc<Notify>,
    is_unwritable: AtomicBool,
    voice: Mutex<Voice>,
}

/// Tells whether this relay publishes gaps. Of several replicas behind one balancer only one does:
/// what one of them missed, another received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Voice {
    /// It publishes gaps.
    Telling,
    /// It finds gaps and drops them.
    Mute,
    /// It is not known yet which replica publishes gaps: each keeps what it finds.
    Undecided,
}

/// A source of this run.
#[derive(Clone, Debug)]
struct Source {
    provider: Provider,
    vitals: Arc<Vitals>,
}

/// A subscription that is watched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watched {
    /// Its name.
    pub subscription: String,
    /// Its provider.
    pub provider: Provider,
    /// The source that it feeds.
    pub source: String,
    /// The scope that it listens to.
    pub scope: BTreeMap<String, String>,
    /// Identifies the declaration. When it changes, earlier proofs no longer count.
    pub declaration: String,
}

impl Ledger {
    /// Reads the file of the last run, in a folder that this run owns, and finds the gap since
    /// then.
    pub fn open(dir: &Path, sources: &[(String, Provider)], voice: Voice, now: Timestamp) -> Self {
        let path = dir.join("gaps.json");
        let mut memory: Memory = file::read(&path);
        let mut began = sources.to_vec();
        // Sorted by name, because the order in the configuration means nothing.
        began.sort();
        memory.begin(&began, whole_milliseconds(now));
        let ledger = Self {
            path,
            sources: Mutex::default(),
            memory: Mutex::new(memory),
            changed: Arc::new(Notify::new()),
            is_unwritable: AtomicBool::new(false),
            voice: Mutex::new(voice),
        };
        ledger.follow(sources);
        ledger
    }

    /// Follows these sources from now on. A source that was followed before keeps its vitals; one
    /// that is not listed is dropped.
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

    /// Publishes gaps from now on, or does not.
    pub fn speak(&self, voice: Voice) {
        *lock(&self.voice) = voice;
        self.changed.notify_one();
    }

    /// Watches no subscription but these any more. The proofs that were found stay.
    pub fn watch_only(&self, subscriptions: &[String]) {
        lock(&self.memory).watch_only(subscriptions);
    }

    /// The vitals of a source, which its requests update.
    pub fn vitals(&self, source: &str) -> Option<Arc<Vitals>> {
        lock(&self.sources).get(source).map(|source| Arc::clone(&source.vitals))
    }

    /// The source of this relay that a URL leads to, if it is one of ours.
    pub fn source_at(&self, url: &str) -> Option<String> {
        let (_, path) = url.split_once("/webhooks/")?;
        let name = path.split(['?', '#', '/']).next()?;
        lock(&self.sources).contains_key(name).then(|| name.to_owned())
    }

    /// Any source of this provider, if there is one.
    pub fn source_of(&self, provider: Provider) -> Option<String> {
        let sources = lock(&self.sources);
        let mut of_provider = sources.iter().filter(|(_, source)| source.provider == provider);
        of_provider.next().map(|(name, _)| name.clone())
    }

    /// Notes that a subscription was seen to be heard: its hook is there, active and as declared.
    pub fn heard(&self, watched: &Watched, now: Timestamp) {
        lock(&self.memory).heard(watched, whole_milliseconds(now));
        self.changed.notify_one();
    }

    /// Notes that a subscription was seen not to be heard.
    pub fn lost(&self, watched: &Watched, why: Why) {
        lock(&self.memory).lost(watched, why);
        self.changed.notify_one();
    }

    /// Notes the provider's counts of dropped events, by hook.
    pub fn counted(&self, watched: &Watched, counts: &[(String, u64)], now: Timestamp) {
        lock(&self.memory).counted(watched, counts, whole_milliseconds(now));
        self.changed.notify_one();
    }

    /// What is known of each subscription that was seen in this run, for the replica that looks after them
    /// next. One of which a gap is not stored yet is left out: the next replica then finds that gap itself,
    /// by the same id.
    pub fn proofs(&self) -> Vec<(String, String)> {
        lock(&self.memory).proofs()
    }

    /// Takes over what another replica knew of a subscription, if that is newer.
    pub fn learn(&self, subscription: &str, proof: &str) {
        match serde_json::from_str(proof) {
            Ok(proof) => lock(&self.memory).learn(subscription, proof),
            // A replica of another version wrote it.
            Err(error) => tracing::debug!(subscription, error = %error, "cannot read a proof"),
        }
    }

    /// The last gaps, the newest first; those that have not ended come first.
    pub fn listed(&self) -> Vec<Listed> {
        lock(&self.memory).listed()
    }

    /// The source that a subscription feeds, once it was seen.
    pub fn source_of_subscription(&self, subscription: &str) -> Option<String> {
        lock(&self.memory).source_of(subscription).map(str::to_owned)
    }

    /// Keeps the file, and publishes gaps with `tell`, which returns whether a gap is stored, until
    /// `shutdown`. A gap that is not stored is tried again at the next [`BEAT`].
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

    /// Notes that the relay lives, and takes over the vitals of its sources.
    async fn beat(&self, now: Timestamp) {
        {
            let mut memory = lock(&self.memory);
            for (name, source) in lock(&self.sources).iter() {
                memory.note(name, source.provider, &source.vitals);
            }
            memory.beat(whole_milliseconds(now));
        }
        self.save().await;
    }

    async fn tell_all<F: Future<Output = bool>>(&self, tell: &impl Fn(Gap) -> F) {
        let untold = lock(&self.memory).untold();
        let mut told = 0;
        for gap in &untold {
            let voice = *lock(&self.voice);
            match voice {
                Voice::Undecided => break,
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

/// The time for which a provider retries a delivery. Notifications that were refused or unanswered
/// for longer may be gone.
fn repeats_for(provider: Provider) -> Duration {
    match provider {
        // Onshape says that it retries, but not for how long: a minute is about a restart.
        Provider::Onshape => Duration::from_secs(60),
        // Eight retries over 48 hours, by Autodesk's page on delivery.
        Provider::Aps => Duration::from_secs(48 * 3600),
    }
}

/// The interval at which the file is written while nothing happens. After a kill a gap begins so
/// much too early.
pub const BEAT: Duration = Duration::from_secs(20);
