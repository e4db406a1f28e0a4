//! Every series that the relay exports: names, labels and help, in one place.
//!
//! # Promises
//! - Labels come from closed sets and from configured names; all of them start at zero.
//! - The figures of P6 are read in one look at the spool, so that they balance at every scrape.

pub mod books;
mod drain;
pub mod reloads;
mod series;
pub mod sources;
mod subscriptions;

use crate::drain::status::DrainMeters;
use crate::event::provider::Provider;
use crate::http::meters::SourceMeters;
use crate::ingest::accounts::Accounts;
use crate::metrics::books::{Books, Limits};
use crate::metrics::reloads::Reloads;
use crate::metrics::series::{Register, float_gauges};
use crate::metrics::sources::Sources;
use crate::metrics::subscriptions::Subscriptions;
use crate::shared::Meters as SharedMeters;
use crate::spool::{CommitMeters, Spool};
use crate::webhooks::keeper::Keeper;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounter, Registry};
use std::sync::Arc;

/// All series, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// The metrics of the spool.
    pub spool: CommitMeters,
    /// The metrics of the drain.
    pub drain: DrainMeters,
    /// The metrics of the configuration.
    pub reloads: Reloads,
    sources: Arc<Sources>,
    /// The metrics of the shared window.
    pub shared: SharedMeters,
    /// Spans that did not reach the collector.
    pub traces_lost: IntCounter,
    /// Notifications that were posted to a path of no source.
    pub unknown_source: IntCounter,
    request_duration: HistogramVec,
    last_notification: GaugeVec,
}
/// The meters of a source that joins.
#[derive(Debug)]
pub struct Joined {
    /// Its accounts in the spool.
    pub accounts: Accounts,
    /// Its own series.
    pub meters: SourceMeters,
}

impl Metrics {
    /// All series that do not depend on the spool, at zero.
    pub fn at_zero() -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        let spool = CommitMeters {
            commit_duration: register.histogram(
                "cadrelay_commit_duration_seconds",
                "Time of one commit to disk, with its sync.",
                COMMIT_SECONDS,
            ),
            commit_records: register.histogram(
                "cadrelay_commit_records",
                "Records in one commit to disk.",
                COMMIT_RECORDS,
            ),
        };
        let drain = drain::meters(&register);
        let request_duration = HistogramVec::new(
            HistogramOpts::new(
                "cadrelay_request_duration_seconds",
                "Time from a notification's last byte to its answer.",
            )
            .buckets(REQUEST_SECONDS.to_vec()),
            &["source"],
        )
        .expect("the name and label are legal");
        register.register(request_duration.clone());
        let last_notification = float_gauges(
            "cadrelay_last_notification_timestamp_seconds",
            "When the last notification that was answered 200 came; 0 before the first.",
            &["source"],
        );
        register.register(last_notification.clone());
        // Registered at zero even where nothing is shared, so that its alert refers to a series
        // that exists.
        let shared = SharedMeters {
            degraded: register.counter(
                "cadrelay_dedup_degraded_total",
                "Notifications that were accepted without asking the window that replicas share.",
            ),
            unconfirmed: register.counter(
                "cadrelay_dedup_unconfirmed_total",
                "Records that were published without a confirmation, because Redis was away.",
            ),
            repeats: register.counter(
                "cadrelay_dedup_repeats_total",
                "Records published without a confirmation that another replica had published too.",
            ),
        };
        let traces_lost = register.counter(
            "cadrelay_traces_lost_total",
            "Spans that the collector of telemetry.otlp did not take; they are not sent again.",
        );
        let unknown_source = register.counter(
            "cadrelay_unknown_source_total",
            "Notifications posted to a path of no source; they are answered 404 and not received.",
        );
        let build = register.gauges("cadrelay_build_info", "1, with the version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        register.register(prometheus::process_collector::ProcessCollector::for_self());
        let reloads = reloads::meters(&register);
        let sources = Arc::default();
        Self {
            registry,
            spool,
            drain,
            reloads,
            sources,
            shared,
            traces_lost,
            unknown_source,
            request_duration,
            last_notification,
        }
    }

    /// The series of a source that joins: at zero, or at their last value if it was here before.
    /// `None` if this run has had too many sources to count one more.
    pub fn join(&self, name: &str, provider: Provider) -> Option<Joined> {
        let counted = self.sources.join(name, provider)?;
        let meters = SourceMeters {
            duration: self.request_duration.with_label_values(&[name]),
            last_notification: self.last_notification.with_label_values(&[name]),
            answers: counted.answers,
        };
        Some(Joined { accounts: counted.accounts, meters })
    }

    /// Handles a source that leaves. Its counters stay, so that none goes back; its gauge is
    /// removed.
    pub fn leave(&self, name: &str) {
        // It exists: the source had it until now.
        drop(self.last_notification.remove_label_values(&[name]));
    }

    /// Registers the series that are read from the spool at each scrape.
    pub fn watch(&self, spool: Spool, limits: Limits) {
        let refused = self.drain.refused.clone();
        let sources = Arc::clone(&self.sources);
        let refused = refused.into_iter().collect();
        let lane_trouble = self.drain.lane_trouble.clone();
        let books = Books { spool, sources, limits, refused, lane_trouble };
        Register(&self.registry).register(books);
    }

    /// Registers the series that are read from the keeper at each scrape.
    pub fn keep(&self, keeper: Arc<Keeper>) {
        Register(&self.registry).register(Subscriptions::of(keeper));
    }

    /// The registry of all series.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }
}
/// 0.1 ms to 10 s.
const COMMIT_SECONDS: &[f64] = &[
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];
/// 0.1 ms to 10 s; the senders give up after five and six.
const REQUEST_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
const COMMIT_RECORDS: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];
