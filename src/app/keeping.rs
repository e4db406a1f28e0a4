//! Lets one of the replicas look after the subscriptions: this one, while it holds the lease.
//!
//! # Promises
//! - If replicas share a Redis, at most one of them changes anything at a provider: the keeper
//!   works only while the lease lasts, and Redis allows each change just before it is made.
//! - Without an answer of Redis, no replica changes anything.
//! - The replica that looks after the subscriptions publishes the gaps. Until that replica is
//!   known, each one keeps the gaps that it finds.
//!
//! # Limits
//! If the process is stopped while a call is on its way to a provider, the call can arrive after
//! another replica has taken the lease.

use crate::gaps::{Ledger, Voice};
use crate::shared::Shared;
use crate::shared::tenure::{Standing, Tenure};
use crate::webhooks::keeper::{Assignment, Duty, Keeper, Permission};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{sleep, timeout};

/// The keeper, and the switches that decide if it works.
#[derive(Debug)]
pub(super) struct Keeping {
    pub keeper: Arc<Keeper>,
    gaps: Arc<Ledger>,
    /// Absent if no Redis is shared: then only the configuration decides.
    tenure: Option<Arc<Tenure>>,
    is_enabled: watch::Sender<bool>,
    pings: Option<Passing>,
}

/// Pings that this replica received, on their way to the others.
#[derive(Debug)]
struct Passing {
    shared: Shared,
    sender: mpsc::Sender<(String, Timestamp)>,
    receiver: Mutex<mpsc::Receiver<(String, Timestamp)>>,
}

impl Keeping {
    /// Makes a keeper that takes turns with those of other replicas, if a Redis is shared. `run` is
    /// the name of this run.
    pub fn new(
        assignment: Assignment,
        is_enabled: bool,
        gaps: Arc<Ledger>,
        shared: Option<&Shared>,
        run: &str,
    ) -> Self {
        let lasts = lease_of(&assignment);
        let tenure = shared.map(|shared| Arc::new(shared.tenure(LEASE, run, lasts)));
        let permission = match &tenure {
            None => Permission::always(),
            Some(tenure) => {
                let tenure = Arc::clone(tenure);
                Permission::asked(move || {
                    let tenure = Arc::clone(&tenure);
                    async move { tenure.is_confirmed().await }
                })
            }
        };
        let keeper = Keeper::new(assignment).telling(Arc::clone(&gaps)).asking(permission);
        let keeping = Self {
            keeper: Arc::new(keeper),
            gaps,
            tenure,
            is_enabled: watch::Sender::new(is_enabled),
            pings: shared.map(|shared| {
                let (sender, receiver) = mpsc::channel(PINGS);
                Passing { shared: shared.clone(), sender, receiver: Mutex::new(receiver) }
            }),
        };
        keeping.note(match (is_enabled, &keeping.tenure) {
            (false, _) => Duty::Off,
            (true, None) => Duty::Here,
            (true, Some(_)) => Duty::Unknown,
        });
        keeping
    }

    /// Notes that this replica received a ping, which another one may have sent.
    pub fn saw_ping(&self, hook: &str, at: Timestamp) {
        self.keeper.saw_ping(hook, at);
        if let Some(pings) = &self.pings {
            // A ping that finds no room counts as missing until the next one.
            drop(pings.sender.try_send((hook.to_owned(), at)));
        }
    }

    /// Takes over another configuration.
    pub fn change(&self, assignment: Assignment, is_enabled: bool) {
        if let Some(tenure) = &self.tenure {
            tenure.change(lease_of(&assignment));
        }
        let names: Vec<String> = assignment.names().map(str::to_owned).collect();
        self.gaps.watch_only(&names);
        self.keeper.assign(assignment);
        self.is_enabled.send_replace(is_enabled);
    }

