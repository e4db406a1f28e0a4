//! Lets the replica that sent a ping learn that another one received it.
//!
//! Does not know the sender of a ping, or its purpose.

use crate::shared::Shared;
use crate::shared::redis::{Call, Script};
use jiff::Timestamp;
use std::time::Duration;

impl Shared {
    /// Notes that this replica received the ping of a hook.
    pub async fn note_ping(&self, hook: &str, at: Timestamp) {
        let arguments = [at.as_millisecond().to_string(), REMEMBERED.as_millis().to_string()];
        let call = Call { keys: vec![self.ping_key(hook)], arguments: arguments.to_vec() };
        // If this call fails, the next ping has to be noted.
        drop(self.inner.link.run(&Script::new(NOTE), |_| vec![call], DEADLINE).await);
    }

    /// The time at which any replica last received a ping of each hook. Empty if Redis does not
    /// answer.
    pub async fn pings(&self, hooks: &[String]) -> Vec<(String, Timestamp)> {
        let call = |hooks: &[String]| Call {
            keys: hooks.iter().map(|hook| self.ping_key(hook)).collect(),
            arguments: Vec::new(),
        };
        let calls = |size| hooks.chunks(size).map(call).collect();
        let answers = self.inner.link.run(&Script::new(READ), calls, DEADLINE).await;
        let times = answers.unwrap_or_default().into_iter().flatten();
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

/// Sets each key. Arguments: the moment, and the milliseconds for which it is remembered.
const NOTE: &str = "\
for _, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return {}";

/// Returns the moment of each key; 0 if there is none.
const READ: &str = "\
local answers = {}
for at, key in ipairs(KEYS) do
  answers[at] = tonumber(redis.call('GET', key) or '0')
end
return answers";

/// Longer than any sensible interval between two looks.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
const DEADLINE: Duration = Duration::from_secs(2);
