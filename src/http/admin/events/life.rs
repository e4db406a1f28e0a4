//! `/api/events/{id}`: the life of one event.

use crate::http::admin::Admin;
use crate::http::admin::events::row::milliseconds;
use crate::http::error::Problem;
use crate::recent::decision::{Decision, Outcome};
use crate::recent::filter::Filter;
use crate::recent::{Numbered, Page};
use crate::spool::inspect::Life;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The lives of the events with one id: at most one for each source.
#[derive(Debug, Deserialize, Serialize)]
pub struct Lives {
    /// The lives, one for each source.
    pub events: Vec<EventLife>,
}

/// The life of one event: the facts of the window and of the recent decisions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLife {
    /// The place of its record, by the window.
    #[serde(flatten)]
    pub life: Life,
    /// The sender's name of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The group that chose its topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The thing that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its Kafka key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The hook that delivered it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// The proofs that held for the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// The time of the event, by the sender's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The number of repeats, as far as the recent decisions reach.
    pub duplicates: u64,
    /// All its deliveries, oldest first, as far as the recent decisions reach.
    pub deliveries: Vec<Delivery>,
}

/// One delivery of an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The time of arrival.
    pub at: Timestamp,
    /// The answer.
    pub outcome: Outcome,
    /// The hook that delivered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// Time from its last byte to the decision, in milliseconds.
    pub duration_ms: f64,
}

/// Answers with the lives of the events with an id.
pub async fn life(admin: web::Data<Admin>, id: web::Path<String>) -> HttpResponse {
    match super::read(move || lives(&admin, &id)).await {
        Ok(lives) if lives.events.is_empty() => Problem::NotRemembered.response(),
        Ok(lives) => HttpResponse::Ok().json(lives),
        Err(problem) => problem.response(),
    }
}

fn lives(admin: &Admin, id: &str) -> std::io::Result<Lives> {
    let page = admin.recent.search(&Filter::of_id(id), None, MOST_DELIVERIES)?;
    let mut places = admin.places();
    let sources = admin.inlets.sources();
    let sources: BTreeSet<&str> = sources.keys().map(String::as_str).collect();
    let lives = sources
        .into_iter()
        .filter_map(|source| Some(EventLife::from_page(places.of(source, id)?, &page)));
    Ok(Lives { events: lives.collect() })
}

impl EventLife {
    /// Combines the facts of the window with a page of decisions.
    pub fn from_page(life: Life, page: &Page) -> Self {
        let of_source = |found: &&Numbered| found.decision.source == life.source;
        let oldest_first = page.decisions.iter().rev();
        let decisions: Vec<&Decision<'_>> =
            oldest_first.filter(of_source).map(|found| &found.decision).collect();
        Self::of(life, &decisions)
    }

    fn of(life: Life, decisions: &[&Decision<'_>]) -> Self {
        let stored = |decision: &&&Decision<'_>| {
            matches!(decision.outcome, Outcome::Accepted | Outcome::Quarantined)
        };
        // The decision that stored it knows most. If it is no longer kept, a repeat knows the same.
        let first = decisions.iter().find(stored).or(decisions.first());
        let own = |text: Option<&Cow<'_, str>>| text.map(|text| text.clone().into_owned());
        Self {
            event: own(first.and_then(|first| first.event.as_ref())),
            group: own(first.and_then(|first| first.group.as_ref())),
            subject: own(first.and_then(|first| first.subject.as_ref())),
            document: own(first.and_then(|first| first.document.as_ref())),
            webhook_id: own(first.and_then(|first| first.webhook_id.as_ref())),
            verified: own(first.and_then(|first| first.verified.as_ref())),
            occurred_at: first.and_then(|first| first.occurred_at),
            duplicates: decisions.iter().filter(|one| one.outcome == Outcome::Duplicate).count()
                as u64,
            deliveries: decisions.iter().map(|decision| Delivery::of(decision)).collect(),
            life: Life {
                reason: life.reason.or_else(|| own(first.and_then(|first| first.reason.as_ref()))),
                ..life
            },
        }
    }
}

impl Delivery {
    fn of(decision: &Decision<'_>) -> Self {
        Self {
            at: decision.at,
            outcome: decision.outcome,
            webhook_id: decision.webhook_id.as_deref().map(str::to_owned),
            duration_ms: milliseconds(decision.micros),
        }
    }
}

/// The most deliveries of one id that are listed; a sender gives up long before.
pub const MOST_DELIVERIES: usize = 1_000;
