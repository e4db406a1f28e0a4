//! The protocol by which replicas agree on who publishes an event, as pure functions and as the
//! scripts that Redis runs.
//!
//! Redis holds one short text for an id:
//!
//! ```text
//! (nothing)               nobody has stored it, as far as Redis knows
//! ?instance               this instance claims it: it is about to store it; ends by itself in seconds
//! +instance/run/sequence  this copy is confirmed: it is on a disk, and is the one that is published
//! ```
//!
//! A claim only keeps copies from being made. The confirmation decides: the first copy that is on a
//! disk and confirmed is published, and every other copy is withdrawn. So a claim that ends too
//! early, or is lost, costs a withdrawn copy; never an event, and never a second record.
//!
//! # Promises
//! - A confirmation is never replaced by another's while Redis holds it.
//! - Only a confirmation makes a notification a duplicate, so an event answered as a duplicate is
//!   on a disk.
//!
//! Knows nothing of the connection, or of the spool.

use crate::spool::window::IdKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// The outcome of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// The claim is ours: store the record.
    Granted,
    /// A copy is on a disk and confirmed: the notification is a repeat.
    Confirmed,
    /// Another instance is storing it now. Either it confirms its copy, or its claim ends.
    Anothers,
}

/// The outcome of a confirmation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Confirmation {
    /// Our copy is the one to be published.
    Ours,
    /// Another copy is published; ours is withdrawn.
    Anothers,
}

/// Decides a claim, given the text that Redis holds.
pub fn claim(held: Option<&str>, claimant: &str) -> Claim {
    match held {
        None => Claim::Granted,
        // Another request of this instance, which the spool tells from this one; or the run before,
        // which is over.
        Some(held) if held == claimant => Claim::Granted,
        Some(held) if held.starts_with(CONFIRMED) => Claim::Confirmed,
        Some(_) => Claim::Anothers,
    }
}

/// Decides a confirmation, given the text that Redis holds.
pub fn confirm(held: Option<&str>, copy: &str) -> Confirmation {
    match held {
        Some(held) if held.starts_with(CONFIRMED) && held != copy => Confirmation::Anothers,
        // Another's claim does not count: its record may never be stored, and ours is.
        Some(_) | None => Confirmation::Ours,
    }
}

/// The text of a claim.
pub fn claimant(instance: &str) -> String {
    format!("?{instance}")
}

/// The text of a confirmed copy.
pub fn copy(instance: &str, run: &str, sequence: u64) -> String {
    format!("{CONFIRMED}{instance}/{run}/{sequence}")
}

/// The name of an id's key in Redis.
pub fn key(prefix: &str, id: &IdKey) -> String {
    let mut key = String::with_capacity(prefix.len() + 22);
    key.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(id.as_bytes(), &mut key);
    key
}

/// Reads a script's answers, one for each of `keys` keys, in their order. `None` if the number
/// differs or an answer is unknown.
pub fn read<T>(
    answers: Vec<Vec<i64>>,
    keys: usize,
    of_answer: impl Fn(i64) -> Option<T>,
) -> Option<Vec<T>> {
    let read: Vec<T> = answers.into_iter().flatten().filter_map(of_answer).collect();
    (read.len() == keys).then_some(read)
}

impl Claim {
    /// Reads [`CLAIM`]'s answer for a key.
    pub fn of_answer(answer: i64) -> Option<Self> {
        match answer {
            0 => Some(Self::Granted),
            1 => Some(Self::Confirmed),
            2 => Some(Self::Anothers),
            _ => None,
        }
    }
}

impl Confirmation {
    /// Reads [`CONFIRM`]'s answer for a key.
    pub fn of_answer(answer: i64) -> Option<Self> {
        match answer {
            0 => Some(Self::Ours),
            1 => Some(Self::Anothers),
            _ => None,
        }
    }
}

/// Applies [`claim`] to each key, and writes the claims that are granted. Arguments: the claimant,
/// and the milliseconds after which a claim ends.
pub const CLAIM: &str = "\
local answers = {}
for at, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  if not held or held == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    answers[at] = 0
  elseif string.sub(held, 1, 1) == '+' then
    answers[at] = 1
  else
    answers[at] = 2
  end
end
return answers";

/// Applies [`confirm`] to each key, and writes the copies that are ours. Arguments: the
/// milliseconds for which they are remembered, then the copy of each key.
pub const CONFIRM: &str = "\
local answers = {}
for at, key in ipairs(KEYS) do
  local copy = ARGV[at + 1]
  local held = redis.call('GET', key)
  if held and held ~= copy and string.sub(held, 1, 1) == '+' then
    answers[at] = 1
  else
    if held ~= copy then
      redis.call('SET', key, copy, 'PX', ARGV[1])
    end
    answers[at] = 0
  end
end
return answers";

/// Takes claims back that are still ours. Argument: the claimant.
pub const RELEASE: &str = "\
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
return {}";

const CONFIRMED: &str = "+";

/// The duration of a claim. A commit takes milliseconds. If this replica is killed, the sender's
/// next attempt at another one waits for the rest of the claim, which is less than [`WAIT`].
pub const CLAIM_LASTS: Duration = Duration::from_secs(3);
/// The longest wait for another's claim. APS gives up after six seconds, Onshape after five.
pub const WAIT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_granted_unless_another_has_it_or_a_copy_is_confirmed() {
        let mine = claimant("a");

        assert_eq!(claim(None, &mine), Claim::Granted);
        assert_eq!(claim(Some("?a"), &mine), Claim::Granted);
        assert_eq!(claim(Some("?b"), &mine), Claim::Anothers);
        assert_eq!(claim(Some("+b/r/1"), &mine), Claim::Confirmed);
        assert_eq!(claim(Some("+a/r/1"), &mine), Claim::Confirmed);
    }

    #[test]
    fn the_first_confirmed_copy_stays_whoever_claims() {
        let mine = copy("a", "r", 7);

        assert_eq!(confirm(None, &mine), Confirmation::Ours);
        assert_eq!(confirm(Some("?a"), &mine), Confirmation::Ours);
        assert_eq!(confirm(Some("?b"), &mine), Confirmation::Ours);
        assert_eq!(confirm(Some(&mine), &mine), Confirmation::Ours);
        assert_eq!(confirm(Some("+b/r/7"), &mine), Confirmation::Anothers);
        assert_eq!(confirm(Some("+a/r/8"), &mine), Confirmation::Anothers);
    }

    #[test]
    fn a_key_is_the_prefix_and_the_hash_of_source_and_id() {
        let key = |source| key("cadrelay:", &IdKey::of_id(source, "1"));

        assert_eq!(key("acme").len(), "cadrelay:".len() + 22);
        assert_ne!(key("acme"), key("other"));
    }
}
