//! Lets the replica that sent a ping learn that another one received it.
//!
//! Does not know the sender of a ping, or its purpose.

use crate::shared::Shared;
use jiff::Timestamp;
use std::time::Duration;

impl Shared {
    /// Notes that this replica received the ping of a hook.
    pub async fn note_ping(&self, hook: &str, at: Timestamp) {
        // If this fails, the next ping has to be noted.
        self.mark(self.ping_key(hook), at.as_millisecond(), REMEMBERED).await;
    }

    /// The time at which any replica last received a ping of each hook. Empty if Redis does not
    /// answer.
    pub async fn pings(&self, hooks: &[String]) -> Vec<(String, Timestamp)> {
        let keys: Vec<String> = hooks.iter().map(|hook| self.ping_key(hook)).collect();
        let times = self.marks(&keys).await;
        let seen = hooks.iter().zip(times).filter(|(_, time)| *time > 0);
        seen.filter_map(|(hook, time)| {
            Some((hook.clone(), Timestamp::from_millisecond(time).ok()?))
        })
        .collect()
    }

    fn ping_key(&self, hook: &str) -> String {
        format!("{}ping:{hook}", self.inner.prefix)
    }
}

/// Longer than any sensible interval between two looks.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
