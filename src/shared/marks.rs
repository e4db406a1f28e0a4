//! Marks in Redis: a number under a name, remembered for a time, that every replica may read.
//!
//! Does not know the purpose of any mark.

use crate::shared::Shared;
use crate::shared::script::{Call, Script};
use std::time::Duration;

impl Shared {
    /// Sets a mark. If the call fails, nobody is told: a mark is a hint.
    pub(super) async fn mark(&self, key: String, mark: i64, lasts: Duration) {
        self.set(key, mark.to_string(), lasts).await;
    }

    /// Sets the text under a key. True if Redis has it.
    pub(super) async fn set(&self, key: String, text: String, lasts: Duration) -> bool {
        let call = Call { keys: vec![key], arguments: vec![text, lasts.as_millis().to_string()] };
        self.inner.link.run(&Script::new(SET), |_| vec![call], DEADLINE).await.is_ok()
    }

    /// Reads the marks of these keys, in their order; 0 for one that is not set. Empty if Redis does
    /// not answer.
    pub(super) async fn marks(&self, keys: &[String]) -> Vec<i64> {
        let call = |keys: &[String]| Call { keys: keys.to_vec(), arguments: Vec::new() };
        let calls = |size| keys.chunks(size).map(call).collect();
        let answers = self.inner.link.run(&Script::new(GET), calls, DEADLINE).await;
        answers.unwrap_or_default().concat()
    }
}

/// Sets each key. Arguments: the text, and the milliseconds for which it is remembered.
const SET: &str = "\
for _, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return {}";

/// Returns the mark of each key; 0 if there is none.
const GET: &str = "\
local answers = {}
for at, key in ipairs(KEYS) do
  answers[at] = tonumber(redis.call('GET', key) or '0')
end
return answers";

/// No sender waits for a mark.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);
