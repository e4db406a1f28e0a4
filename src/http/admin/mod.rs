//! The handlers of the admin listener, one file for each concern: the probes, the metrics, the
//! status, the spool, the quarantine, the subscriptions and others.
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
mod parameters;
pub mod probes;
pub mod quarantine;
pub mod room;
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
    /// The registry of all series.
    pub registry: Registry,
    /// The keeper of the subscriptions.
    pub keeper: Arc<Keeper>,
    /// The known gaps.
    pub gaps: Arc<Ledger>,
    /// The window that replicas share, if they share one.
    pub shared: Option<Shared>,
    /// The sources, by name.
    pub inlets: Arc<Inlets>,
    /// The reader of the quarantine topic.
    pub quarantine: SharedReader,
    /// The token that guards everything but the probes.
    pub token: ArcSwapOption<Secret>,
    /// The recent decisions.
    pub recent: Recent,
    /// The connections of the admin listener, and the room that is kept for the probes.
    pub room: room::Room,
    /// The throughput of the last quarter of an hour.
    pub throughput: throughput::Throughput,
    /// The address of ingest, for people.
    pub ingest: String,
    /// The most bytes that may wait in the spool.
    pub max_bytes: u64,
    /// The brokers, for people.
    pub brokers: String,
    /// The configured delivery.
    pub delivery: &'static str,
    /// The start of the process.
    pub began: Instant,
}
