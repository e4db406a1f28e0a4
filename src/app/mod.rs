//! The relay as a whole: builds its parts, runs them, and stops them from the front.

mod inlets;
pub mod reload;

use crate::app::inlets::Connecting;
use crate::app::reload::Reloader;
use crate::config::{Config, Resolved};
use crate::drain::Drain;
use crate::drain::status::Status;
use crate::drain::topics::Making;
use crate::event::gap::Gap;
use crate::event::provider::Provider;
use crate::gaps::{Ledger, Voice};
use crate::http::admin::Admin;
use crate::http::admin::throughput::Throughput;
use crate::http::ingest::Inlets;
use crate::http::server::{self, Listener, tls};
use crate::ingest::accounts::Accounts;
use crate::ingest::pings::Pings;
use crate::kafka::topics;
use crate::metrics::{self, Metrics};
use crate::providers::source::Source;
use crate::quarantine::shared_reader::SharedReader;
use crate::recent::{self, Recent};
use crate::shared::confirmer::Confirmer;
use crate::shared::{Shared, Work};
use crate::spool::lanes::Gate;
use crate::spool::{Loss, Opening, Spool};
use crate::webhooks::declared::Declared;
use crate::webhooks::environment;
use crate::webhooks::keeper::Keeper;
use anyhow::{Context, anyhow};
use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// A relay that is built and bound, and takes notifications once it runs.
pub struct Relay {
    /// Where notifications are taken.
    pub ingest: SocketAddr,
    /// Where operators look.
    pub admin: SocketAddr,
    spool: Spool,
    inlets: Arc<Inlets>,
    listeners: Listeners,
    keeper: Option<Arc<Keeper>>,
    gaps: Arc<Ledger>,
    drain: JoinHandle<()>,
    sharing: Option<Sharing>,
    stop_drain: Arc<AtomicBool>,
    state: Arc<Admin>,
    reloader: Arc<Reloader>,
    stop_delay: Duration,
}

/// The window that replicas share, at work.
struct Sharing {
    shared: Shared,
    confirmer: JoinHandle<()>,
    stop_confirmer: Arc<AtomicBool>,
    work: tokio::task::JoinHandle<()>,
    stop_work: oneshot::Sender<()>,
}

impl Sharing {
    fn start(shared: Shared, work: Work, spool: &Spool) -> anyhow::Result<Self> {
        let (stop_work, stopped) = oneshot::channel::<()>();
        let work = tokio::spawn(work.run(async { drop(stopped.await) }));
        let runtime = tokio::runtime::Handle::current();
        let confirmer = Confirmer::new(spool.clone(), shared.clone(), runtime);
        let stop_confirmer = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stop_confirmer);
        let confirmer = std::thread::Builder::new()
            .name("confirmer".to_owned())
            .spawn(move || confirmer.run(&stop))
            .context("starting the confirmer")?;
        Ok(Self { shared, confirmer, stop_confirmer, work, stop_work })
    }

    async fn stop(self) {
        self.stop_confirmer.store(true, Ordering::Release);
        let confirmer = self.confirmer;
        let ended = tokio::task::spawn_blocking(move || confirmer.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the confirmer ended in a panic");
        }
        drop(self.stop_work);
        if let Err(error) = self.work.await {
            tracing::error!(error = %error, "the shared window's work ended early");
        }
    }
}

/// The two listeners, bound.
struct Listeners {
    ingest: Listener,
    admin: Listener,
}

