//! The answers of the admin listener that the screen shows.

use crate::cli::exit::Failure;
use crate::cli::relay::Running;
use crate::http::admin::summary::Summary;
use crate::recent::decision::Outcome;
use jiff::Timestamp;
use serde::Deserialize;

/// All answers at one moment.
#[derive(Clone, Debug)]
pub struct Answers {
    /// `/api/status`.
    pub status: Status,
    /// `/api/sources`, by name.
    pub sources: Vec<Source>,
    /// `/api/throughput`.
    pub throughput: Throughput,
    /// The newest of `/api/events`, newest first.
    pub decisions: Vec<Decision>,
}

/// The whole relay.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The sentence about its state.
    pub summary: Summary,
    /// The program's version.
    pub version: String,
    /// The name of the spool.
    pub instance: String,
    /// The time since the start.
    pub uptime_seconds: u64,
    /// The delivery guarantee.
    pub delivery: String,
    /// The spool.
    pub spool: Spool,
    /// The way to Kafka.
    pub kafka: Kafka,
    /// The waiting records by topic.
    pub lanes: Vec<Lane>,
}

/// The spool.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spool {
    /// Bytes that wait.
    pub bytes: u64,
    /// The most that may wait.
    pub max_bytes: u64,
}

/// The way to Kafka.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kafka {
    /// The brokers of the configuration.
    pub brokers: String,
    /// True if Kafka answered when it was last asked.
    pub delivering: bool,
    /// The time of its last answer.
    pub last_success: Option<Timestamp>,
}

/// The waiting records of one topic.
#[derive(Clone, Debug, Deserialize)]
pub struct Lane {
    /// The topic.
    pub topic: String,
    /// Records that wait.
    pub pending: u64,
    /// Records that it took since the start.
    pub published: u64,
    /// The time since which the oldest waits.
    pub oldest: Option<Timestamp>,
    /// The reason for which it is set aside, if it is.
    pub reason: Option<String>,
}

/// A source.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The provider that posts to it.
    pub provider: String,
    /// The time at which its last notification was answered 200.
    pub last_notification_at: Option<Timestamp>,
    /// The answers to its notifications.
    pub outcomes: Outcomes,
}

/// The answers to the notifications of a source since the start.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Outcomes {
    /// Stored for the first time.
    pub accepted: u64,
    /// Redeliveries.
    pub duplicate: u64,
    /// Not understood.
    pub quarantined: u64,
    unproven: u64,
    malformed: u64,
    too_large: u64,
    unavailable: u64,
}

/// The counts in each interval of the last quarter of an hour, oldest first.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Throughput {
    /// The length of an interval.
    pub seconds: u64,
    /// Notifications received.
    pub received: Vec<u64>,
    /// Records committed in Kafka.
    pub published: Vec<u64>,
    /// Redeliveries.
    pub duplicates: Vec<u64>,
    /// Notifications that were not answered 200.
    pub refused: Vec<u64>,
}

/// The decision on one notification.
#[derive(Clone, Debug, Deserialize)]
pub struct Decision {
    /// The time.
    pub at: Timestamp,
    /// The source.
    pub source: String,
    /// The answer.
    pub outcome: Outcome,
    /// The sender's name of the event.
    pub event: Option<String>,
    /// The thing that it concerns.
    pub subject: Option<String>,
    /// The reason why it was not accepted.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
struct Sources {
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Decision>,
}

impl Answers {
    /// Asks the relay for all answers.
    pub async fn of(running: &Running) -> Result<Self, Failure> {
        let limit = [("limit", DECISIONS.to_string())];
        let (status, sources, throughput, events) = tokio::try_join!(
            running.get::<Status>("/api/status", &[]),
            running.get::<Sources>("/api/sources", &[]),
            running.get::<Throughput>("/api/throughput", &[]),
            running.get::<Events>("/api/events", &limit),
        )?;
        Ok(Self { status, sources: sources.sources, throughput, decisions: events.events })
    }
}

impl Outcomes {
    /// Notifications that were not answered 200.
    pub fn refused(&self) -> u64 {
        self.unproven + self.malformed + self.too_large + self.unavailable
    }

    /// All notifications.
    pub fn received(&self) -> u64 {
        self.accepted + self.duplicate + self.quarantined + self.refused()
    }
}

/// More than most terminals have lines for.
const DECISIONS: usize = 40;
