//! `/api/events/{id}/raw`: the body of an event, byte for byte as it was posted.

use crate::http::admin::{Admin, parameters};
use crate::http::error::Problem;
use crate::recent::filter::Filter;
use crate::record::layout::Parts;
use crate::record::posted;
use crate::spool::inspect::{Life, RecordState};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

/// Selects among the events with one id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The source that it was posted to.
    pub(super) source: Option<String>,
}

/// A body, or the place where it is.
pub(super) enum Body {
    /// The body.
    Here(Vec<u8>),
    /// Only Kafka has it.
    InKafka(Life),
    /// The id is not known, or only the fact that it came.
    Unknown,
}

/// The answer without a body, which tells the place of the record.
#[derive(Serialize)]
struct Elsewhere<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
}

/// Answers with the body as it was posted.
pub async fn raw(
    admin: web::Data<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    let which: Which = match parameters::read(&request) {
        Ok(which) => which,
        Err(problem) => return problem.response(),
    };
    match super::read(move || admin.body(&id, which.source.as_deref())).await {
        // As text, so that nothing a sender wrote can become a page.
        Ok(Body::Here(body)) => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"body.json\""))
            .body(body),
        Ok(Body::InKafka(life)) => elsewhere(&life),
        Ok(Body::Unknown) => Problem::NotRemembered.response(),
        Err(problem) => problem.response(),
    }
}

impl Admin {
    /// The body of an event: from the recent decisions, or from the spool while its record waits
    /// there.
    pub(super) fn body(&self, id: &str, source: Option<&str>) -> std::io::Result<Body> {
        let filter = Filter { source: source.map(str::to_owned), ..Filter::of_id(id) };
        let page = self.recent.search(&filter, None, MOST_DELIVERIES)?;
        if let Some(body) = page.decisions.iter().find_map(|found| found.decision.body()) {
            return Ok(Body::Here(body));
        }
        Ok(match self.life_of(id, source) {
            None => Body::Unknown,
            Some(life) => match life.state {
                RecordState::Pending => self.pending_body(&life).map_or(Body::Unknown, Body::Here),
                RecordState::Committed | RecordState::Quarantined => Body::InKafka(life),
            },
        })
    }

    /// The life of an event, of the given source if there is one.
    pub(super) fn life_of(&self, id: &str, source: Option<&str>) -> Option<Life> {
        let mut places = self.places();
        let named = |name: &&String| source.is_none_or(|source| source == *name);
        self.inlets.sources().keys().filter(named).find_map(|name| places.of(name, id))
    }

    /// The body of a waiting record.
    fn pending_body(&self, life: &Life) -> Option<Vec<u8>> {
        posted::body_of_value(&self.pending_value(life)?)
    }

    /// The value of a waiting record.
    pub(super) fn pending_value(&self, life: &Life) -> Option<Vec<u8>> {
        let lane = self.spool.lane(&life.topic)?;
        let chunk = self.spool.chunk_after(lane, life.sequence.checked_sub(1)?).ok()??;
        let record = chunk.records().find(|record| record.sequence == life.sequence)?;
        Some(Parts::read(record.bytes).ok()?.value.to_vec())
    }
}

/// The answer that names the place of a record that only Kafka has.
pub(super) fn elsewhere(life: &Life) -> HttpResponse {
    at_a_place(
        StatusCode::NOT_FOUND,
        "In Kafka",
        format!("This relay does not have the body any more. It is in {}.", place(life)),
        life,
    )
}

/// The answer that names the former place of a record in Kafka.
pub(super) fn gone(life: &Life) -> HttpResponse {
    at_a_place(
        StatusCode::GONE,
        "Deleted in Kafka",
        format!(
            "The record was in {}, and is not there any more: the topic's retention deleted it, or \
             the topic was made anew.",
            place(life)
        ),
        life,
    )
}

fn place(life: &Life) -> String {
    match (life.partition, life.offset) {
        (Some(partition), Some(offset)) => {
            format!("{}, partition {partition}, offset {offset}", life.topic)
        }
        _ => life.topic.clone(),
    }
}

fn at_a_place(
    status: StatusCode,
    title: &'static str,
    detail: String,
    life: &Life,
) -> HttpResponse {
    HttpResponse::build(status).content_type("application/problem+json").json(Elsewhere {
        r#type: "about:blank",
        title,
        status: status.as_u16(),
        detail,
        topic: &life.topic,
        partition: life.partition,
        offset: life.offset,
    })
}

/// The body is usually in one of an event's first deliveries.
const MOST_DELIVERIES: usize = 100;
