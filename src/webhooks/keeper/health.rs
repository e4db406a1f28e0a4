//! The health of each subscription.

use crate::event::provider::Provider;
use crate::pause::growing;
use crate::webhooks::declared::Declared;
use crate::webhooks::keeper::Keeper;
use crate::webhooks::plan::Action;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The health of one subscription, for metrics and for people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionHealth {
    /// Its name.
    pub subscription: String,
    /// The provider at which it is declared.
    pub provider: Provider,
    /// True if it exists, is active and as declared, and its last ping came back.
    #[serde(rename = "up")]
    pub is_up: bool,
    /// Its hooks at the provider, as last seen.
    pub hooks: Vec<String>,
    /// The number of events that Onshape gave up on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_events: Option<u64>,
    /// The last time at which it was seen at the provider, or found missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_look: Option<Timestamp>,
    /// The time at which the last ping came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ping: Option<Timestamp>,
    /// Repairs, by kind.
    pub repairs: BTreeMap<Action, u64>,
    /// Failed looks, repairs and pings.
    pub errors: u64,
    /// The last error, until a success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The keeper's memory of one subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) hooks: Vec<String>,
    pub(super) is_as_declared: bool,
    pub(super) dropped_events: Option<u64>,
    pub(super) looked: Option<Timestamp>,
    pub(super) ping_sent: Option<Timestamp>,
    pub(super) ping_seen: Option<Timestamp>,
    pub(super) repairs: BTreeMap<Action, u64>,
    pub(super) errors: u64,
    pub(super) last_error: Option<String>,
    pub(super) failures: u32,
    pub(super) rests_until: Option<Timestamp>,
}

impl Kept {
    /// The same subscription, declared otherwise: its counters go on, and its hooks are not known yet.
    pub(super) fn declared_anew(self) -> Self {
        Self { repairs: self.repairs, errors: self.errors, ..Self::default() }
    }

    /// Notes that a look, with all that followed from it, succeeded.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
        self.last_error = None;
        self.rests_until = None;
    }

    /// Notes that a look, a repair or a ping failed.
    pub(super) fn fail(&mut self, error: String, now: Timestamp, interval: Duration) {
        // A subscription that cannot be seen is not known to be up.
        self.is_as_declared = false;
        self.last_error = Some(error);
        self.errors += 1;
        self.failures += 1;
        self.rests_until = now.checked_add(rest(self.failures, interval)).ok();
    }

    /// False if the last look is overdue by an interval, since the keeper may hang.
    pub(super) fn is_up(&self, now: Timestamp, interval: Duration) -> bool {
        let since = self.looked.map(|looked| now.duration_since(looked).unsigned_abs());
        let is_fresh = since.is_some_and(|since| since <= interval * 2 + SLOWEST_LOOK);
        is_fresh && self.is_as_declared && self.ping_came_back(now, interval)
    }

    /// True if the last ping came back, or still has time to within the interval.
    pub(super) fn ping_came_back(&self, now: Timestamp, interval: Duration) -> bool {
        let Some(sent) = self.ping_sent else { return true };
        let seen = self.ping_seen.is_some_and(|seen| seen >= sent);
        seen || now.duration_since(sent).unsigned_abs() < interval
    }
}

/// The pause for a subscription after so many failures in a row: an interval less a moment, then
/// twice that, and so on up to about an hour of five-minute intervals.
pub(super) fn rest(failures: u32, interval: Duration) -> Duration {
    let growing = growing(interval, failures.saturating_sub(1), interval * 16);
    // The next tick comes about an interval later; a moment must not make the pause miss it.
    growing - interval / 2
}

/// A provider's Retry-After is obeyed for up to a minute, three times for each of its lists.
const SLOWEST_LOOK: Duration = Duration::from_secs(360);

impl Keeper {
    /// The health of each subscription.
    pub fn health(&self, now: Timestamp) -> Vec<SubscriptionHealth> {
        let (assignment, kept) = (self.assignment(), self.lock());
        let health = |one: &Declared| {
            let kept = kept.get(&one.name).cloned().unwrap_or_default();
            SubscriptionHealth {
                subscription: one.name.clone(),
                provider: one.provider(),
                is_up: kept.is_up(now, assignment.interval),
                hooks: kept.hooks,
                dropped_events: kept.dropped_events,
                last_look: kept.looked,
                last_ping: kept.ping_seen,
                repairs: kept.repairs,
                errors: kept.errors,
                last_error: kept.last_error,
            }
        };
        assignment.declared().map(health).collect()
    }
}
