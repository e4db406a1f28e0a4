//! `/api/status`: the whole relay in one answer.

use crate::http::admin::Admin;
use crate::http::admin::probes::Ready;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    version: &'static str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
    state: &'static str,
}

/// Answers with who we are, how ready, and what waits in each lane.
pub async fn status(admin: web::Data<Admin>) -> HttpResponse {
    let ready = admin.readiness();
    let identity = admin.spool.identity();
    let lanes = admin
        .spool
        .books()
        .lanes
        .into_iter()
        .zip(0_u16..)
        .map(|(lane, number)| {
            let troubled =
                ready.kafka.lanes_in_trouble.iter().any(|trouble| *trouble.topic == *lane.topic);
            LaneJson {
                topic: lane.topic.to_string(),
                pending: lane.pending,
                oldest: (lane.pending > 0)
                    .then(|| admin.spool.oldest(number))
                    .flatten()
                    .and_then(|since| Timestamp::from_millisecond(i64::try_from(since).ok()?).ok()),
                state: if troubled { "setAside" } else { "ok" },
            }
        })
        .collect();
    HttpResponse::Ok().json(StatusJson {
        version: env!("CARGO_PKG_VERSION"),
        instance: identity.instance.clone(),
        run: identity.runs.last().map(|run| run.name.clone()).unwrap_or_default(),
        uptime_seconds: admin.began.elapsed().as_secs(),
        delivery: admin.delivery,
        ready,
        lanes,
    })
}
