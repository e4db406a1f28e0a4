//! Keeps subscriptions as they are declared: looks every few minutes, and repairs what a provider has
//! cancelled, silenced or lost.
//!
//! # Promises
//! - At most one repair of a subscription an interval, and longer pauses after errors.
//! - Nothing is ever removed but the old hook of a replacement.
//! - A subscription is up only if it was seen not long ago to exist, active and as declared, and its
//!   last ping came back through our own ingest.
//!
//! # Limits
//! What a repair made is confirmed at the next look. APS has no ping.
//!
//! Knows nothing of metrics, of ingest or of other replicas: who runs it makes sure that only one of
//! them does.

use crate::event::gap::Why;
use crate::event::provider::Provider;
use crate::gaps::{Ledger, Watched};
use crate::lock::lock;
use crate::pause::growing;
use crate::webhooks::apply::{Begun, TRIAL};
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::error::Error;
use crate::webhooks::look::{Clients, Existing};
use crate::webhooks::mark::Mark;
use crate::webhooks::plan::{Action, Change};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tracing::{info, warn};

/// Keeps subscriptions as they are declared.
#[derive(Debug)]
pub struct Keeper {
    groups: Vec<Group>,
    interval: Duration,
    kept: Mutex<BTreeMap<String, Kept>>,
    ledger: Option<Arc<Ledger>>,
}

/// Subscriptions that are looked at together, so that one provider's outage is not the other's.
#[derive(Debug)]
struct Group {
    clients: Clients,
    declared: Vec<Declared>,
}

/// What is known of one subscription, for metrics and for people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Its name.
    pub subscription: String,
    /// Where it is declared.
    pub provider: Provider,
    /// Whether it exists, is active and as declared, and its last ping came back.
    #[serde(rename = "up")]
    pub is_up: bool,
    /// Its hooks at the provider, as they were last seen.
    pub hooks: Vec<String>,
    /// Events that Onshape gave up on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_events: Option<u64>,
    /// When it was last seen at the provider, or seen not to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_look: Option<Timestamp>,
    /// When the last ping came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ping: Option<Timestamp>,
    /// Repairs, by kind.
    pub repairs: BTreeMap<Action, u64>,
    /// Looks, repairs and pings that failed.
    pub errors: u64,
    /// What the last of them said, until one succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// What is remembered of one subscription.
#[derive(Clone, Debug, Default)]
struct Kept {
    hooks: Vec<String>,
    is_as_declared: bool,
    dropped_events: Option<u64>,
    looked: Option<Timestamp>,
    ping_sent: Option<Timestamp>,
    ping_seen: Option<Timestamp>,
    repairs: BTreeMap<Action, u64>,
    errors: u64,
    last_error: Option<String>,
    failures: u32,
    rests_until: Option<Timestamp>,
}

