//! `/livez` and `/readyz`: the probes for whatever runs the process.

use crate::http::admin::Admin;
use crate::spool;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// Answers 200 while the process can answer.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

/// The state of the spool and of the delivery to Kafka.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    ready: bool,
    pub(super) spool: SpoolState,
    pub(super) kafka: KafkaState,
    dedup: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpoolState {
    pub(super) state: &'static str,
    pub(super) pending: u64,
    bytes: u64,
    max_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KafkaState {
    /// Left out of the probe, which anyone may ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) brokers: Option<String>,
    delivering: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_success: Option<Timestamp>,
    pub(super) lanes_in_trouble: Vec<LaneInTrouble>,
}

#[derive(Serialize)]
pub(super) struct LaneInTrouble {
    pub(super) topic: String,
    pub(super) since: Timestamp,
    pub(super) reason: &'static str,
}

impl Admin {
    /// The readiness of the relay, with the states that it follows from.
    pub(super) fn readiness(&self) -> Ready {
        let books = self.spool.books();
        let state = match self.spool.readiness() {
            Ok(()) => "ok",
            Err(spool::Error::Full | spool::Error::DiskLow) => "full",
            Err(spool::Error::Failed | spool::Error::Closing) => "failed",
        };
        let health = self.drain.health();
        Ready {
            // An outage of Kafka does not make the relay unready: notifications are kept.
            ready: state == "ok" && !self.inlets.leaving.load(Ordering::Relaxed),
            spool: SpoolState {
                state,
                pending: books.lanes.iter().map(|lane| lane.pending).sum(),
                bytes: books.lanes.iter().map(|lane| lane.pending_bytes).sum(),
                max_bytes: self.max_bytes,
            },
            kafka: KafkaState {
                brokers: None,
                delivering: health.up == Some(true),
                last_success: health.last_success,
                lanes_in_trouble: health
                    .troubled
                    .into_iter()
                    .map(|(topic, (since, trouble))| LaneInTrouble {
                        topic,
                        since,
                        reason: trouble.as_str(),
                    })
                    .collect(),
            },
            dedup: match &self.shared {
                None => "local",
                Some(shared) if shared.is_up() => "shared",
                Some(_) => "degraded",
            },
        }
    }
}

/// Answers 200 while the spool can commit, else 503. The body also gives the state of Kafka.
pub async fn ready(admin: web::Data<Admin>) -> HttpResponse {
    let ready = admin.readiness();
    if ready.ready {
        HttpResponse::Ok().json(ready)
    } else {
        HttpResponse::ServiceUnavailable().json(ready)
    }
}
