//! Senders that go on as providers do: what is not answered 200 is sent again.

use super::kafka::reader::Received;
use super::notification::Notification;
use super::relay::{Relay, Sender};
use super::waiting::eventually;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{task::JoinHandle, time::timeout};

/// Senders at work. Each fifth delivery is a redelivery of what was acknowledged before.
pub struct Load {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    next: AtomicU64,
    sent: Mutex<Sent>,
}

/// The result of a load.
#[derive(Debug, Default)]
pub struct Sent {
    /// The ids of events that were answered 200.
    pub acknowledged: Vec<String>,
    /// The ids of events that were sent and never answered 200. They may be stored or not.
    pub open: Vec<String>,
    /// The number of answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// The number of posts without an answer.
    pub unanswered: u64,
}

impl Load {
    /// Puts so many senders to work, each with one notification at a time.
    pub fn start(relay: &Relay, senders: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let senders =
            (0..senders).map(|_| tokio::spawn(send(relay.sender(), Arc::clone(&shared)))).collect();
        Self { shared, senders }
    }

    /// Waits until so many events were answered 200.
    pub async fn acknowledged_reaches(&self, count: usize) {
        eventually("the senders' notifications are acknowledged", async || {
            (self.acknowledged() >= count).then_some(())
        })
        .await;
    }

    /// The number of events that were answered 200 so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.sent().acknowledged.len()
    }

    /// Ends the senders. What is not answered then stays open.
    pub async fn stop(self) -> Sent {
        self.shared.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.await.expect("a sender does not panic");
        }
        std::mem::take(&mut self.shared.sent())
    }
}

impl Shared {
    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().expect("no sender panics")
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Sent {
    /// Fails the test unless each acknowledged event is among the records, and each record there
    /// once, and nothing that was not sent.
    #[track_caller]
    pub fn assert_published_once(&self, records: &[Received]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for record in records {
            *seen.entry(record.header("ce_id").expect("an event has an id")).or_insert(0) += 1;
        }
        let lost = self.acknowledged.iter().filter(|id| !seen.contains_key(id.as_str())).count();
        let repeated = seen.values().filter(|times| **times > 1).count();
        let sent = self.acknowledged.len() + self.open.len();
        let acknowledged = self.acknowledged.len();
        assert_eq!((lost, repeated), (0, 0), "(lost, repeated) of {acknowledged}");
        let foreign = seen.len().saturating_sub(sent);
        assert_eq!(
            foreign, 0,
            "events on the topic that nobody sent, beside {sent} that were sent"
        );
    }
}

async fn send(sender: Sender, shared: Arc<Shared>) {
    let mut last: Option<Notification> = None;
    while !shared.stops() {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        if let Some(last) = last.as_ref().filter(|_| seed.is_multiple_of(5)) {
            deliver(&sender, &shared, last).await;
        }
        let notification = Notification::onshape(seed);
        let body: serde_json::Value =
            serde_json::from_slice(&notification.body).expect("a sample is JSON");
        let id = body["messageId"].as_str().expect("a sample has an id").to_owned();
        let delivered = deliver(&sender, &shared, &notification).await;
        let mut sent = shared.sent();
        if delivered {
            sent.acknowledged.push(id);
            last = Some(notification);
        } else {
            sent.open.push(id);
        }
    }
}

/// Sends until it is answered 200, or the load stops.
async fn deliver(sender: &Sender, shared: &Shared, notification: &Notification) -> bool {
    loop {
        match sender.post(notification).await {
            Ok(answer) => {
                *shared.sent().statuses.entry(answer.status).or_insert(0) += 1;
                if answer.status == 200 {
                    return true;
                }
            }
            Err(_) => shared.sent().unanswered += 1,
        }
        if shared.stops() {
            return false;
        }
        // Before it tries again it looks whether the relay is somewhere else now.
        drop(timeout(RETRY_AFTER, sender.moved()).await);
    }
}

const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(50);
