//! The section that belongs to no module.

use crate::quantity::Duration;
use serde::Deserialize;

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

impl Default for Keeper {
    fn default() -> Self {
        Self { interval: Duration(std::time::Duration::from_secs(300)), enabled: true }
    }
}

/// Looking more often would only use up what a provider lets us ask.
const SHORTEST_KEEPER_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
