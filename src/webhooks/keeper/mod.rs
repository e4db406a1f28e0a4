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
//! A repair is confirmed at the next look. APS has no ping.
//!
//! Knows nothing of metrics, of ingest or of other replicas: who runs it makes sure that only one of
//! them does.

mod finding;
mod health;
#[cfg(test)]
mod tests;

use crate::gaps::{Ledger, Watched};
use crate::lock::lock;
use crate::pause::growing;
use crate::webhooks::apply::{Begun, TRIAL};
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::error::Error;
use crate::webhooks::keeper::finding::{Finding, find};
use crate::webhooks::keeper::health::Kept;
use crate::webhooks::look::{Clients, Existing};
use crate::webhooks::plan::Action;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tracing::{info, warn};

pub use crate::webhooks::keeper::health::SubscriptionHealth;

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
                // A subscription that cannot be seen is not known to be up.
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

/// How long to leave a subscription alone after so many failures in a row: an interval less a moment,
/// then twice that, and so on up to about an hour of five-minute intervals.
fn rest(failures: u32, interval: Duration) -> Duration {
    let growing = growing(interval, failures.saturating_sub(1), interval * 16);
    // The next tick comes an interval later, give or take; it must not be missed by a moment.
    growing - interval / 2
}
