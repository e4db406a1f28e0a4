//! What the admin listener says of the relay, read from its answers.

use crate::cli::exit::Failure;
use crate::cli::relay::Running;
use crate::http::admin::summary::Summary;
use crate::recent::decision::Outcome;
use jiff::Timestamp;
use serde::Deserialize;

/// One look at the relay.
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
    /// The sentence.
    pub summary: Summary,
    /// The program's version.
    pub version: String,
    /// The name of the spool.
    pub instance: String,
    /// Since the start.
    pub uptime_seconds: u64,
    /// How records are delivered.
    pub delivery: String,
    /// The spool.
    pub spool: Spool,
    /// The way to Kafka.
    pub kafka: Kafka,
    /// What waits for each topic.
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
    /// Whether Kafka answered when it was last asked.
    pub delivering: bool,
    /// When it last did.
    pub last_success: Option<Timestamp>,
}

/// What waits for one topic.
#[derive(Clone, Debug, Deserialize)]
pub struct Lane {
    /// The topic.
    pub topic: String,
    /// Records that wait.
    pub pending: u64,
    /// Records that it took since the start.
    pub published: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
    /// Why it is set aside, if it is.
    pub reason: Option<String>,
}

/// An inlet.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Whose notifications it takes.
    pub provider: String,
    /// When the last one was answered 200.
    pub last_notification_at: Option<Timestamp>,
    /// How they were answered.
    pub outcomes: Outcomes,
}

/// How the notifications of a source were answered since the start.
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

/// How much came and went in each interval of the last quarter of an hour, oldest first.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Throughput {
    /// How long an interval is.
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

/// What became of one notification.
#[derive(Clone, Debug, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// At which source.
    pub source: String,
    /// The answer.
    pub outcome: Outcome,
    /// What happened, by the sender's name.
    pub event: Option<String>,
    /// To what it happened.
    pub subject: Option<String>,
    /// Why it was not accepted.
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
    /// Asks the relay.
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
