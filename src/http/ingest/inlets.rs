//! The sources that notifications may be posted to, and their counters.

use crate::event::gap::Gap;
use crate::gaps::vitals::Vitals;
use crate::http::connections::Connections;
use crate::http::ingest::unknown_source::UnknownSource;
use crate::http::meters::{Outcomes, SourceMeters};
use crate::ingest::Ingest;
use crate::ingest::accounts::Kind;
use crate::ingest::clock::Clock;
use crate::spool::Appended;
use crate::spool::lanes::Books;
use crate::telemetry::traces::Traces;
use crate::throttle::Throttle;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// The sources by name.
pub type Sources = HashMap<String, Arc<Inlet>>;

/// The state that the routes share.
#[derive(Debug)]
pub struct Inlets {
    /// The sources by name, replaced as a whole by a reload.
    pub by_name: ArcSwap<Sources>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// All connections, and their common limits.
    pub connections: Arc<Connections>,
    /// The time that a body may take.
    pub read_timeout: Duration,
    /// Set when the process is told to stop: it is no longer ready.
    pub leaving: AtomicBool,
    /// Set when notifications are no longer accepted.
    pub stopping: AtomicBool,
    /// The clock of the window.
    pub clock: Clock,
    /// Numbers requests for the log.
    pub requests: AtomicU64,
    /// The way of their spans to a collector.
    pub traces: Traces,
    /// Notifications that name no source.
    pub unknown_source: UnknownSource,
}

/// The inlet of one source.
#[derive(Debug)]
pub struct Inlet {
    /// The spine.
    pub ingest: Ingest,
    /// The metrics.
    pub meters: SourceMeters,
    /// The signs of life, updated by its answers.
    pub vitals: Arc<Vitals>,
    /// Keeps a flood of forgeries from flooding the log.
    pub refusals: Throttle,
}

impl Inlets {
    /// The current sources.
    pub fn sources(&self) -> Arc<Sources> {
        self.by_name.load_full()
    }

    /// A current source. A request that holds it goes on with it if it is replaced meanwhile.
    pub fn source(&self, name: &str) -> Option<Arc<Inlet>> {
        self.by_name.load().get(name).cloned()
    }

    /// Stores a gap of one of the sources. True if it is stored, or if its source is no more.
    pub async fn tell(&self, gap: &Gap) -> bool {
        let Some(inlet) = self.source(&gap.source) else {
            tracing::warn!(source = gap.source, "a gap of a removed source is not reported");
            return true;
        };
        let (id, why, subject) = (gap.id(), gap.why.as_str(), gap.subject());
        match inlet.ingest.tell(gap, self.clock.now()).await {
            Ok(Appended::New { .. }) => {
                let Gap { from, to, .. } = gap;
                tracing::warn!(
                    event = "gap_told",
                    event.id = %id,
                    why,
                    subject,
                    "{subject} may have missed something from {from} to {to}: {why}"
                );
                true
            }
            Ok(Appended::Duplicate) => true,
            // The spool is full or stopped, and logs that itself; the gap waits in its file.
            Err(error) => {
                tracing::debug!(error = %error, subject, "a gap cannot be told now");
                false
            }
        }
    }
}

impl Inlet {
    /// The answers to its notifications since the start, given the books of the spool.
    pub fn outcomes(&self, books: &Books) -> Outcomes {
        let (mut accepted, mut quarantined) = (0, 0);
        for (account, kind) in self.ingest.accounts().kinds() {
            match kind {
                Kind::Accepted(_) => accepted += books.in_account(account),
                Kind::Quarantined(_) => quarantined += books.in_account(account),
                Kind::Replayed | Kind::Gap(_) => {}
            }
        }
        self.meters.answers.outcomes(accepted, quarantined)
    }
}