impl Relay {
    /// Builds all parts: opens the spool, binds the listeners, begins to drain.
    pub fn build(resolved: Resolved, loss: Loss) -> anyhow::Result<Self> {
        let config = &resolved.config;
        let names = inlets::names(&resolved.sources);
        let keeper = keeper(config, resolved.subscriptions.clone())?;
        let providers = Provider::among(resolved.sources.iter().map(Source::provider));
        let topics = config.kafka.topic_names().all(&providers);
        let metrics = Metrics::new(&topics);
        let max_ahead = max_ahead(&resolved.sources);
        let window = config.dedup.window.0 + max_ahead;
        let accounts =
            Accounts::of_sources(resolved.sources.iter().map(|source| source.provider()));
        let spool = Opening {
            settings: &config.spool,
            window,
            topics: &topics,
            quarantine: &config.kafka.topic_names().quarantine(),
            accounts: Accounts::count(&accounts),
            gate: if resolved.shared.is_some() { Gate::Confirmed } else { Gate::Open },
            loss,
            meters: metrics.spool.clone(),
        }
        .open()?;
        let listeners = bind(config)?;
        let sharing = resolved.shared.map(|target| {
            // As long as the spool remembers ids itself.
            Shared::new(target, &spool.identity().instance, window, metrics.shared.clone())
        });
        let (shared, work) = sharing.unzip();
        // The replica that keeps the subscriptions is the one that tells of gaps.
        let voice = if config.keeper.enabled { Voice::Telling } else { Voice::Mute };
        // After the spool, whose folder is ours only now.
        let gaps = Arc::new(Ledger::open(&config.spool.dir, &names, voice, Timestamp::now()));
        let keeper = keeper.map(|keeper| Arc::new(keeper.telling(Arc::clone(&gaps))));
        let pings = keeper.clone().map_or_else(Pings::default, |keeper| {
            metrics.keep(Arc::clone(&keeper));
            Pings::to(move |hook, at| keeper.saw_ping(hook, at))
        });
        let recent = recent(config)?;
        let connecting = Connecting {
            kafka: config.kafka.clone(),
            spool: spool.clone(),
            metrics: metrics.clone(),
            pings,
            gaps: Arc::clone(&gaps),
            recent: recent.clone(),
            shared: shared.clone(),
        };
        let sources = connecting.connect_all(resolved.sources)?;
        let limits = metrics::books::Limits {
            max_bytes: config.spool.max_bytes.0,
            disk_reserve: config.spool.reserve(),
        };
        metrics.watch(spool.clone(), limits);
        let inlets = Arc::new(inlets::inlets(&config.http, sources, &spool));
        let status = Arc::new(Status::new(metrics.drain.clone()));
        let admin = Admin {
            spool: spool.clone(),
            drain: Arc::clone(&status),
            registry: metrics.registry(),
            keeper: keeper.clone(),
            gaps: Arc::clone(&gaps),
            shared: shared.clone(),
            inlets: Arc::clone(&inlets),
            quarantine: SharedReader::new(config.kafka.clone()),
            token: ArcSwapOption::new(resolved.admin_token.map(Arc::new)),
            recent: recent.clone(),
            streams: Default::default(),
            throughput: Default::default(),
            ingest: url_of(config, listeners.0.local_addr()?),
            max_bytes: config.spool.max_bytes.0,
            brokers: config.kafka.brokers.clone(),
            delivery: config.kafka.delivery.as_str(),
            began: Instant::now(),
        };
        let admin = Arc::new(admin);
        let certificate = resolved.certificate.as_ref().map(|certificate| {
            metrics.reloads.certificate_ends(certificate.ends);
            tls::Shown::new(certificate)
        });
        metrics.reloads.started(Timestamp::now());
        let addresses = (listeners.0.local_addr()?, listeners.1.local_addr()?);
        let listeners = Listeners {
            ingest: server::ingest::listener(
                &config.http,
                certificate.clone(),
                listeners.0,
                Arc::clone(&inlets),
            )?,
            admin: server::admin::listener(listeners.1, Arc::clone(&admin))?,
        };
        let stop_delay = config.http.stop_delay.0;
        let stop_drain = Arc::new(AtomicBool::new(false));
        let making = Making {
            topics: topics::needed(&config.kafka, &providers).into(),
            runtime: tokio::runtime::Handle::current(),
        };
        let drain = Drain::new(spool.clone(), config.kafka.clone(), making, status)?;
        let drain = start_drain(drain, &spool, Arc::clone(&stop_drain))?;
        let reloader = Arc::new(Reloader::new(
            connecting,
            Arc::clone(&inlets),
            Arc::clone(&admin),
            certificate,
            reload::Running {
                providers,
                max_ahead,
                certificate: resolved.certificate,
                subscriptions: resolved.subscriptions,
                config: resolved.config,
            },
        ));
        let sharing = match (shared, work) {
            (Some(shared), Some(work)) => Some(Sharing::start(shared, work, &spool)?),
            (Some(_) | None, _) => None,
        };
        Ok(Self {
            ingest: addresses.0,
            admin: addresses.1,
            spool,
            inlets,
            listeners,
            keeper,
            gaps,
            drain,
            sharing,
            stop_drain,
            state: admin,
            reloader,
            stop_delay,
        })
    }

    /// Takes over another configuration while the relay runs.
    pub fn reloader(&self) -> Arc<Reloader> {
        Arc::clone(&self.reloader)
    }

