//! Posts every event to all replicas at the same moment.

use futures_util::future::join_all;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use support::notification::Notification;
use support::relay::{Relay, Sender};
use support::waiting::within;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Senders at work.
pub(super) struct Posting {
    senders: JoinSet<Told>,
    progress: Arc<Progress>,
    /// The number of events, if it is known before.
    total: u64,
}

#[derive(Default)]
struct Progress {
    answered: AtomicU64,
    stop: AtomicBool,
}

/// The answers to all posts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// The events that were answered 200.
    pub(super) events: u64,
    /// Answers of `accepted`.
    pub(super) accepted: u64,
    /// Answers other than 200 and 503.
    pub(super) unexpected: u64,
}

/// The answers that an event needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Needs {
    /// A 200 of every replica. One that is down is waited for.
    All,
    /// A 200 of any replica, as behind a balancer that knows which ones are down.
    Any,
}

impl Posting {
    /// Posts these events, each one again until every replica has answered 200.
    pub(super) fn start(replicas: &[Relay], events: Range<u64>) -> Self {
        Self::of(replicas, events, Needs::All)
    }

    /// Posts events until [`Self::stop`], each one again until a replica has answered 200.
    pub(super) fn start_endless(replicas: &[Relay]) -> Self {
        Self::of(replicas, 0..u64::MAX, Needs::Any)
    }

    fn of(replicas: &[Relay], events: Range<u64>, needs: Needs) -> Self {
        let progress = Arc::new(Progress::default());
        let total = events.end - events.start;
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let progress = Arc::clone(&progress);
            let replicas: Vec<Sender> = replicas.iter().map(Relay::sender).collect();
            let seeds = (events.start + sender..events.end).step_by(SENDERS as usize);
            senders.spawn(async move {
                let mut told = Told::default();
                for seed in seeds {
                    if progress.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    told.add(deliver_to_all(&replicas, &Notification::onshape(seed), needs).await);
                    progress.answered.fetch_add(1, Ordering::Relaxed);
                }
                told
            });
        }
        Self { senders, progress, total }
    }

    /// The number of events that were answered as needed.
    pub(super) fn done(&self) -> u64 {
        self.progress.answered.load(Ordering::Relaxed)
    }

    pub(super) fn is_over(&self) -> bool {
        self.done() == self.total
    }

    pub(super) async fn over(&self) {
        within(LONG, "all events are answered", async || self.is_over().then_some(())).await;
    }

    pub(super) async fn answered(&self, more: u64) {
        let target = self.done() + more;
        let reached = async || (self.done() >= target).then_some(());
        within(LONG, "more events are answered", reached).await;
    }

    /// Begins no further event, and waits for the answers to those under way.
    pub(super) async fn stop(self) -> Told {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.finish().await
    }

    /// Waits until all events are answered.
    pub(super) async fn finish(mut self) -> Told {
        let mut told = Told::default();
        while let Some(one) = self.senders.join_next().await {
            told.add(one.expect("a sender does not panic"));
        }
        told
    }
}

impl Told {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.accepted += other.accepted;
        self.unexpected += other.unexpected;
    }
}

/// Posts an event to all replicas at the same moment until it has the answers that it needs.
async fn deliver_to_all(replicas: &[Sender], event: &Notification, needs: Needs) -> Told {
    let mut all = Told::default();
    while all.events == 0 {
        let posts = replicas.iter().map(|replica| deliver(replica, event, needs));
        for one in join_all(posts).await {
            all.add(one);
        }
        if all.events == 0 {
            sleep(PAUSE).await;
        }
    }
    Told { events: 1, ..all }
}

/// Posts until the answer is 200, or nobody takes the connection and another replica will do.
async fn deliver(replica: &Sender, event: &Notification, needs: Needs) -> Told {
    let mut told = Told::default();
    loop {
        match replica.post(event).await {
            Ok(answer) if answer.status == 200 => {
                told.events = 1;
                told.accepted += u64::from(answer.receipt() == "accepted");
                return told;
            }
            Ok(answer) => told.unexpected += u64::from(answer.status != 503),
            Err(_) if needs == Needs::Any => return told,
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// The number of senders, and so of the events that are under way at a moment.
pub(super) const SENDERS: u64 = 32;
/// Long enough for ten thousand events on a busy machine.
pub(super) const LONG: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(30);
