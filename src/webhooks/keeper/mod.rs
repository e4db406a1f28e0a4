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
//! Does not know metrics, ingest or Redis: its caller decides which replica works, and allows each
//! change.

mod assignment;
mod duty;
mod finding;
mod health;
#[cfg(test)]
mod tests;

use crate::gaps::Ledger;
use crate::lock::lock;
use crate::webhooks::apply::{Begun, TRIAL};
use crate::webhooks::declared::Declared;
use crate::webhooks::error::Error;
use crate::webhooks::existing::Existing;
use crate::webhooks::keeper::assignment::Group;
use crate::webhooks::keeper::finding::find;
use crate::webhooks::keeper::health::Kept;
use crate::webhooks::plan::{Action, Change};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

pub use crate::webhooks::keeper::assignment::Assignment;
pub use crate::webhooks::keeper::duty::{Duty, Permission};
pub use crate::webhooks::keeper::health::SubscriptionHealth;

/// Keeps subscriptions as they are declared.
#[derive(Debug)]
pub struct Keeper {
    assignment: Mutex<Arc<Assignment>>,
    /// Wakes the keeper for another assignment.
    reassigned: Notify,
    kept: Mutex<BTreeMap<String, Kept>>,
    ledger: Option<Arc<Ledger>>,
    permission: Permission,
    duty: Mutex<Duty>,
    /// True while a change at a provider has begun and its end is not known.
    is_changing: AtomicBool,
}

impl Keeper {
    /// Makes a keeper that asks for no permission.
    pub fn new(assignment: Assignment) -> Self {
        let new = |one: &Declared| (one.name.clone(), Kept::default());
        Self {
            kept: Mutex::new(assignment.declared().map(new).collect()),
            assignment: Mutex::new(Arc::new(assignment)),
            reassigned: Notify::new(),
            ledger: None,
            permission: Permission::always(),
            duty: Mutex::new(Duty::Here),
            is_changing: AtomicBool::new(false),
        }
    }

