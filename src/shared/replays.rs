//! Remembers beyond the window what was replayed from quarantine, for all replicas.
//!
//! # Limits
//! A Redis that is away or has forgotten leaves each replica with its own memory.
//!
//! Knows nothing of what a replay is.

use crate::shared::Shared;
use crate::shared::protocol;
use crate::shared::redis::{Call, Script};
use crate::spool::window::IdKey;
use std::time::Duration;

impl Shared {
    /// Notes that a record was replayed.
    pub async fn note_replay(&self, key: &IdKey) {
        let arguments = vec![REMEMBERED.as_millis().to_string()];
        let call = Call { keys: vec![self.replay_key(key)], arguments };
        // Within the window the confirmation of its event says the same.
        drop(self.inner.link.run(&Script::new(NOTE), |_| vec![call], DEADLINE).await);
    }

    /// True if a replica has noted that a record was replayed.
    pub async fn was_replayed(&self, key: &IdKey) -> bool {
        let call = Call { keys: vec![self.replay_key(key)], arguments: Vec::new() };
        let answer = self.inner.link.run(&Script::new(READ), |_| vec![call], DEADLINE).await;
        answer.is_ok_and(|answers| answers.concat() == [1])
    }

    fn replay_key(&self, key: &IdKey) -> String {
        protocol::key(&format!("{}replay:", self.inner.prefix), key)
    }
}

/// Argument: for how many milliseconds it is remembered.
const NOTE: &str = "\
for _, key in ipairs(KEYS) do
  redis.call('SET', key, '1', 'PX', ARGV[1])
end
return {}";

const READ: &str = "\
local answers = {}
for at, key in ipairs(KEYS) do
  answers[at] = redis.call('EXISTS', key)
end
return answers";

/// A year: longer than a quarantine topic keeps its records, as a rule.
const REMEMBERED: Duration = Duration::from_secs(365 * 24 * 3600);
const DEADLINE: Duration = Duration::from_secs(2);
