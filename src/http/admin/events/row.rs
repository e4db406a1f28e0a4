//! A decision as the API shows it, with the current place of its record.

use crate::http::admin::Admin;
use crate::recent::Numbered;
use crate::recent::decision::Outcome;
use crate::spool::inspect::{Life, Look, RecordState};
use jiff::Timestamp;
use serde::Serialize;

/// A decision in a list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its number, as text: the cursor of a page.
    cursor: String,
    at: Timestamp,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    bytes: u64,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<RecordState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
}

/// Finds the current places of records.
pub struct Places<'a> {
    look: Look<'a>,
    quarantine: String,
}

impl Admin {
    /// Finds the current places of records. Reads the disk.
    pub fn places(&self) -> Places<'_> {
        Places { look: self.spool.look(), quarantine: self.quarantine.topic() }
    }
}

impl Places<'_> {
    /// The life of an event at a source, as the window remembers it.
    pub fn of(&mut self, source: &str, id: &str) -> Option<Life> {
        let lives = self.look.lives([source], id, &self.quarantine);
        lives
            .inspect_err(|error| tracing::error!(error = %error, "cannot look up an id"))
            .ok()?
            .pop()
    }
}

impl Row {
    /// The row of a decision, without the place of its record.
    pub fn of(found: &Numbered, admin: &Admin) -> Self {
        let decision = &found.decision;
        let own = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let inlet = admin.inlets.source(&decision.source);
        Self {
            cursor: found.number.to_string(),
            at: decision.at,
            source: decision.source.to_string(),
            provider: inlet.map(|inlet| inlet.ingest.source().provider().as_str()),
            outcome: decision.outcome,
            id: own(&decision.id),
            event: own(&decision.event),
            group: own(&decision.group),
            subject: own(&decision.subject),
            document: own(&decision.document),
            webhook_id: own(&decision.webhook_id),
            verified: own(&decision.verified),
            reason: own(&decision.reason),
            occurred_at: decision.occurred_at,
            bytes: decision.bytes,
            duration_ms: milliseconds(decision.micros),
            state: None,
            topic: None,
            partition: None,
            offset: None,
        }
    }

    /// Adds the current place of its record.
    pub fn placed(self, places: &mut Places<'_>) -> Self {
        let Some(life) = self.id.as_deref().and_then(|id| places.of(&self.source, id)) else {
            return self;
        };
        Self {
            state: Some(life.state),
            topic: Some(life.topic),
            partition: life.partition,
            offset: life.offset,
            ..self
        }
    }
}

/// Converts microseconds to milliseconds.
pub(super) fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
