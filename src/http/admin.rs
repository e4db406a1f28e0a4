//! The admin listener: probes, metrics and status, for operators.

use crate::drain::status::Status;
use crate::http::error::Problem;
use crate::http::ingest::Inlets;
use crate::http::looks;
use crate::http::quarantine::{self, Shelf};
use crate::metrics::Metrics;
use crate::secret::Resolved;
use crate::spool::{self, Spool};
use crate::webhooks::keeper::{Health, Keeper};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What the routes share.
#[derive(Debug)]
pub struct Admin {
    /// The spool.
    pub spool: Spool,
    /// How the drain is doing.
    pub drain: Arc<Status>,
    /// All series.
    pub metrics: Metrics,
    /// Looks after the subscriptions, if any is to be kept here.
    pub keeper: Option<Arc<Keeper>>,
    /// The sources, by name.
    pub inlets: web::Data<Inlets>,
    /// What lies in quarantine.
    pub quarantine: Shelf,
    /// The token that guards everything but the probes.
    pub token: Option<Resolved>,
    /// How records are delivered.
    pub delivery: &'static str,
    /// When the process began.
    pub began: Instant,
}

/// The routes of the admin listener.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(live))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics))
        .route("/api/status", web::get().to(status))
        .route("/api/subscriptions", web::get().to(subscriptions))
        .configure(looks::routes)
        .configure(quarantine::routes)
        .default_service(web::to(not_found));
}

/// Lets only those pass who have the token, if there is one. The probes need none.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let open = matches!(request.path(), "/livez" | "/readyz");
    let admin = request.app_data::<web::Data<Admin>>();
    let token = admin.and_then(|admin| admin.token.as_ref());
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let passes = match token {
        None => true,
        Some(token) => given.is_some_and(|given| is_equal(given, token.as_str().as_bytes())),
    };
    if open || passes {
        Ok(next.call(request).await?.map_into_left_body())
    } else {
        Ok(request.into_response(Problem::Token.response()).map_into_right_body())
    }
}

/// In a time that does not tell how much of it is right.
fn is_equal(given: &[u8], token: &[u8]) -> bool {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, token);
    let tag = ring::hmac::sign(&key, token);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, given);
    ring::hmac::verify(&key, token, tag.as_ref()).is_ok()
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    ready: bool,
    spool: SpoolState,
    kafka: KafkaState,
    dedup: &'static str,
}

#[derive(Serialize)]
struct SpoolState {
    state: &'static str,
    pending: u64,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KafkaState {
    delivering: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    lanes_in_trouble: Vec<LaneInTrouble>,
}

#[derive(Serialize)]
struct LaneInTrouble {
    topic: String,
    since: Timestamp,
    reason: &'static str,
}

impl Admin {
    fn readiness(&self) -> Ready {
        let books = self.spool.books();
        let state = match self.spool.readiness() {
            Ok(()) => "ok",
            Err(spool::Error::Full | spool::Error::DiskLow) => "full",
            Err(spool::Error::Failed | spool::Error::Closing) => "failed",
        };
        let health = self.drain.health();
        Ready {
            // Kafka being away does not make it unready: what comes is kept.
            ready: state == "ok",
            spool: SpoolState {
                state,
                pending: books.lanes.iter().map(|lane| lane.pending).sum(),
                bytes: books.lanes.iter().map(|lane| lane.pending_bytes).sum(),
            },
            kafka: KafkaState {
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
            dedup: "local",
        }
    }
}

async fn ready(admin: web::Data<Admin>) -> HttpResponse {
    let ready = admin.readiness();
    if ready.ready {
        HttpResponse::Ok().json(ready)
    } else {
        HttpResponse::ServiceUnavailable().json(ready)
    }
}

async fn metrics(admin: web::Data<Admin>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(admin.metrics.text())
}

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

async fn status(admin: web::Data<Admin>) -> HttpResponse {
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

#[derive(Serialize)]
struct SubscriptionsJson {
    subscriptions: Vec<Health>,
}

/// What the keeper knows. Without a keeper that is nothing.
async fn subscriptions(admin: web::Data<Admin>) -> HttpResponse {
    let keeper = admin.keeper.as_ref();
    let subscriptions = keeper.map(|keeper| keeper.health(Timestamp::now())).unwrap_or_default();
    HttpResponse::Ok().json(SubscriptionsJson { subscriptions })
}

async fn not_found() -> HttpResponse {
    Problem::NotFound.response()
}
