//! Keeps subscriptions as they are declared: looks every few minutes, and repairs what a provider has
//! cancelled, silenced or lost.
//!
//! # Promises
//! - At most one repair of a subscription an interval, and longer pauses after errors.
//! - Nothing is ever removed but the old hook of a replacement.
//! - A subscription is up only if it exists, is active and as declared, and its last ping came back
//!   through our own ingest.
//!
//! # Limits
//! What a repair made is confirmed at the next look. APS has no ping.
//!
//! Knows nothing of metrics or of other replicas: who calls [`Keeper::step`] makes sure that only one
//! of them does.

use crate::webhooks::apply::{Clients, Existing};
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::error::Error;
use crate::webhooks::mark::Mark;
use crate::webhooks::plan::{Action, Change};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{info, warn};

/// Keeps subscriptions as they are declared.
#[derive(Debug)]
pub struct Keeper {
    groups: Vec<Group>,
    interval: Duration,
    kept: Mutex<BTreeMap<String, Kept>>,
}

/// Subscriptions that are looked at together, so that one provider's outage is not the other's.
#[derive(Debug)]
struct Group {
    clients: Clients,
    declared: Vec<Declared>,
}

/// What is known of one subscription, for metrics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// Its name.
    pub subscription: String,
    /// Whether it exists, is active and as declared, and its last ping came back.
    pub is_up: bool,
    /// Events that Onshape gave up on.
    pub dropped_events: Option<u64>,
    /// When the last ping came back.
    pub last_ping: Option<Timestamp>,
    /// Repairs, by kind.
    pub repairs: BTreeMap<Action, u64>,
    /// Looks, repairs and pings that failed.
    pub errors: u64,
}

/// What is remembered of one subscription.
#[derive(Clone, Debug, Default)]
struct Kept {
    hooks: Vec<String>,
    is_as_declared: bool,
    dropped_events: Option<u64>,
    ping_sent: Option<Timestamp>,
    ping_seen: Option<Timestamp>,
    repairs: BTreeMap<Action, u64>,
    errors: u64,
    failures: u32,
    rests_until: Option<Timestamp>,
}

/// What a look says about one subscription.
#[derive(Debug, Default)]
struct Finding {
    hooks: Vec<String>,
    dropped_events: Option<u64>,
    repairs: Vec<Change>,
}

impl Keeper {
    /// A keeper of those that are declared with `keep`, by clients of their providers.
    pub fn new(declared: Vec<Declared>, clients: Clients, interval: Duration) -> Self {
        let kept: Vec<_> = declared.into_iter().filter(|one| one.keep).collect();
        let states = kept.iter().map(|one| (one.name.clone(), Kept::default())).collect();
        let (onshape, aps) =
            kept.into_iter().partition(|one: &Declared| matches!(one.at, At::Onshape(_)));
        let groups = vec![
            Group {
                declared: onshape,
                clients: Clients { onshape: clients.onshape, ..Clients::default() },
            },
            Group { declared: aps, clients: Clients { aps: clients.aps, ..Clients::default() } },
        ];
        Self { groups, interval, kept: Mutex::new(states) }
    }

