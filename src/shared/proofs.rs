//! Lets the replica that takes over the subscriptions learn what the one before knew of them.
//!
//! Does not know what a proof says.

use crate::shared::Shared;
use crate::shared::marks::DEADLINE;
use std::time::Duration;

impl Shared {
    /// Notes what this replica knows of a subscription. True if Redis has it.
    pub async fn note_proof(&self, subscription: &str, proof: &str) -> bool {
        self.set(self.proof_key(subscription), proof.to_owned(), REMEMBERED).await
    }

    /// What any replica last noted of a subscription. `None` also if Redis does not answer.
    pub async fn proof(&self, subscription: &str) -> Option<String> {
        self.inner.link.get(&self.proof_key(subscription), DEADLINE).await.ok().flatten()
    }

    fn proof_key(&self, subscription: &str) -> String {
        format!("{}proof:{subscription}", self.inner.prefix)
    }
}

/// A month: longer than nobody looks after subscriptions, as a rule.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
