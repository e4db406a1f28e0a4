//! What the admin listener answers, a file a concern: the probes, the metrics, the status, a look into
//! the spool, the quarantine, the subscriptions.
//!
//! The table of its routes is in `http::server::admin`, above the handlers.

pub mod console;
pub mod events;
pub mod guard;
pub mod inspect;
pub mod metrics;
pub mod openapi;
mod openmetrics;
pub mod origin_guard;
pub mod probes;
pub mod quarantine;
pub mod session;
pub mod sources;
pub mod status;
pub mod subscriptions;
pub mod summary;
pub mod throughput;

use crate::drain::status::Status;
use crate::gaps::Ledger;
use crate::http::ingest::Inlets;
use crate::quarantine::shared_reader::SharedReader;
use crate::recent::Recent;
use crate::secret::Secret;
use crate::shared::Shared;
use crate::spool::Spool;
use crate::webhooks::keeper::Keeper;
use arc_swap::ArcSwapOption;
use prometheus::Registry;
use std::sync::Arc;
use std::time::Instant;

/// The state that the handlers share.
#[derive(Debug)]
pub struct Admin {
    /// The spool.
    pub spool: Spool,
    /// The state of the drain.
    pub drain: Arc<Status>,
    /// All series.
    pub registry: Registry,
    /// The keeper of the subscriptions, if any is to be kept here.
    pub keeper: Option<Arc<Keeper>>,
    /// The gaps that were found.
    pub gaps: Arc<Ledger>,
    /// The window that replicas share, if they share one.
    pub shared: Option<Shared>,
    /// The sources, by name.
    pub inlets: Arc<Inlets>,
    /// The quarantine topic.
    pub quarantine: SharedReader,
    /// The token that guards everything but the probes.
    pub token: ArcSwapOption<Secret>,
    /// The recent decisions.
    pub recent: Recent,
    /// The streams of decisions that are open.
    pub streams: events::stream::Open,
    /// What came and went in the last quarter of an hour.
    pub throughput: throughput::Throughput,
    /// Where notifications are taken, for people.
    pub ingest: String,
    /// The most bytes that may wait in the spool.
    pub max_bytes: u64,
    /// The brokers, for people.
    pub brokers: String,
    /// The configured delivery.
    pub delivery: &'static str,
    /// When the process began.
    pub began: Instant,
}
