//! The state of the drain, for readiness, metrics and the log.
//!
//! An outage is logged once when it begins and once when it ends, not at every attempt.

use crate::drain::lane::RefusedRecord;
use crate::event::time::whole_milliseconds;
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Delivery;
use crate::lock::lock;
use jiff::Timestamp;
use prometheus::{Gauge, Histogram, IntCounter, IntGauge, IntGaugeVec};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// The reason why a producer was made anew. A closed set, because it is a metric label.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Restart {
    /// No report came for records that were sent.
    Silent,
    /// The client gave up.
    Fatal,
    /// Another relay uses the same instance.
    Fenced,
    /// The outcome of a commit is not known.
    CommitTimeout,
}

impl Restart {
    /// All reasons, for the metrics.
    pub const ALL: [Self; 4] = [Self::Silent, Self::Fatal, Self::Fenced, Self::CommitTimeout];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Fatal => "fatal",
            Self::Fenced => "fenced",
            Self::CommitTimeout => "commit_timeout",
        }
    }
}

/// The metrics of the drain.
#[derive(Clone, Debug)]
pub struct DrainMeters {
    /// 1 if Kafka answered the last attempt.
    pub up: IntGauge,
    /// The last time at which records, or at least an answer, got through.
    pub last_success: Gauge,
    /// Failed attempts, by kind.
    pub errors: HashMap<Trouble, IntCounter>,
    /// Producers made anew, by reason.
    pub restarts: HashMap<Restart, IntCounter>,
    /// Records that Kafka refused for good, by reason.
    pub refused: HashMap<Trouble, IntCounter>,
    /// Seconds from the commit in the spool to the commit in Kafka.
    pub delay: Histogram,
    /// 1 while a topic's lane is set aside.
    pub lane_trouble: IntGaugeVec,
}

/// The state of the drain. Written by the drain, read by anyone.
#[derive(Debug)]
pub struct Status {
    meters: DrainMeters,
    state: Mutex<DrainHealth>,
}

/// The state of the drain at one moment.
#[derive(Clone, Debug, Default)]
pub struct DrainHealth {
    /// True if Kafka answered when it was last asked. `None` before the first attempt.
    pub up: Option<bool>,
    /// The last time at which records, or at least an answer, got through.
    pub last_success: Option<Timestamp>,
    /// The lanes that are set aside, by topic: the time when it began and the reason.
    pub troubled: BTreeMap<String, (Timestamp, Trouble)>,
}

impl Status {
    /// The status of a drain that has not begun.
    pub fn new(meters: DrainMeters) -> Self {
        Self { meters, state: Mutex::default() }
    }

    /// The state of the drain now.
    pub fn health(&self) -> DrainHealth {
        self.lock().clone()
    }

    pub(super) fn up(&self, brokers: &str, delivery: Delivery) {
        let now = Timestamp::now();
        let before = {
            let mut health = self.lock();
            health.last_success = Some(whole_milliseconds(now));
            health.up.replace(true)
        };
        self.meters.up.set(1);
        self.meters.last_success.set(now.as_millisecond() as f64 / 1000.0);
        if before != Some(true) {
            tracing::info!(
                event = "kafka_up",
                brokers,
                delivery = delivery.as_str(),
                "Kafka answers"
            );
        }
    }

    pub(super) fn down(&self, trouble: Trouble, brokers: &str) {
        let before = self.lock().up.replace(false);
        self.meters.up.set(0);
        if before != Some(false) {
            tracing::warn!(
                event = "kafka_down",
                brokers,
                reason = trouble.as_str(),
                "Kafka does not answer; records wait in the spool"
            );
        }
    }

    pub(super) fn error(&self, trouble: Trouble) {
        if let Some(counter) = self.meters.errors.get(&trouble) {
            counter.inc();
        }
    }

    pub(super) fn restarted(&self, restart: Restart) {
        if let Some(counter) = self.meters.restarts.get(&restart) {
            counter.inc();
        }
        if restart == Restart::Fenced {
            tracing::error!(
                event = "fenced",
                "another relay uses a copy of this spool: two relays \
                share an instance; each event is still published once, but they slow each other"
            );
        }
        tracing::warn!(
            event = "producer_made_anew",
            reason = restart.as_str(),
            "the Kafka producer is made anew"
        );
    }

    pub(super) fn set_aside(&self, topic: &str, trouble: Trouble, pause: Duration) {
        let before = {
            let mut health = self.lock();
            let since = health.troubled.get(topic).map(|(since, _)| *since);
            let since = since.unwrap_or_else(|| whole_milliseconds(Timestamp::now()));
            health.troubled.insert(topic.to_owned(), (since, trouble))
        };
        self.meters.lane_trouble.with_label_values(&[topic]).set(1);
        if before.is_none_or(|(_, known)| known != trouble) {
            tracing::warn!(
                event = "lane_set_aside",
                topic,
                reason = trouble.as_str(),
                pause_ms = pause.as_millis() as u64,
                "a lane is set aside; the others go on"
            );
        }
    }

    pub(super) fn resumed(&self, topic: &str) {
        self.lock().troubled.remove(topic);
        self.meters.lane_trouble.with_label_values(&[topic]).set(0);
        tracing::info!(event = "lane_resumed", topic, "a lane delivers again");
    }

    pub(super) fn quarantined(&self, topic: &str, refused: Option<RefusedRecord>) {
        let Some(refused) = refused else { return };
        if let Some(counter) = self.meters.refused.get(&refused.trouble) {
            counter.inc();
        }
        tracing::error!(
            event = "quarantined",
            topic,
            reason = refused.trouble.as_str(),
            sequence = refused.sequence,
            "Kafka refuses a record for good; it is in quarantine"
        );
    }

    pub(super) fn delivered(&self, delays: &[(f64, usize)]) {
        for (seconds, records) in delays {
            for _ in 0..*records {
                self.meters.delay.observe(*seconds);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, DrainHealth> {
        lock(&self.state)
    }
}
