//! Replicas behind a balancer are restarted one after the other.

use super::replicas::{beside, published, sharing};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use support::notification::Notification;
use support::redis::Redis;
use support::relay::{Relay, Sender};
use support::waiting::eventually;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_rolled_behind_a_balancer_lose_no_request() {
    let redis = Redis::start().await;
    let one = sharing(&redis).set("http.stop_delay", "'2s'").start().await;
    let two = beside(&one, &redis).set("http.stop_delay", "'2s'").start().await;
    let mut replicas = [one, two];
    let balancer = Arc::new(Balancer::before(&replicas));
    let mut work = JoinSet::new();
    work.spawn(Arc::clone(&balancer).watch());
    for sender in 0..SENDERS {
        work.spawn(Arc::clone(&balancer).post(sender));
    }

    for index in [0, 1, 0, 1] {
        balancer.answers(200).await;
        assert!(replicas[index].terminate().await.success());
        assert!(!balancer.is_in_use(index), "it stopped while the balancer still used it");
        replicas[index].restart().await;
        balancer.moved_to(index, replicas[index].admin());
        eventually("it is used again", async || balancer.is_in_use(index).then_some(())).await;
    }
    balancer.answers(200).await;
    balancer.is_over.store(true, Ordering::Relaxed);
    work.join_all().await;

    let answered = balancer.answered.load(Ordering::Relaxed) as usize;
    assert_eq!(*lock(&balancer.failed), Vec::<String>::new());
    let [one, two] = &replicas;
    assert_eq!(published(one, two).await, (answered, answered));
}

/// Sends each request to a replica that said of late that it is ready, and tries none again.
struct Balancer {
    replicas: [Behind; 2],
    answered: AtomicU64,
    /// The requests that were not answered 200.
    failed: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

struct Behind {
    sender: Sender,
    admin: Mutex<SocketAddr>,
    is_in_use: AtomicBool,
}

impl Balancer {
    fn before(replicas: &[Relay; 2]) -> Self {
        let replicas = replicas.each_ref().map(|relay| Behind {
            sender: relay.sender(),
            admin: Mutex::new(relay.admin()),
            is_in_use: AtomicBool::new(true),
        });
        let (answered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { replicas, answered, failed: Mutex::default(), is_over }
    }

    /// Asks each replica again and again whether it is ready, as balancers do.
    async fn watch(self: Arc<Self>) {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build();
        let client = client.expect("a client");
        let mut due = tokio::time::interval(Duration::from_millis(100));
        while !self.is_over.load(Ordering::Relaxed) {
            due.tick().await;
            for replica in &self.replicas {
                let url = format!("http://{}/readyz", lock(&replica.admin));
                let is_ready = client.get(url).send().await.is_ok_and(|said| said.status() == 200);
                replica.is_in_use.store(is_ready, Ordering::Relaxed);
            }
        }
    }

    /// Posts one notification after the other, each once.
    async fn post(self: Arc<Self>, sender: u64) {
        for turn in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let used = |index: &usize| self.is_in_use(*index);
            let index = [(turn % 2) as usize, ((turn + 1) % 2) as usize].into_iter().find(used);
            let Some(index) = index else {
                self.fail("no replica is ready");
                return;
            };
            let notification = Notification::onshape(turn * SENDERS + sender);
            match self.replicas[index].sender.post(&notification).await {
                Ok(answer) if answer.status == 200 => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => self.fail(&answer.status.to_string()),
                Err(_) => self.fail("no answer"),
            }
        }
    }

    /// Waits until so many more requests are answered.
    async fn answers(&self, more: u64) {
        let before = self.answered.load(Ordering::Relaxed);
        eventually("requests are answered", async || {
            (self.answered.load(Ordering::Relaxed) >= before + more).then_some(())
        })
        .await;
    }

    fn fail(&self, why: &str) {
        lock(&self.failed).push(why.to_owned());
    }

    fn is_in_use(&self, index: usize) -> bool {
        self.replicas[index].is_in_use.load(Ordering::Relaxed)
    }

    fn moved_to(&self, index: usize, admin: SocketAddr) {
        *lock(&self.replicas[index].admin) = admin;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked with it")
}

const SENDERS: u64 = 8;