    /// Notes in this ledger when a subscription is seen to hear, and when not.
    pub fn telling(self, ledger: Arc<Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Asks for permission before each change.
    pub fn asking(self, permission: Permission) -> Self {
        Self { permission, ..self }
    }

    /// Looks after this assignment from now on, beginning at once. Finishes a change that is under
    /// way, and makes no further change of the old assignment.
    pub fn assign(&self, assignment: Assignment) {
        {
            let (mut current, mut kept) = (lock(&self.assignment), self.lock());
            let mut before = std::mem::take(&mut *kept);
            for one in assignment.declared() {
                let old = before.remove(&one.name).unwrap_or_default();
                let is_same = current
                    .find(&one.name)
                    .is_some_and(|old| old.fingerprint() == one.fingerprint());
                kept.insert(one.name.clone(), if is_same { old } else { old.declared_anew() });
            }
            *current = Arc::new(assignment);
        }
        self.reassigned.notify_one();
    }

    /// Looks every interval until told to stop.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let forever = async {
            loop {
                let next = Instant::now() + self.interval();
                self.step(Timestamp::now()).await;
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = self.reassigned.notified() => {}
                }
            }
        };
        // A repair that is cut off here is found by its mark at the next start.
        tokio::select! {
            () = &mut shutdown => {}
            () = forever => {}
        }
    }

    /// The time from one look to the next.
    pub fn interval(&self) -> Duration {
        self.assignment().interval
    }

    /// The number of subscriptions that the configuration declares with `keep`, also if only other
    /// replicas look after them.
    pub fn declared(&self) -> usize {
        self.assignment().declared_to_keep
    }

    /// The subscriptions that this replica looks after when it has the turn.
    pub fn subscriptions(&self) -> Vec<String> {
        self.assignment().names().map(str::to_owned).collect()
    }

    /// The hooks seen at the last look.
    pub fn hooks(&self) -> Vec<String> {
        self.lock().values().flat_map(|kept| kept.hooks.clone()).collect()
    }

    /// The replica that looks after the subscriptions.
    pub fn duty(&self) -> Duty {
        *lock(&self.duty)
    }

    /// Notes the replica that looks after the subscriptions. True if this is news.
    pub fn note_duty(&self, duty: Duty) -> bool {
        std::mem::replace(&mut *lock(&self.duty), duty) != duty
    }

    /// True if a change was cut off on its way to a provider.
    pub fn may_have_changed(&self) -> bool {
        self.is_changing.load(Ordering::Relaxed)
    }

    fn assignment(&self) -> Arc<Assignment> {
        Arc::clone(&lock(&self.assignment))
    }

    /// True if a change of this assignment may be made now.
    async fn may_change(&self, assignment: &Arc<Assignment>) -> bool {
        Arc::ptr_eq(&self.assignment(), assignment) && self.permission.is_given().await
    }

    /// Looks once, repairs what differs, and pings.
    pub async fn step(&self, now: Timestamp) {
        let assignment = self.assignment();
        for group in &assignment.groups {
            let due = self.due(group, now);
            if due.is_empty() {
                continue;
            }
            let existing = group.clients.look(&due).await;
            for one in &due {
                let outcome = match existing.why_hidden(one) {
                    Some(error) => Err(error.to_string()),
                    None => {
                        let kept = self.keep(&assignment, group, one, &existing, now).await;
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
            kept.ping_seen = kept.ping_seen.max(Some(at));
        }
    }

    /// The subscriptions that do not rest after an error.
    fn due(&self, group: &Group, now: Timestamp) -> Vec<Declared> {
        let kept = self.lock();
        let rests_until = |one: &Declared| kept.get(&one.name).and_then(|kept| kept.rests_until);
        let rests = |one: &&Declared| rests_until(one).is_some_and(|until| now < until);
        group.declared.iter().filter(|one| !rests(one)).cloned().collect()
    }

    /// Repairs one subscription, or pings it if nothing is to be repaired.
    async fn keep(
        &self,
        assignment: &Arc<Assignment>,
        group: &Group,
        one: &Declared,
        existing: &Existing,
        now: Timestamp,
    ) -> Result<(), Error> {
        let finding = find(one, existing, now);
        self.with(one, |kept| {
            // One whose time is over has nothing to repair, and no hook.
            kept.is_as_declared = finding.repairs.is_empty() && !finding.hooks.is_empty();
            kept.dropped_events = finding.dropped_events();
            kept.looked = Some(now);
            kept.hooks.clone_from(&finding.hooks);
        });
        if let Some(ledger) = &self.ledger {
            let interval = assignment.interval;
            let kept = self.lock().get(&one.name).cloned().unwrap_or_default();
            finding.note(one, ledger, kept.ping_came_back(now, interval), now);
        }
        for change in &finding.repairs {
            if !self.may_change(assignment).await {
                // The replica that looks after it now finds the same.
                return Ok(());
            }
            let action = change.action.as_str();
            info!(subscription = %one.name, action, "repairs subscription {}: {action}", one.name);
            self.is_changing.store(true, Ordering::Relaxed);
            let repaired = self.repair(group, change).await;
            self.is_changing.store(false, Ordering::Relaxed);
            repaired?;
            self.with(one, |kept| *kept.repairs.entry(change.action).or_default() += 1);
        }
        if let (Some(client), true) = (&group.clients.onshape, finding.repairs.is_empty()) {
            for hook in &finding.hooks {
                // The ping can come back before the call returns.
                self.with(one, |kept| kept.ping_sent = Some(now));
                client.ping(hook).await?;
            }
        }
        Ok(())
    }

    /// Makes one change at a provider, with all its calls.
    async fn repair(&self, group: &Group, change: &Change) -> Result<(), Error> {
        if let Begun::OnTrial(hook) = group.clients.begin(change).await?
            && change.action == Action::Replace
        {
            // The old hook stays until the new one has passed. A hook that was not there before
            // is confirmed by the next look.
            tokio::time::sleep(TRIAL).await;
            if self.permission.is_given().await {
                group.clients.conclude(change, &hook).await?;
            }
        }
        Ok(())
    }

    fn settle(&self, one: &Declared, outcome: Result<(), String>, now: Timestamp) {
        let interval = self.interval();
        self.with(one, |kept| match outcome {
            Ok(()) => kept.succeed(),
            Err(error) => kept.fail(error, now, interval),
        });
    }

    /// Changes the memory of a subscription, if it is still looked after.
    fn with(&self, one: &Declared, change: impl FnOnce(&mut Kept)) {
        if let Some(kept) = self.lock().get_mut(&one.name) {
            change(kept);
        }
    }

    /// Each section changes one subscription's memory, so a panic leaves it whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        lock(&self.kept)
    }
}
