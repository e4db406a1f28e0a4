//! Remembers beyond the window what was replayed from quarantine, for all replicas.
//!
//! # Limits
//! A Redis that is away or has forgotten leaves each replica with its own memory.
//!
//! Knows nothing of what a replay is.

use crate::shared::Shared;
use crate::shared::protocol;
use crate::spool::window::IdKey;
use std::time::Duration;

impl Shared {
    /// Notes that a record was replayed.
    pub async fn note_replay(&self, key: &IdKey) {
        // Within the window the confirmation of its event says the same.
        self.mark(self.replay_key(key), REPLAYED, REMEMBERED).await;
    }

    /// True if a replica has noted that a record was replayed.
    pub async fn was_replayed(&self, key: &IdKey) -> bool {
        self.marks(&[self.replay_key(key)]).await == [REPLAYED]
    }

    fn replay_key(&self, key: &IdKey) -> String {
        protocol::key(&format!("{}replay:", self.inner.prefix), key)
    }
}

const REPLAYED: i64 = 1;
/// A year: longer than a quarantine topic keeps its records, as a rule.
const REMEMBERED: Duration = Duration::from_secs(365 * 24 * 3600);
