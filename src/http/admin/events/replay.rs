//! `POST /api/events/{id}/replay`: publishes an event again.
//!
//! Its body comes from the recent decisions or from the spool; if neither has it, from the record
//! in Kafka.

use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::http::admin::events::raw::{self, Body, Which};
use crate::http::admin::quarantine;
use crate::http::admin::{Admin, parameters};
use crate::http::error::Problem;
use crate::ingest::Rejection;
use crate::ingest::publish_again::{Posted, Refused};
use crate::recent::filter::Filter;
use crate::record::{gap, posted};
use crate::spool::inspect::{Life, RecordState};
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::io;
use std::sync::atomic::Ordering;

/// The result.
#[derive(Serialize)]
struct Replayed<'a> {
    id: &'a str,
    source: &'a str,
    outcome: &'static str,
}

/// An event that is to be published again.
struct Found {
    source: String,
    posted: Posted,
}

/// Publishes an event again, and logs who asked for it.
pub async fn replay(
    admin: web::Data<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    let which: Which = match admin.may_change(&request).and_then(|()| parameters::read(&request)) {
        Ok(which) => which,
        Err(problem) => return problem.response(),
    };
    if admin.inlets.stopping.load(Ordering::Relaxed) {
        return Problem::Stopping.response();
    }
    let shared = admin.clone();
    let asked = id.clone();
    let found = super::read(move || shared.posted(&asked, which.source.as_deref())).await;
    let found = match found {
        Ok(Ok(found)) => found,
        Ok(Err(Missing::InKafka(life))) => match read_from_kafka(&admin, *life).await {
            Ok(found) => found,
            Err(answer) => return answer,
        },
        Ok(Err(Missing::Unknown)) => return Problem::NotRemembered.response(),
        Ok(Err(Missing::Body)) => return Problem::NotPosted.response(),
        Err(problem) => return problem.response(),
    };
    let Some(inlet) = admin.inlets.source(&found.source) else {
        return Problem::NotRemembered.response();
    };
    match inlet.ingest.publish_again(&found.posted, admin.inlets.clock.now()).await {
        Ok(()) => {
            let peer = request.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
            tracing::info!(
                event = "replayed",
                peer,
                event.id = %found.posted.id,
                source = found.source,
                "{} was published again",
                found.posted.id
            );
            HttpResponse::Ok().json(Replayed {
                id: found.posted.id.as_str(),
                source: &found.source,
                outcome: "published",
            })
        }
        Err(Refused::NotUnderstood(_)) => Problem::InQuarantine.response(),
        Err(Refused::Unavailable(error)) => Problem::from(Rejection::Unavailable(error)).response(),
    }
}

/// The reason why the relay itself has nothing to publish.
enum Missing {
    Unknown,
    /// The event is a gap, which nobody posted.
    Body,
    InKafka(Box<Life>),
}

/// Reads an event from its record in Kafka, or returns the answer that tells why it cannot.
async fn read_from_kafka(admin: &web::Data<Admin>, life: Life) -> Result<Found, HttpResponse> {
    if life.state == RecordState::Quarantined {
        return Err(Problem::InQuarantine.response());
    }
    let (Some(partition), Some(offset)) = (life.partition, life.offset) else {
        // A kill came before Kafka's answer: only a consumer can find the record.
        return Err(raw::elsewhere(&life));
    };
    let topic = life.topic.clone();
    let record =
        quarantine::read(admin.clone(), move |reader| reader.read_at(&topic, partition, offset));
    let record = record.await.map_err(|problem| problem.response())?;
    let published = record.and_then(|record| posted::published(&record.value));
    // A topic that was deleted and made anew has other records at the same offsets.
    let published = published.filter(|it| it.id == life.id && it.source == life.source);
    let Some(published) = published else { return Err(raw::gone(&life)) };
    if published.event == gap::NAME {
        return Err(Problem::NotPosted.response());
    }
    let id = EventId::parse(published.id).map_err(|_| raw::gone(&life))?;
    Ok(Found {
        source: life.source,
        posted: Posted {
            id,
            raw: published.body.into(),
            verified: Proofs::read(&published.verified).unwrap_or_default(),
            received_at: published.received_at,
        },
    })
}

impl Admin {
    /// An event with its body. Reads the disk.
    fn posted(&self, id: &str, source: Option<&str>) -> io::Result<Result<Found, Missing>> {
        let Some(life) = self.life_of(id, source) else { return Ok(Err(Missing::Unknown)) };
        let body = match self.body(id, Some(&life.source))? {
            Body::Here(body) => body,
            Body::InKafka(life) => return Ok(Err(Missing::InKafka(Box::new(life)))),
            Body::Unknown => return Ok(Err(Missing::Unknown)),
        };
        let waiting = self.pending_value(&life).filter(|_| life.state == RecordState::Pending);
        let waiting = waiting.and_then(|value| posted::published(&value));
        if waiting.is_some_and(|record| record.event == gap::NAME) {
            return Ok(Err(Missing::Body));
        }
        let filter = Filter { source: Some(life.source.clone()), ..Filter::of_id(id) };
        let page = self.recent.search(&filter, None, 1)?;
        let verified = page.decisions.first().and_then(|found| found.decision.verified.clone());
        let Ok(id) = EventId::parse(id.to_owned()) else { return Ok(Err(Missing::Unknown)) };
        Ok(Ok(Found {
            posted: Posted {
                id,
                raw: body.into(),
                verified: verified.and_then(|text| Proofs::read(&text)).unwrap_or_default(),
                received_at: life.accepted_at.unwrap_or_else(Timestamp::now),
            },
            source: life.source,
        }))
    }
}