    /// Runs until `shutdown` completes or the spool fails, then stops: the keeper, what is
    /// in flight, the drain, for at most `GRACE`, then the listeners and the spool.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        if let Some(sharing) = &self.sharing {
            // What comes before the first connection would count as accepted without asking.
            sharing.shared.wait(FIRST_LOOK).await;
        }
        let (ingest, admin) = (self.listeners.ingest.run(), self.listeners.admin.run());
        // It makes hooks, and a provider tries a new hook at once: the listeners come first.
        let (stop_keeper, stopped) = oneshot::channel::<()>();
        let keeper = self.keeper.map(|keeper| {
            tokio::spawn(async move { keeper.run(async { drop(stopped.await) }).await })
        });
        let (stop_gaps, stopped) = oneshot::channel::<()>();
        let (gaps, inlets) = (self.gaps, Arc::clone(&self.inlets));
        let gaps = tokio::spawn(async move {
            let tell = |gap: Gap| {
                let inlets = Arc::clone(&inlets);
                async move { inlets.tell(&gap).await }
            };
            gaps.run(tell, async { drop(stopped.await) }).await
        });
        let mut failure = self.spool.failure();
        let failed = tokio::select! {
            () = shutdown => false,
            changed = failure.wait_for(|failed| *failed) => changed.is_ok(),
            never = sample(&self.state) => match never {},
        };
        tracing::info!(event = "stopping", "stopping");
        // A balancer in front sees this first, and senders are answered until it has looked elsewhere.
        self.inlets.leaving.store(true, Ordering::Relaxed);
        drop(stop_keeper);
        if !failed {
            tokio::time::sleep(self.stop_delay).await;
        }
        // From here on 503, from an open port, until the drain has ended.
        self.inlets.stopping.store(true, Ordering::Relaxed);
        self.inlets.connections.settled().await;
        if let Some(keeper) = keeper
            && let Err(error) = keeper.await
        {
            tracing::error!(error = %error, "the keeper ended early");
        }
        self.stop_drain.store(true, Ordering::Release);
        self.spool.wake_drain();
        let drain = self.drain;
        let drained = tokio::task::spawn_blocking(move || drain.join()).await;
        // The drain sends nothing that is not confirmed, so it ends first.
        if let Some(sharing) = self.sharing {
            sharing.stop().await;
        }
        let ingest = ingest.stop().await;
        // Their last word is the end of what came in.
        drop(stop_gaps);
        if let Err(error) = gaps.await {
            tracing::error!(error = %error, "the ledger of gaps ended early");
        }
        let admin = admin.stop().await;
        ingest.context("running the ingest listener")?;
        admin.context("running the admin listener")?;
        let recent = self.state.recent.clone();
        tokio::task::spawn_blocking(move || recent.close())
            .await
            .context("closing the recent decisions")?;
        let spool = self.spool;
        let books = spool.books();
        tokio::task::spawn_blocking(move || spool.close()).await.context("closing the spool")?;
        let pending: u64 = books.lanes.iter().map(|lane| lane.pending).sum();
        tracing::info!(event = "stopped", pending, "stopped; {pending} records wait in the spool");
        match drained {
            _ if failed => Err(anyhow!("the spool's store failed")),
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(anyhow!("the drain ended in a panic")),
        }
    }
}

/// Keeps the totals at regular moments, for as long as it is let.
async fn sample(state: &Admin) -> Infallible {
    let mut due = tokio::time::interval(Throughput::EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        state.throughput.sample(Timestamp::now(), state.totals());
    }
}

/// What looks after the subscriptions that are to be kept, if this replica is to do it.
fn keeper(config: &Config, mut declared: Vec<Declared>) -> anyhow::Result<Option<Keeper>> {
    declared.retain(|one| one.keep);
    if declared.is_empty() || !config.keeper.enabled {
        return Ok(None);
    }
    let clients = environment::clients(&declared, CALL_TIMEOUT)
        .context("keeping the subscriptions that say keep = true")?;
    Ok(Some(Keeper::new(declared, clients, config.keeper.interval.0)))
}

/// The decisions of the last while, beside the spool.
fn recent(config: &Config) -> anyhow::Result<Recent> {
    let limits = recent::Limits {
        count: config.admin.recent_events,
        bytes: config.admin.recent_bytes.0,
        reserve: config.spool.reserve(),
    };
    let dir = config.spool.recent();
    Recent::open(dir.clone(), limits)
        .with_context(|| format!("opening the recent decisions in {}", dir.display()))
}

/// Where a person may post to, as far as we know it.
fn url_of(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// The time that ids are remembered beyond the window: for so long a capture with a time ahead of our
/// clock can still be fresh.
fn max_ahead(sources: &[Source]) -> Duration {
    sources.iter().map(Source::max_ahead).max().unwrap_or_default()
}

fn bind(config: &Config) -> anyhow::Result<(TcpListener, TcpListener)> {
    let bind = |name: &str, address: SocketAddr| {
        TcpListener::bind(address).with_context(|| format!("listening on {name} = \"{address}\""))
    };
    Ok((bind("http.listen", config.http.listen)?, bind("admin.listen", config.admin.listen)?))
}

fn start_drain(
    drain: Drain,
    spool: &Spool,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<JoinHandle<()>> {
    let spool = spool.clone();
    let run = move || {
        if let Err(error) = drain.run(&stop, GRACE) {
            tracing::error!(error = %error, "the drain cannot read the spool");
            spool.fail();
        }
    };
    std::thread::Builder::new().name("drain".to_owned()).spawn(run).context("starting the drain")
}

/// How long one call of the keeper to a provider may take; as long as one of a person.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a start waits for the window that replicas share.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// How long the drain goes on after the listeners have stopped.
const GRACE: Duration = Duration::from_secs(10);
impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("ingest", &self.ingest).finish_non_exhaustive()
    }
}
