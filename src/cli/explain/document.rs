//! The last events of a document, for somebody who has no id.

use crate::cli::exit::Failure;
use crate::cli::output::Layout;
use crate::cli::relay::Running;
use crate::recent::decision::{Decision, Outcome};
use crate::recent::filter::Filter;
use crate::recent::{Left, Numbered};
use crate::spool::inspect::{Life, RecordState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

/// The last decisions on a document, newest first.
#[derive(Debug, Deserialize)]
pub struct Found {
    /// The decisions, at most [`MOST`].
    pub events: Vec<Row>,
    /// The time of the oldest decision on any document.
    pub oldest: Option<Timestamp>,
    /// Set if there are older ones of this document.
    pub next: Option<String>,
}

/// One decision, with the current state of its record.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    at: Timestamp,
    source: Cow<'static, str>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<RecordState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'static, str>>,
}

impl Found {
    /// Asks a running relay.
    pub async fn asked(running: &Running, document: &str) -> Result<Self, Failure> {
        let query = [("document", document.to_owned()), ("limit", MOST.to_string())];
        running.get("/api/events", &query).await
    }

    /// Searches the decisions that a stopped relay left. `life` finds the record of an id.
    pub fn left(
        recent: &Left,
        document: &str,
        mut life: impl FnMut(&str, &str) -> Option<Life>,
    ) -> io::Result<Self> {
        let filter = Filter { document: Some(document.to_owned()), ..Filter::default() };
        let page = recent.search(&filter, None, MOST)?;
        let rows = page.decisions.into_iter().map(|Numbered { decision, .. }| {
            let life = decision.id.as_deref().and_then(|id| life(&decision.source, id));
            Row::of(decision, life)
        });
        Ok(Self {
            events: rows.collect(),
            oldest: recent.oldest()?,
            next: page.next.map(|number| number.to_string()),
        })
    }
}

impl Row {
    fn of(decision: Decision<'static>, life: Option<Life>) -> Self {
        Self {
            at: decision.at,
            source: decision.source,
            outcome: decision.outcome,
            id: decision.id,
            event: decision.event,
            reason: decision.reason,
            subject: decision.subject,
            state: life.as_ref().map(|life| life.state),
            partition: life.as_ref().and_then(|life| life.partition),
            offset: life.as_ref().and_then(|life| life.offset),
            topic: life.map(|life| life.topic),
        }
    }
}

/// The columns of the decisions on a document.
pub const ROWS: Layout = Layout {
    keys: &[
        "at",
        "source",
        "outcome",
        "id",
        "event",
        "state",
        "reason",
        "topic",
        "partition",
        "offset",
        "subject",
    ],
    table: &["at", "id", "event", "outcome", "state", "reason"],
    empty: "nothing is remembered",
};

/// A screenful; the console has the rest.
pub const MOST: usize = 20;