/// What a look says about one subscription.
#[derive(Debug, Default)]
struct Finding {
    hooks: Vec<String>,
    /// What Onshape gave up on, by hook.
    counts: Vec<(String, u64)>,
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
        Self { groups, interval, kept: Mutex::new(states), ledger: None }
    }

    /// The same, which notes when a subscription is seen to hear, and when not.
    pub fn telling(self, ledger: Arc<Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
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
            let existing = group.clients.look(&due).await;
            for one in &due {
                let outcome = match existing.why_hidden(one) {
                    Some(error) => Err(error.to_string()),
                    None => {
                        let kept = self.keep(group, one, &existing, now).await;
                        kept.map_err(|error| error.to_string())
                    }
                };
                if let Err(error) = &outcome {
                    warn!(subscription = %one.name, error, "cannot keep subscription {}: {error}", one.name);
                }
                self.settle(one, outcome, now);
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
        let kept = self.lock();
        let declared = self.groups.iter().flat_map(|group| &group.declared);
        let health = |one: &Declared| {
            let kept = &kept[&one.name];
            Health {
                subscription: one.name.clone(),
                provider: one.provider(),
                is_up: kept.is_up(now, self.interval),
                hooks: kept.hooks.clone(),
                dropped_events: kept.dropped_events,
                last_look: kept.looked,
                last_ping: kept.ping_seen,
                repairs: kept.repairs.clone(),
                errors: kept.errors,
                last_error: kept.last_error.clone(),
            }
        };
        declared.map(health).collect()
    }

    /// Those that do not rest after an error.
    fn due(&self, group: &Group, now: Timestamp) -> Vec<Declared> {
        let kept = self.lock();
        let rests = |one: &&Declared| kept[&one.name].rests_until.is_some_and(|until| now < until);
        group.declared.iter().filter(|one| !rests(one)).cloned().collect()
    }

    /// Repairs one subscription, or pings it if nothing is to be repaired.
    async fn keep(
        &self,
        group: &Group,
        one: &Declared,
        existing: &Existing,
        now: Timestamp,
    ) -> Result<(), Error> {
        let finding = find(one, existing, now);
        {
            let mut kept = self.lock();
            let kept = kept.get_mut(&one.name).expect("each declared one is remembered");
            // One whose time is over has nothing to repair, and no hook.
            kept.is_as_declared = finding.repairs.is_empty() && !finding.hooks.is_empty();
            kept.dropped_events = finding.dropped_events();
            kept.looked = Some(now);
            kept.hooks.clone_from(&finding.hooks);
        }
        self.note(one, &finding, now);
        for change in &finding.repairs {
            let action = change.action.as_str();
            info!(subscription = %one.name, action, "repairs subscription {}: {action}", one.name);
            if let Begun::OnTrial(hook) = group.clients.begin(change).await?
                && change.action == Action::Replace
            {
                // The old hook stays until the new one has passed. A hook that was not there before
                // is confirmed by the next look.
                tokio::time::sleep(TRIAL).await;
                group.clients.conclude(change, &hook).await?;
            }
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

    /// Notes what a look says about gaps.
    fn note(&self, one: &Declared, finding: &Finding, now: Timestamp) {
        let Some(ledger) = &self.ledger else { return };
        let named = one.source.clone().or_else(|| ledger.source_at(one.url.reveal()));
        // Without a source of its own, any of the provider's has the topic in which gaps are told.
        let Some(source) = named.or_else(|| ledger.source_of(one.provider())) else { return };
        let watched = Watched {
            subscription: one.name.clone(),
            provider: one.provider(),
            source,
            scope: one.scope.iter().map(|(key, id)| (key.to_owned(), id.to_owned())).collect(),
            declaration: one.fingerprint(),
        };
        ledger.counted(&watched, &finding.counts, now);
        let came_back = self.lock()[&one.name].ping_came_back(now, self.interval);
        match finding.why() {
            Some(why) => ledger.lost(&watched, why),
            None if came_back && !finding.hooks.is_empty() => ledger.heard(&watched, now),
            None => {}
        }
    }

    fn settle(&self, one: &Declared, outcome: Result<(), String>, now: Timestamp) {
        let mut kept = self.lock();
        let kept = kept.get_mut(&one.name).expect("each declared one is remembered");
        match outcome {
            Ok(()) => {
                kept.failures = 0;
                kept.last_error = None;
                kept.rests_until = None;
            }
            Err(error) => {
                // What is not seen is not known to be up.
                kept.is_as_declared = false;
                kept.last_error = Some(error);
                kept.errors += 1;
                kept.failures += 1;
                kept.rests_until = now.checked_add(rest(kept.failures, self.interval)).ok();
            }
        }
    }

    /// Each section changes one subscription's memory, so a panic leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        lock(&self.kept)
    }
}

impl Kept {
    /// A look that is overdue by an interval says nothing any more: the keeper may hang.
    fn is_up(&self, now: Timestamp, interval: Duration) -> bool {
        let since = self.looked.map(|looked| now.duration_since(looked).unsigned_abs());
        let is_fresh = since.is_some_and(|since| since <= interval * 2 + SLOWEST_LOOK);
        is_fresh && self.is_as_declared && self.ping_came_back(now, interval)
    }

    /// Whether the last ping came back, or still has an interval's time to.
    fn ping_came_back(&self, now: Timestamp, interval: Duration) -> bool {
        let Some(sent) = self.ping_sent else { return true };
        let seen = self.ping_seen.is_some_and(|seen| seen >= sent);
        seen || now.duration_since(sent).unsigned_abs() < interval
    }
}

impl Finding {
    /// What Onshape gave up on, of all hooks. APS does not count.
    fn dropped_events(&self) -> Option<u64> {
        (!self.counts.is_empty()).then(|| self.counts.iter().map(|(_, count)| count).sum())
    }

    /// Why the subscription does not hear all that it should, if it does not.
    fn why(&self) -> Option<Why> {
        let why = |change: &Change| match change.action {
            Action::Create => Some(Why::HookMissing),
            Action::Update if change.fields.contains(&"status") => Some(Why::HookInactive),
            Action::Update | Action::Replace => Some(Why::HookChanged),
            Action::Delete => None,
        };
        // The order of the causes is that of their weight.
        self.repairs.iter().filter_map(why).min()
    }
}

/// What a look says about one subscription. Duplicates and what is no longer declared are left to
/// people.
fn find(one: &Declared, existing: &Existing, now: Timestamp) -> Finding {
    let of_one = |mark: Option<Mark>| mark.is_some_and(|mark| mark.subscription() == one.name);
    let at_onshape = existing.onshape.iter().filter(|hook| {
        let mark = hook.name.as_deref().and_then(Mark::in_name);
        of_one(mark.map(|(mark, _)| mark))
    });
    let at_aps = existing.aps.iter().filter(|hook| of_one(Mark::in_attributes(&hook.attributes)));
    let mut finding =
        Finding { hooks: at_aps.map(|hook| hook.id.clone()).collect(), ..Finding::default() };
    for hook in at_onshape {
        finding.hooks.push(hook.id.clone());
        finding.counts.push((hook.id.clone(), hook.dropped_events.unwrap_or(0)));
    }
    let plan = existing.plan(std::slice::from_ref(one), now);
    finding.repairs =
        plan.changes.into_iter().filter(|change| change.action != Action::Delete).collect();
    finding
}

/// How long to leave a subscription alone after so many failures in a row: an interval less a moment,
/// then twice that, and so on up to about an hour of five-minute intervals.
fn rest(failures: u32, interval: Duration) -> Duration {
    let growing = growing(interval, failures.saturating_sub(1), interval * 16);
    // The next tick comes an interval later, give or take; it must not be missed by a moment.
    growing - interval / 2
}

/// A provider's Retry-After is obeyed for up to a minute, three times for each of its lists.
const SLOWEST_LOOK: Duration = Duration::from_secs(360);

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
    fn what_was_last_seen_long_ago_is_not_up() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let kept = Kept { is_as_declared: true, looked: Some(at(1000)), ..Kept::default() };
        let is_up = |now| kept.is_up(at(now), Duration::from_secs(300));

        assert!(is_up(1000));
        assert!(is_up(1900));
        assert!(!is_up(2000));
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
