//! The section that belongs to no module.

use crate::quantity::Duration;
use serde::Deserialize;

/// `[keeper]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keeper {
    /// The time from one look at the subscriptions to the next, `1s` or more. Default `5m`.
    pub interval: Duration,
    /// True if this replica looks after the subscriptions. Default true.
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

/// The shortest interval: a shorter one would only use up the provider's rate limit.
const SHORTEST_KEEPER_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
