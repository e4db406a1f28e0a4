//! The relay as a whole: builds its parts, runs them, and stops them in the order of the flow.

pub mod hand_over;
mod inlets;
mod keeping;
mod parts;
pub mod reload;
mod run;

use crate::app::inlets::Connecting;
use crate::app::keeping::Keeping;
use crate::app::parts::{
    assignment, bind, making, recent, start_drain, topics, traces, url_of, window,
};
use crate::app::reload::Reloader;
use crate::config::Resolved;
use crate::drain::Drain;
use crate::drain::status::Status;
use crate::event::provider::Provider;
use crate::gaps::{Ledger, Voice};
use crate::http::admin::Admin;
use crate::http::admin::room::Room;
use crate::http::ingest::Inlets;
use crate::http::ingest::unknown_source::UnknownSource;
use crate::http::server::{self, Listener, descriptors, tls};
use crate::ingest::accounts::Accounts;
use crate::ingest::pings::Pings;
use crate::metrics::{self, Metrics};
use crate::quarantine::shared_reader::SharedReader;
use crate::shared::confirmer::Confirmer;
use crate::shared::life::Life;
use crate::shared::{Shared, Work};
use crate::spool::lanes::Gate;
use crate::spool::{Loss, Opening, Spool};
use crate::telemetry::traces::Traces;
use anyhow::Context as _;
use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A relay that is built and bound, and takes notifications once it runs.
pub struct Relay {
    /// The address of the ingest listener.
    pub ingest: SocketAddr,
    /// The address of the admin listener.
    pub admin: SocketAddr,
    spool: Spool,
    inlets: Arc<Inlets>,
    listeners: Listeners,
    keeping: Arc<Keeping>,
    gaps: Arc<Ledger>,
    drain: JoinHandle<()>,
    sharing: Option<Sharing>,
    stop_drain: Arc<AtomicBool>,
    state: Arc<Admin>,
    reloader: Arc<Reloader>,
    traces: Traces,
    stop_delay: Duration,
}

/// The running tasks of the window that replicas share.
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
        let assignment = assignment(config, &resolved.subscriptions)?;
        let metrics = Metrics::at_zero();
        let window = window(config, &resolved.sources);
        let accounts =
            Accounts::of_sources(resolved.sources.iter().map(|source| source.provider()));
        let spool = Opening {
            settings: &config.spool,
            window,
            // Of all providers: a reload may bring the first source of one.
            topics: &config.kafka.topic_names().all(&Provider::ALL),
            quarantine: &config.kafka.topic_names().quarantine(),
            accounts: Accounts::count(&accounts),
            gate: if resolved.shared.is_some() { Gate::Confirmed } else { Gate::Open },
            loss,
            meters: metrics.spool.clone(),
        }
        .open()?;
        spool.expect(&topics(config, &resolved.sources));
        let listeners = bind(config)?;
        let http = &config.http;
        let share = descriptors::claim(http.max_connections, http.worker_threads())?;
        let sharing = resolved.shared.map(|target| {
            // As long as the spool itself remembers ids.
            let identity = spool.identity();
            let life = Life::new(&target, &identity.instance, identity.run());
            Shared::new(target, &identity.instance, life, window, metrics.shared.clone())
        });
        let (shared, work) = sharing.unzip();
        // After the spool, because only then does this process own the folder.
        let now = Timestamp::now();
        let gaps = Arc::new(Ledger::open(&config.spool.dir, &names, Voice::Undecided, now));
        let is_keeper = config.keeper.enabled;
        let run = spool.identity().run();
        let keeping =
            Arc::new(Keeping::new(assignment, is_keeper, Arc::clone(&gaps), shared.as_ref(), run));
        metrics.keep(Arc::clone(&keeping.keeper));
        let pings = {
            let keeping = Arc::clone(&keeping);
            Pings::to(move |hook, at| keeping.saw_ping(hook, at))
        };
        let recent = recent(config)?;
        let traces = traces(resolved.collector.as_ref(), &spool, metrics.traces_lost.clone())?;
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
        let unknown_source = UnknownSource::counted_by(metrics.unknown_source.clone());
        let inlets =
            inlets::inlets(http, share.ingest, sources, &spool, traces.clone(), unknown_source);
        let inlets = Arc::new(inlets);
        let status = Arc::new(Status::new(metrics.drain.clone()));
        let admin = Admin {
            spool: spool.clone(),
            drain: Arc::clone(&status),
            registry: metrics.registry(),
            keeper: Arc::clone(&keeping.keeper),
            gaps: Arc::clone(&gaps),
            shared: shared.clone(),
            inlets: Arc::clone(&inlets),
            quarantine: SharedReader::new(config.kafka.clone()),
            token: ArcSwapOption::new(resolved.admin_token.map(Arc::new)),
            recent: recent.clone(),
            room: Room::of(share.admin),
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
        let drain = Drain::new(spool.clone(), config.kafka.clone(), making(config), status)?;
        let drain = drain.tracing(traces.clone());
        let drain = start_drain(drain, &spool, Arc::clone(&stop_drain))?;
        let reloader = Arc::new(Reloader::new(
            connecting,
            Arc::clone(&inlets),
            Arc::clone(&admin),
            certificate,
            Arc::clone(&keeping),
            reload::Running {
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
            keeping,
            gaps,
            drain,
            sharing,
            stop_drain,
            state: admin,
            reloader,
            traces,
            stop_delay,
        })
    }

    /// Returns the state behind the routes of the ingest listener.
    pub fn inlets(&self) -> Arc<Inlets> {
        Arc::clone(&self.inlets)
    }

    /// Returns the part that takes over another configuration while the relay runs.
    pub fn reloader(&self) -> Arc<Reloader> {
        Arc::clone(&self.reloader)
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("ingest", &self.ingest).finish_non_exhaustive()
    }
}
