//! Senders that behave as the providers do.
//!
//! Each posts one event after the other about a few documents that all share, posts it again until
//! it is answered 200, and now and then again after that. Some events go out twice at the same
//! moment; some senders give up after a refusal, so that nobody ever learns what became of those.

use super::dice::Dice;
use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use support::notification::{Notification, secret};
use support::relay::Sender;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The behaviour of the senders.
#[derive(Clone, Debug)]
pub struct Load {
    pub seed: u64,
    pub senders: u64,
    /// The number of documents and items that they all post about; another seed has others.
    pub documents: u64,
    /// Between two events of a sender.
    pub pause: Duration,
}

impl Load {
    /// Eight senders without a pause about 24 documents.
    pub fn of(seed: u64) -> Self {
        Self { seed, senders: 8, documents: 24, pause: Duration::ZERO }
    }

    /// Lets the senders post, until [`Posting::finish`].
    pub fn start(self, relay: Sender) -> Posting {
        let (stop, stopped) = watch::channel(false);
        let progress = watch::Sender::new(0);
        let mut senders = JoinSet::new();
        for number in 0..self.senders {
            let sender = OneSender {
                dice: Dice::of(self.seed, &format!("sender {number}")),
                load: self.clone(),
                relay: relay.clone(),
                stopped: stopped.clone(),
                progress: progress.clone(),
                done: Vec::new(),
                ledger: Ledger { seed: self.seed, ..Ledger::default() },
            };
            senders.spawn(sender.run());
        }
        Posting { senders, stop, progress }
    }
}

/// Senders at work.
pub struct Posting {
    senders: JoinSet<Ledger>,
    stop: watch::Sender<bool>,
    progress: watch::Sender<u64>,
}

impl Posting {
    /// Waits until this many more events were answered 200. Fails the test after a minute.
    pub async fn answered(&self, more: u64) {
        let mut progress = self.progress.subscribe();
        let target = *progress.borrow() + more;
        timeout(PATIENCE, progress.wait_for(|answered| *answered >= target))
            .await
            .unwrap_or_else(|_| panic!("senders were not answered 200 for {PATIENCE:?}"))
            .expect("the senders are at work");
    }

    /// Ends the posting of new events, waits for the answers to those under way, and gives what
    /// all senders know.
    pub async fn finish(mut self) -> Ledger {
        self.stop.send_replace(true);
        let mut ledger = Ledger::default();
        while let Some(one) = self.senders.join_next().await {
            ledger.add(one.expect("a sender does not panic"));
        }
        ledger
    }
}

/// The notifications that the senders posted, with their answers.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub seed: u64,
    /// By the digest of the body.
    pub events: HashMap<Digest, Fate>,
    /// The number of answers by status; 0 for no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// The time of each answer with 200, and its duration.
    pub answers: Vec<(Instant, Duration)>,
    /// The time of each post that was not answered 200, and of its refusal or end.
    pub refusals: Vec<(Instant, Instant)>,
    /// The number of injected faults by kind, and further figures, for the report.
    pub faults: BTreeMap<&'static str, u64>,
}

/// A body, known by its SHA-256.
pub type Digest = [u8; 32];

