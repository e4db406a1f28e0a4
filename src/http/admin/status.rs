//! `/api/status`: the whole relay in one answer.

use crate::http::admin::Admin;
use crate::http::admin::probes::Ready;
use crate::http::admin::summary::{Facts, SetAside, SpoolState, Summary};
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    summary: Summary,
    version: &'static str,
    ingest: String,
    instance: String,
    run: String,
    uptime_seconds: u64,
    delivery: &'static str,
    #[serde(flatten)]
    ready: Ready,
    lanes: Vec<LaneJson>,
}

#[derive(Serialize)]
struct LaneJson {
    topic: String,
    pending: u64,
    published: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Answers with the identity of the relay, its readiness, and the waiting records of each lane.
pub async fn status(admin: web::Data<Admin>) -> HttpResponse {
    HttpResponse::Ok().json(admin.status(Timestamp::now()))
}

impl Admin {
    /// The whole relay, from memory: reads neither the disk nor Kafka.
    fn status(&self, now: Timestamp) -> StatusJson {
        let mut ready = self.readiness();
        ready.kafka.brokers = Some(self.brokers.clone());
        let identity = self.spool.identity();
        let lanes: Vec<LaneJson> = self
            .spool
            .books()
            .used()
            .map(|lane| {
                let in_trouble = &ready.kafka.lanes_in_trouble;
                let trouble = in_trouble.iter().find(|trouble| *trouble.topic == *lane.topic);
                let oldest = if lane.pending > 0 { self.spool.oldest(lane.number) } else { None };
                LaneJson {
                    topic: lane.topic.to_string(),
                    pending: lane.pending,
                    published: lane.published,
                    oldest: oldest.and_then(|since| {
                        Timestamp::from_millisecond(i64::try_from(since).ok()?).ok()
                    }),
                    state: if trouble.is_some() { "setAside" } else { "ok" },
                    reason: trouble.map(|trouble| trouble.reason),
                }
            })
            .collect();
        StatusJson {
            summary: Summary::of(&self.facts(&ready, &lanes), now),
            version: env!("CARGO_PKG_VERSION"),
            ingest: self.ingest.clone(),
            instance: identity.instance.clone(),
            run: identity.run().to_owned(),
            uptime_seconds: self.began.elapsed().as_secs(),
            delivery: self.delivery,
            ready,
            lanes,
        }
    }

    fn facts(&self, ready: &Ready, lanes: &[LaneJson]) -> Facts {
        let (last_minute, refused) = self.throughput.last_minute();
        let sources = self.inlets.sources();
        let meters = sources.values().map(|inlet| &inlet.meters);
        Facts {
            spool: match ready.spool.state {
                "ok" => SpoolState::Open,
                "full" => SpoolState::Full,
                _ => SpoolState::Closed,
            },
            pending: ready.spool.pending,
            oldest: lanes.iter().filter_map(|lane| lane.oldest).min(),
            kafka: self.drain.health().up,
            last_success: ready.kafka.last_success,
            set_aside: ready
                .kafka
                .lanes_in_trouble
                .iter()
                .map(|lane| SetAside {
                    topic: lane.topic.clone(),
                    since: lane.since,
                    reason: lane.reason,
                })
                .collect(),
            sources: sources.len(),
            last_notification: meters.filter_map(|meters| meters.last_notification()).max(),
            last_minute,
            refused,
            unknown_source: self.throughput.unknown_source(self.inlets.unknown_source.count()),
        }
    }
}