    /// Looks after the subscriptions when it is this replica's turn, until told to stop.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            never = self.work_when_enabled() => match never {},
            never = self.pass_pings() => match never {},
        }
        self.give_up().await;
    }

    /// Tells the other replicas of the pings that this one received.
    async fn pass_pings(&self) -> Infallible {
        let Some(Passing { shared, receiver, .. }) = &self.pings else { return pending().await };
        let mut receiver = receiver.lock().await;
        while let Some((hook, at)) = receiver.recv().await {
            shared.note_ping(&hook, at).await;
        }
        pending().await
    }

    /// Learns of the pings that other replicas received.
    async fn learn_pings(&self, shared: &Shared) -> Infallible {
        loop {
            sleep(self.keeper.interval().min(LOOK_FOR_PINGS * 2) / 2).await;
            let hooks = self.keeper.hooks();
            if self.keeper.duty() == Duty::Here && !hooks.is_empty() {
                for (hook, at) in shared.pings(&hooks).await {
                    self.keeper.saw_ping(&hook, at);
                }
            }
        }
    }

    /// Learns what the replica before knew of the subscriptions, so that a gap begins with its last proof.
    async fn learn_proofs(&self, shared: &Shared) {
        for subscription in self.keeper.subscriptions() {
            if let Some(proof) = shared.proof(&subscription).await {
                self.gaps.learn(&subscription, &proof);
            }
        }
    }

    /// Tells the replica that may be next what this one knows of the subscriptions.
    async fn pass_proofs(&self, shared: &Shared) -> Infallible {
        let mut passed = BTreeMap::new();
        loop {
            sleep(self.keeper.interval().min(LOOK_FOR_PINGS * 2) / 2).await;
            for (subscription, proof) in self.gaps.proofs() {
                let is_news = passed.get(&subscription) != Some(&proof);
                if is_news && shared.note_proof(&subscription, &proof).await {
                    passed.insert(subscription, proof);
                }
            }
        }
    }

    async fn work_when_enabled(&self) -> Infallible {
        let mut is_enabled = self.is_enabled.subscribe();
        loop {
            // This value owns the sender, so each wait ends only with the awaited value.
            drop(is_enabled.wait_for(|enabled| *enabled).await);
            tokio::select! {
                never = self.work() => match never {},
                disabled = is_enabled.wait_for(|enabled| !*enabled) => drop(disabled),
            }
            self.give_up().await;
            self.say(Duty::Off);
        }
    }

    async fn work(&self) -> Infallible {
        let (Some(tenure), Some(Passing { shared, .. })) = (&self.tenure, &self.pings) else {
            self.say(Duty::Here);
            self.keeper.run(pending()).await;
            return pending().await;
        };
        let follow = async {
            let mut standing = tenure.standing();
            // Redis is being asked now; an unknown holder is no news yet.
            let known = standing.wait_for(|standing| *standing != Standing::Unknown);
            drop(timeout(FIRST_ANSWER, known).await);
            loop {
                let now = *standing.borrow_and_update();
                self.say(match now {
                    Standing::Here => Duty::Here,
                    Standing::Elsewhere => Duty::Elsewhere,
                    Standing::Unknown => Duty::Unknown,
                });
                drop(standing.changed().await);
            }
        };
        let take_turns = async {
            let mut standing = tenure.standing();
            loop {
                drop(standing.wait_for(|standing| *standing == Standing::Here).await);
                self.learn_proofs(shared).await;
                let work = async {
                    tokio::select! {
                        () = self.keeper.run(pending()) => {}
                        never = self.pass_proofs(shared) => match never {},
                    }
                };
                tenure.while_held(work).await;
            }
        };
        tokio::select! {
            never = tenure.keep() => never,
            never = follow => never,
            never = take_turns => never,
            never = self.learn_pings(shared) => never,
        }
    }

    /// Lets another replica take over at once. If a change may still be on its way to a provider,
    /// the lease ends by itself instead.
    async fn give_up(&self) {
        if let Some(tenure) = &self.tenure
            && !self.keeper.may_have_changed()
        {
            tenure.give_up().await;
        }
    }

    /// Notes the replica that looks after the subscriptions, and logs it if it is news.
    fn say(&self, duty: Duty) {
        if !self.note(duty) {
            return;
        }
        let message = match duty {
            Duty::Here => "this replica looks after the subscriptions and publishes gaps",
            Duty::Elsewhere => "another replica looks after the subscriptions and publishes gaps",
            Duty::Off => "this replica does not look after the subscriptions",
            Duty::Unknown => {
                tracing::warn!(
                    event = "keeper",
                    keeper = duty.as_str(),
                    "nobody looks after the subscriptions until Redis answers: it says which replica does"
                );
                return;
            }
        };
        tracing::info!(event = "keeper", keeper = duty.as_str(), "{message}");
    }

    fn note(&self, duty: Duty) -> bool {
        self.gaps.speak(match duty {
            Duty::Here => Voice::Telling,
            Duty::Elsewhere | Duty::Off => Voice::Mute,
            Duty::Unknown => Voice::Undecided,
        });
        self.keeper.note_duty(duty)
    }
}

/// The duration of the keeper's lease: an interval, so that another replica follows within two.
fn lease_of(assignment: &Assignment) -> Duration {
    assignment.interval().min(LONGEST_LEASE)
}

/// The name of the lease in Redis.
const LEASE: &str = "keeper";
/// The duration of the lease: when a replica dies, another follows within this time and a third of
/// it.
const LONGEST_LEASE: Duration = Duration::from_secs(15);
/// More than the pings that arrive during a round trip.
const PINGS: usize = 256;
const LOOK_FOR_PINGS: Duration = Duration::from_secs(2);
/// The longest wait for the first answer. The connection to Redis is made at the start, as a rule
/// within milliseconds.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