/// The digest of a body.
pub fn digest_of(body: &[u8]) -> Digest {
    digest(&SHA256, body).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// A sender's knowledge of one event.
#[derive(Clone, Debug)]
pub struct Fate {
    /// The expected Kafka key; absent if it is none of the ordered ones.
    pub key: Option<String>,
    /// The time of the first post.
    pub posted: Instant,
    /// The time of the first answer with 200.
    pub acknowledged: Option<Instant>,
    /// The number of answers as new.
    pub accepted: u64,
    /// The number of answers as `duplicate`.
    pub duplicate: u64,
}

impl Ledger {
    /// Notes a fault that was done on purpose.
    pub fn fault(&mut self, name: &'static str, times: u64) {
        *self.faults.entry(name).or_default() += times;
    }

    /// The events that were answered 200.
    pub fn acknowledged(&self) -> usize {
        self.events.values().filter(|fate| fate.acknowledged.is_some()).count()
    }

    /// Notes an event that was posted apart from the senders and answered 200.
    pub fn acknowledge(&mut self, body: &[u8]) {
        let now = Instant::now();
        let fate =
            Fate { key: None, posted: now, acknowledged: Some(now), accepted: 1, duplicate: 0 };
        self.events.insert(digest_of(body), fate);
    }

    /// Notes a figure for the report.
    pub fn figure(&mut self, name: &'static str, value: u128) {
        self.faults.insert(name, u64::try_from(value).expect("a figure of human size"));
    }

    /// The latency that 99 % of the 200s between two moments had or stayed below.
    pub fn p99(&self, from: Instant, to: Instant) -> Duration {
        let within = |(when, _): &&(Instant, Duration)| (from..to).contains(when);
        let mut took: Vec<Duration> =
            self.answers.iter().filter(within).map(|(_, took)| *took).collect();
        took.sort_unstable();
        assert!(!took.is_empty(), "nothing was answered 200 in that time");
        took[(took.len() - 1) * 99 / 100]
    }

    /// Adds what other senders know of other events.
    pub fn add(&mut self, other: Self) {
        self.seed = other.seed;
        self.events.extend(other.events);
        self.answers.extend(other.answers);
        self.refusals.extend(other.refusals);
        for (status, times) in other.statuses {
            *self.statuses.entry(status).or_default() += times;
        }
        for (fault, times) in other.faults {
            self.fault(fault, times);
        }
    }
}

struct OneSender {
    dice: Dice,
    load: Load,
    relay: Sender,
    stopped: watch::Receiver<bool>,
    progress: watch::Sender<u64>,
    /// Some that were answered 200, to be repeated.
    done: Vec<Event>,
    ledger: Ledger,
}

#[derive(Clone)]
struct Event {
    provider: Provider,
    body: Vec<u8>,
    digest: Digest,
}

impl OneSender {
    async fn run(mut self) -> Ledger {
        while !*self.stopped.borrow() {
            let event = self.next_event();
            if self.dice.percent(10) {
                // A redelivery that does not wait for the answer to the first copy.
                let (first, second) = tokio::join!(self.post(&event), self.post(&event));
                if !(self.note(&event, first) | self.note(&event, second)) {
                    self.deliver(&event).await;
                }
            } else {
                self.deliver(&event).await;
            }
            if self.dice.percent(10) && !self.done.is_empty() {
                let former = self.dice.below(self.done.len() as u64) as usize;
                self.deliver(&self.done[former].clone()).await;
            }
            if self.done.len() < REMEMBERED {
                self.done.push(event);
            } else {
                let place = self.dice.below(REMEMBERED as u64) as usize;
                self.done[place] = event;
            }
            if !self.load.pause.is_zero() {
                sleep(self.load.pause).await;
            }
        }
        self.ledger
    }

    /// Posts until it is answered 200; one in fifty is given up after its first refusal.
    async fn deliver(&mut self, event: &Event) {
        let gives_up = self.dice.percent(2);
        let began = Instant::now();
        loop {
            let told = self.post(event).await;
            if self.note(event, told) || gives_up {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "a sender got no 200 for {PATIENCE:?}");
            // A provider waits minutes; the order of things is the same.
            sleep(Duration::from_millis(10 + self.dice.below(60))).await;
        }
    }

    /// Posts once.
    async fn post(&self, event: &Event) -> Told {
        let notification = Notification::bare(event.provider.as_str(), event.body.clone())
            .signed(event.provider, secret(event.provider));
        let asked = Instant::now();
        let (status, receipt) = match timeout(ANSWER, self.relay.post(&notification)).await {
            Ok(Ok(answer)) if answer.status == 200 => (200, answer.receipt()),
            Ok(Ok(answer)) => {
                assert!(
                    answer.status != 503 || answer.header("retry-after").is_some(),
                    "a 503 does not say when to come again: {answer:?}"
                );
                (answer.status, String::new())
            }
            Ok(Err(_)) | Err(_) => (0, String::new()),
        };
        Told { asked, heard: Instant::now(), status, receipt }
    }

    /// Notes what was told. True for a 200.
    fn note(&mut self, event: &Event, told: Told) -> bool {
        let fate = self.ledger.events.get_mut(&event.digest).expect("an event that was made here");
        *self.ledger.statuses.entry(told.status).or_default() += 1;
        if told.status != 200 {
            self.ledger.refusals.push((told.asked, told.heard));
            return false;
        }
        self.ledger.answers.push((told.heard, told.heard - told.asked));
        fate.acknowledged.get_or_insert(told.heard);
        match told.receipt.as_str() {
            "accepted" | "quarantined" => fate.accepted += 1,
            "duplicate" => fate.duplicate += 1,
            other => panic!("a receipt of an unknown kind: {other}"),
        }
        self.progress.send_modify(|answered| *answered += 1);
        true
    }

    fn next_event(&mut self) -> Event {
        let seed = self.dice.roll();
        let document = self.dice.below(self.load.documents);
        let now = Timestamp::now();
        let (provider, key, body) = match self.dice.below(100) {
            0..70 => {
                let key = format!("{document:08x}{:016x}", self.load.seed | 1 << 63);
                let event = "onshape.model.lifecycle.changed";
                let mut body = sample::value(Provider::Onshape, event, seed, now);
                body["documentId"] = Value::from(key.as_str());
                (Provider::Onshape, Some(key), Value::Object(body).to_string())
            }
            70..96 => {
                let key =
                    format!("urn:adsk.wipprod:dm.lineage:{document:06x}{:016x}", self.load.seed);
                let mut body = sample::value(Provider::Aps, "dm.version.added", seed, now);
                body["payload"]["lineageUrn"] = Value::from(key.as_str());
                (Provider::Aps, Some(key), Value::Object(body).to_string())
            }
            // Authentic, and not understood: it goes to quarantine.
            _ => (Provider::Onshape, None, format!("[\"nothing\", \"known\", {seed}]")),
        };
        let digest = digest_of(body.as_bytes());
        let posted = Instant::now();
        let fate = Fate { key, posted, acknowledged: None, accepted: 0, duplicate: 0 };
        self.ledger.events.insert(digest, fate);
        Event { provider, body: body.into_bytes(), digest }
    }
}

struct Told {
    asked: Instant,
    heard: Instant,
    status: u16,
    receipt: String,
}

/// The number of events that a sender keeps for redelivery.
const REMEMBERED: usize = 200;

/// The time that Onshape waits for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A sender that is not answered 200 for so long makes the test fail: every scenario mends what it
/// broke.
const PATIENCE: Duration = Duration::from_secs(90);