    /// Looks every interval until it is told to stop.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let forever = async {
            loop {
                ticks.tick().await;
                self.step(Timestamp::now()).await;
            }
        };
        // A repair that is cut off here is found by its mark at the next start.
        tokio::select! {
            () = &mut shutdown => {}
            () = forever => {}
        }
    }

    /// Looks once, repairs what differs, and pings.
    pub async fn step(&self, now: Timestamp) {
        for group in &self.groups {
            let due = self.due(group, now);
            if due.is_empty() {
                continue;
            }
            match group.clients.look(&due).await {
                Ok(existing) => {
                    for one in &due {
                        let outcome = self.keep(group, one, &existing, now).await;
                        self.settle(one, outcome, now);
                    }
                }
                Err(error) => {
                    warn!(error = %error, "cannot look at the subscriptions: {error}");
                    for one in &due {
                        self.settle(one, Err(None), now);
                    }
                }
            }
        }
    }

    /// Takes note of a proven `webhook.ping` that came through our ingest.
    pub fn saw_ping(&self, webhook_id: &str, at: Timestamp) {
        let mut kept = self.lock();
        let named = kept.values_mut().find(|kept| kept.hooks.iter().any(|id| id == webhook_id));
        if let Some(kept) = named {
            kept.ping_seen = Some(at);
        }
    }

    /// What is known of each subscription.
    pub fn health(&self, now: Timestamp) -> Vec<Health> {
        let health = |(name, kept): (&String, &Kept)| Health {
            subscription: name.clone(),
            is_up: kept.is_as_declared && kept.ping_came_back(now, self.interval),
            dropped_events: kept.dropped_events,
            last_ping: kept.ping_seen,
            repairs: kept.repairs.clone(),
            errors: kept.errors,
        };
        self.lock().iter().map(health).collect()
    }

    /// Those that do not rest after an error.
    fn due(&self, group: &Group, now: Timestamp) -> Vec<Declared> {
        let kept = self.lock();
        let rests = |one: &&Declared| kept[&one.name].rests_until.is_some_and(|until| now < until);
        group.declared.iter().filter(|one| !rests(one)).cloned().collect()
    }

    /// Repairs one subscription, or pings it if nothing is to be repaired. An error without a text
    /// was told already.
    async fn keep(
        &self,
        group: &Group,
        one: &Declared,
        existing: &Existing,
        now: Timestamp,
    ) -> Result<(), Option<Error>> {
        let finding = find(one, existing);
        {
            let mut kept = self.lock();
            let kept = kept.get_mut(&one.name).expect("each declared one is remembered");
            kept.is_as_declared = finding.repairs.is_empty();
            kept.dropped_events = finding.dropped_events;
            kept.hooks.clone_from(&finding.hooks);
        }
        for change in &finding.repairs {
            let action = change.action.as_str();
            info!(subscription = %one.name, action, "repairs subscription {}: {action}", one.name);
            group.clients.apply(change).await?;
            let mut kept = self.lock();
            let kept = kept.get_mut(&one.name).expect("each declared one is remembered");
            *kept.repairs.entry(change.action).or_default() += 1;
        }
        if let (Some(client), true) = (&group.clients.onshape, finding.repairs.is_empty()) {
            for hook in &finding.hooks {
                // The ping can come back before the call returns.
                self.lock().get_mut(&one.name).expect("it is remembered").ping_sent = Some(now);
                client.ping(hook).await?;
            }
        }
        Ok(())
    }

    fn settle(&self, one: &Declared, outcome: Result<(), Option<Error>>, now: Timestamp) {
        let mut kept = self.lock();
        let kept = kept.get_mut(&one.name).expect("each declared one is remembered");
        match outcome {
            Ok(()) => {
                kept.failures = 0;
                kept.rests_until = None;
            }
            Err(error) => {
                if let Some(error) = error {
                    warn!(subscription = %one.name, error = %error, "cannot keep subscription {}: {error}", one.name);
                }
                // What is not seen is not known to be up.
                kept.is_as_declared = false;
                kept.errors += 1;
                kept.failures += 1;
                kept.rests_until = now.checked_add(rest(kept.failures, self.interval)).ok();
            }
        }
    }

    /// Each section changes one subscription's memory, so a panic leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether the last ping came back, or still has an interval's time to.
    fn ping_came_back(&self, now: Timestamp, interval: Duration) -> bool {
        let Some(sent) = self.ping_sent else { return true };
        let seen = self.ping_seen.is_some_and(|seen| seen >= sent);
        seen || now.duration_since(sent).unsigned_abs() < interval
    }
}

/// What a look says about one subscription. Duplicates and what is no longer declared are left to
/// people.
fn find(one: &Declared, existing: &Existing) -> Finding {
    let ours = existing.onshape.iter().filter(|hook| {
        let mark = hook.name.as_deref().and_then(Mark::in_name);
        mark.is_some_and(|(mark, _)| mark.subscription() == one.name)
    });
    let mut finding = Finding::default();
    for hook in ours {
        finding.hooks.push(hook.id.clone());
        let dropped = finding.dropped_events.unwrap_or(0) + hook.dropped_events.unwrap_or(0);
        finding.dropped_events = Some(dropped);
    }
    let plan = existing.plan(std::slice::from_ref(one));
    finding.repairs =
        plan.changes.into_iter().filter(|change| change.action != Action::Delete).collect();
    finding
}

/// How long to leave a subscription alone after so many failures in a row: an interval less a moment,
/// then twice that, and so on up to about an hour of five-minute intervals.
fn rest(failures: u32, interval: Duration) -> Duration {
    let intervals = 1 << failures.saturating_sub(1).min(4);
    // The next tick comes an interval later, give or take; it must not be missed by a moment.
    interval * intervals - interval / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_with_failures_in_a_row_up_to_sixteen_intervals() {
        let interval = Duration::from_secs(300);
        let ticks = |failures| rest(failures, interval).as_secs().div_ceil(interval.as_secs());

        assert_eq!([1, 2, 3, 4, 5, 6, 99].map(ticks), [1, 2, 4, 8, 16, 16, 16]);
    }

    #[test]
    fn a_ping_has_an_interval_to_come_back() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let kept = |sent, seen: Option<i64>| Kept {
            ping_sent: Some(at(sent)),
            ping_seen: seen.map(at),
            ..Kept::default()
        };
        let check = |kept: Kept, now| kept.ping_came_back(at(now), Duration::from_secs(300));

        assert!(check(Kept::default(), 1000), "there is none for APS");
        assert!(check(kept(1000, None), 1299));
        assert!(!check(kept(1000, None), 1300));
        assert!(check(kept(1000, Some(1001)), 9000));
        assert!(!check(kept(1000, Some(900)), 1300), "that was the one before");
    }
}
