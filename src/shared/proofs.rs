//! Lets the replica that takes over the subscriptions learn what the one before knew of them.
//!
//! Does not know what a proof says.

use crate::shared::Shared;
use crate::shared::script::{Call, Script};
use std::time::Duration;

impl Shared {
    /// Notes what this replica knows of a subscription. True if Redis has it.
    pub async fn note_proof(&self, subscription: &str, proof: &str) -> bool {
        let arguments = vec![proof.to_owned(), REMEMBERED.as_millis().to_string()];
        let call = Call { keys: vec![self.proof_key(subscription)], arguments };
        self.inner.link.run(&Script::new(SET), |_| vec![call], DEADLINE).await.is_ok()
    }

    /// What any replica last noted of a subscription. `None` also if Redis does not answer.
    pub async fn proof(&self, subscription: &str) -> Option<String> {
        self.inner.link.get(&self.proof_key(subscription), DEADLINE).await.ok().flatten()
    }

    fn proof_key(&self, subscription: &str) -> String {
        format!("{}proof:{subscription}", self.inner.prefix)
    }
}

/// Sets a key. Arguments: the text, and the milliseconds for which it is remembered.
const SET: &str = "\
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {}";

/// A month: longer than nobody looks after subscriptions, as a rule.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
const DEADLINE: Duration = Duration::from_secs(2);
