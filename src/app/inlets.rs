//! The ways in: connects sources to the other parts, at the start and at a reload.
//!
//! # Promises
//! - A source that stays under its name keeps its counters and its signs of life, even if its
//!   configuration changes; if it does not change, the source keeps its inlet.

use crate::event::provider::Provider;
use crate::gaps::Ledger;
use crate::http::connections::{Connections, Limits};
use crate::http::ingest::unknown_source::UnknownSource;
use crate::http::ingest::{Inlet, Inlets, Sources};
use crate::http::settings::Settings;
use crate::ingest::Ingest;
use crate::ingest::clock::Clock;
use crate::ingest::pings::Pings;
use crate::ingest::routing::Routes;
use crate::kafka;
use crate::metrics::{Joined, Metrics};
use crate::providers::source::Source;
use crate::recent::Recent;
use crate::shared::Shared;
use crate::spool::Spool;
use crate::telemetry::traces::Traces;
use crate::throttle::Throttle;
use anyhow::Context;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The parts that every source is connected to.
#[derive(Debug)]
pub(super) struct Connecting {
    pub kafka: kafka::settings::Settings,
    pub spool: Spool,
    pub metrics: Metrics,
    pub pings: Pings,
    pub gaps: Arc<Ledger>,
    pub recent: Recent,
    pub shared: Option<Shared>,
}

impl Connecting {
    /// Connects the sources, each with its vitals; the ledger already follows them.
    pub fn connect_all(&self, sources: Vec<Source>) -> anyhow::Result<Sources> {
        let connected = sources.into_iter().map(|source| {
            let name = source.name().to_owned();
            Ok((name, Arc::new(self.connect(source)?)))
        });
        connected.collect()
    }

    /// Remembers ids for at least this long from now on, here and in the window that replicas share.
    pub fn remember_for(&self, window: Duration) {
        self.spool.remember_for(window);
        if let Some(shared) = &self.shared {
            shared.remember_for(window);
        }
    }

    /// Connects one source.
    pub fn connect(&self, source: Source) -> anyhow::Result<Inlet> {
        let name = source.name().to_owned();
        let routes = Routes::new(self.kafka.topic_names(), source.provider(), &self.spool)
            .context("finding a lane for every topic")?;
        let Joined { accounts, meters } = self
            .metrics
            .join(&name, source.provider())
            .context("counting one more source; restart to forget those that left")?;
        let vitals = self.gaps.vitals(&name).context("finding the vitals of a source")?;
        if let Some(last) = vitals.last() {
            meters.last_notification.set(last.as_millisecond() as f64 / 1000.0);
        }
        let ingest = Ingest::new(
            source,
            routes,
            accounts,
            self.kafka.encoding,
            self.spool.clone(),
            self.pings.clone(),
            self.recent.clone(),
        )
        .sharing(self.shared.clone());
        Ok(Inlet { ingest, meters, vitals, refusals: Throttle::default() })
    }
}

/// Builds the state that the routes of the ingest listener share, for at most so many connections.
pub(super) fn inlets(
    http: &Settings,
    connections: usize,
    sources: Sources,
    spool: &Spool,
    traces: Traces,
    unknown_source: UnknownSource,
) -> Inlets {
    let body_limit = http.body_limit.0 as usize;
    Inlets {
        by_name: ArcSwap::from_pointee(sources),
        body_limit,
        connections: Arc::new(Connections::new(Limits {
            listener: "ingest",
            connections,
            bytes: ROOM.max(body_limit.saturating_mul(4)),
            read_timeout: http.read_timeout.0,
            keep_alive: http.keep_alive.0,
        })),
        read_timeout: http.read_timeout.0,
        leaving: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
        clock: Clock::of(spool.clock()),
        requests: Default::default(),
        traces,
        unknown_source,
    }
}

/// Returns the names of the sources, each with its provider.
pub(super) fn names<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Vec<(String, Provider)> {
    let named = |source: &Source| (source.name().to_owned(), source.provider());
    sources.into_iter().map(named).collect()
}

/// The bytes that bodies may hold together while they arrive in pieces: 64 times a size that no
/// sender is known to reach.
const ROOM: usize = 64 << 20;
