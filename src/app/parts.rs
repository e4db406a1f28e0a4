//! Builds the parts of a relay that need more than one call.

use crate::config::Config;
use crate::drain::Drain;
use crate::drain::topics::Making;
use crate::event::provider::Provider;
use crate::kafka::topics;
use crate::providers::source::Source;
use crate::recent::{self, Recent};
use crate::spool::Spool;
use crate::telemetry::target::Target;
use crate::telemetry::traces::Traces;
use crate::webhooks::declared::Declared;
use crate::webhooks::environment;
use crate::webhooks::existing::Clients;
use crate::webhooks::keeper::Assignment;
use anyhow::Context as _;
use prometheus::IntCounter;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

/// The subscriptions that this replica may have to look after: none if it is not to do it.
pub(super) fn assignment(config: &Config, declared: &[Declared]) -> anyhow::Result<Assignment> {
    let kept: Vec<Declared> = declared.iter().filter(|one| one.keep).cloned().collect();
    let interval = config.keeper.interval.0;
    if kept.is_empty() || !config.keeper.enabled {
        return Ok(Assignment::new(kept, Clients::default(), interval).left_to_others());
    }
    let clients = environment::clients(&kept, CALL_TIMEOUT)
        .context("keeping the subscriptions that say keep = true")?;
    Ok(Assignment::new(kept, clients, interval))
}

/// Opens the store of recent decisions, beside the spool.
pub(super) fn recent(config: &Config) -> anyhow::Result<Recent> {
    let limits = recent::Limits {
        count: config.admin.recent_events,
        bytes: config.admin.recent_bytes.0,
        reserve: config.spool.reserve(),
    };
    let dir = config.spool.recent();
    Recent::open(dir.clone(), limits)
        .with_context(|| format!("opening the recent decisions in {}", dir.display()))
}

/// Builds the way of spans to the collector, if one is configured.
pub(super) fn traces(
    collector: Option<&Target>,
    spool: &Spool,
    lost: IntCounter,
) -> anyhow::Result<Traces> {
    let Some(collector) = collector else { return Ok(Traces::default()) };
    let runtime = tokio::runtime::Handle::current();
    Traces::to(collector, &spool.identity().instance, lost, runtime)
        .context("sending spans to telemetry.otlp")
}

/// The URL of the ingest listener, as far as this process knows it.
pub(super) fn url_of(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// The longest time that a source's capture may be ahead of this clock: ids are remembered for that
/// long beyond the window, because such a capture stays fresh for longer.
pub(super) fn max_ahead(sources: &[Source]) -> Duration {
    sources.iter().map(Source::max_ahead).max().unwrap_or_default()
}

/// The time for which the spool remembers ids.
pub(super) fn window(config: &Config, sources: &[Source]) -> Duration {
    config.dedup.window.0 + max_ahead(sources)
}

/// The topics of the records that the sources can cause.
pub(super) fn topics(config: &Config, sources: &[Source]) -> Vec<String> {
    let providers = Provider::among(sources.iter().map(Source::provider));
    config.kafka.topic_names().all(&providers)
}

/// The topics that the drain may create when it first needs them, and the runtime for it.
pub(super) fn making(config: &Config) -> Making {
    Making {
        topics: topics::needed(&config.kafka, &Provider::ALL).into(),
        runtime: tokio::runtime::Handle::current(),
    }
}

/// Opens both listeners.
pub(super) fn bind(config: &Config) -> anyhow::Result<(TcpListener, TcpListener)> {
    let bind = |name: &str, address: SocketAddr| {
        TcpListener::bind(address).with_context(|| format!("listening on {name} = \"{address}\""))
    };
    Ok((bind("http.listen", config.http.listen)?, bind("admin.listen", config.admin.listen)?))
}

/// Starts the thread of the drain.
pub(super) fn start_drain(
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

/// The deadline of one call of the keeper to a provider; the same as for a call by a person.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which the drain goes on after the listeners have stopped.
const GRACE: Duration = Duration::from_secs(10);
