//! The sections that belong to no module: what several of them need.

use crate::quantity::Duration;
use serde::Deserialize;

/// `[dedup]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dedup {
    /// How long ids are remembered. Default `72h`: APS retries for 48.
    pub window: Duration,
    /// For how long the same fact, told by another hook of a source, is a repeat. A source's own
    /// `facts_window` goes before it. Default: it never is.
    pub facts_window: Option<Duration>,
}

/// `[keeper]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keeper {
    /// How often subscriptions are looked at, `1s` or more. Default `5m`.
    pub interval: Duration,
    /// Whether this replica is the one that does it. Default true.
    pub enabled: bool,
}

impl Keeper {
    pub(super) fn faults(&self) -> Option<String> {
        let interval = self.interval;
        (interval.0 < SHORTEST_KEEPER_INTERVAL)
            .then(|| format!("keeper.interval: {interval} is too short; give 1s or more"))
    }
}

impl Dedup {
    pub(super) fn faults(&self) -> Option<String> {
        let is_zero = self.window.0.is_zero();
        is_zero.then(|| "dedup.window: 0 would recognise no redelivery".to_owned())
    }
}

impl Default for Keeper {
    fn default() -> Self {
        Self { interval: Duration(std::time::Duration::from_secs(300)), enabled: true }
    }
}

impl Default for Dedup {
    fn default() -> Self {
        Self { window: Duration(std::time::Duration::from_secs(72 * 3600)), facts_window: None }
    }
}

/// Looking more often would only use up what a provider lets us ask.
const SHORTEST_KEEPER_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
