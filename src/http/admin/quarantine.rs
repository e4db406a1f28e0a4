//! `/api/quarantine`: lists the quarantine topic, and replays its records.

use crate::event::reason::Reason;
use crate::http::admin::{Admin, parameters};
use crate::http::error::Problem;
use crate::ingest::Rejection;
use crate::ingest::replay::Replayed;
use crate::kafka::outcome::Trouble;
use crate::kafka::quarantine::Reader;
use crate::quarantine::{self, Lying, Wanted};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

/// The records to list, and their number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default, deserialize_with = "known_reason")]
    reason: Option<String>,
    source: Option<String>,
    id: Option<String>,
    limit: Option<NonZeroUsize>,
}

/// The records with an id that are to be replayed: all, if no field is given.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Which {
    /// Those of this source.
    pub source: Option<String>,
    /// The one in this partition,
    pub partition: Option<i32>,
    /// at this offset.
    pub offset: Option<i64>,
    /// Only tells the result, without doing anything.
    pub dry_run: bool,
}

/// The results, one for each record.
#[derive(Debug, Deserialize, Serialize)]
pub struct Replays {
    /// Oldest first.
    pub replays: Vec<Replay>,
}

/// The result for one record.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// Its id in quarantine.
    pub id: String,
    /// The source that it was posted to.
    pub source: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// `published`, `duplicate` or `still_quarantined`.
    pub outcome: String,
    /// The reason why it is still in quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of its event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
}

/// Answers with the newest records in quarantine.
pub async fn list(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let Query { reason, source, id, limit } = match parameters::read(&request) {
        Ok(query) => query,
        Err(problem) => return problem.response(),
    };
    let wanted = Wanted { reason, source, id };
    let limit = limit.map_or(USUAL, NonZeroUsize::get).min(MAX_RECORDS);
    match read(admin, move |reader| quarantine::list(reader, &wanted, limit)).await {
        Ok(listing) => HttpResponse::Ok().json(listing),
        Err(problem) => problem.response(),
    }
}

/// Puts the records with an id through the relay again.
pub async fn replay(
    admin: web::Data<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
) -> HttpResponse {
    let which = match admin.may_change(&request).and_then(|()| parameters::read(&request)) {
        Ok(which) => which,
        Err(problem) => return problem.response(),
    };
    let id = id.into_inner();
    let peer = request.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
    match replay_all(&admin, id, which, &peer).await {
        Ok(replays) => HttpResponse::Ok().json(Replays { replays }),
        Err(problem) => problem.response(),
    }
}

async fn replay_all(
    admin: &web::Data<Admin>,
    id: String,
    which: Which,
    peer: &str,
) -> Result<Vec<Replay>, Problem> {
    let wanted = Wanted { id: Some(id), source: which.source, reason: None };
    let place = which.partition.zip(which.offset);
    let found = read(admin.clone(), move |reader| match place {
        None => quarantine::find(reader, &wanted),
        Some((partition, offset)) => {
            let found = reader.read_one(partition, offset)?;
            let lying = found.as_ref().and_then(Lying::read);
            Ok(lying.into_iter().filter(|lying| wanted.has(&lying.quarantined)).collect())
        }
    })
    .await?;
    if found.is_empty() {
        return Err(Problem::NotInQuarantine);
    }
    let mut replays = Vec::with_capacity(found.len());
    for lying in found {
        let replay = replay_one(admin, &lying, which.dry_run).await?;
        if !which.dry_run {
            // So that an operator can find out later who did what.
            tracing::info!(
                event = "replayed",
                peer,
                event.id = replay.id,
                source = replay.source,
                partition = replay.partition,
                offset = replay.offset,
                outcome = replay.outcome,
                "{} from quarantine was replayed: {}",
                replay.id,
                replay.outcome
            );
        }
        replays.push(replay);
    }
    Ok(replays)
}

async fn replay_one(admin: &Admin, lying: &Lying, dry_run: bool) -> Result<Replay, Problem> {
    let Lying { quarantined, place } = lying;
    if admin.inlets.stopping.load(Ordering::Relaxed) {
        return Err(Problem::Stopping);
    }
    let inlet = admin.inlets.source(&quarantined.source).filter(|inlet| {
        // By now a source of the same name may belong to another provider.
        inlet.ingest.source().provider().as_str() == quarantined.provider
    });
    let told = |outcome: &str, reason: Option<&str>, event_id: Option<String>| Replay {
        id: quarantined.id.to_string(),
        source: quarantined.source.clone(),
        partition: place.partition,
        offset: place.offset,
        outcome: outcome.to_owned(),
        reason: reason.map(str::to_owned),
        event_id,
    };
    let Some(inlet) = inlet else {
        return Ok(told(STILL_QUARANTINED, Some("unknown_source"), None));
    };
    let now = admin.inlets.clock.now();
    let replayed = match dry_run {
        true => inlet.ingest.rehearse(quarantined, *place, now).await,
        false => inlet.ingest.replay(quarantined, *place, now).await,
    };
    Ok(match replayed.map_err(Rejection::Unavailable)? {
        Replayed::Accepted(id) => told("published", None, Some(id.to_string())),
        Replayed::Duplicate(id) => told("duplicate", None, Some(id.to_string())),
        Replayed::StillQuarantined(reason) => told(STILL_QUARANTINED, Some(reason.as_str()), None),
    })
}

/// Reads on a thread that may wait for Kafka.
pub(super) async fn read<T: Send + 'static>(
    admin: web::Data<Admin>,
    read: impl FnOnce(&Reader) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Problem> {
    let read = web::block(move || admin.quarantine.read(read)).await;
    let read = read.map_err(|error| {
        tracing::error!(error = %error, "reading Kafka was given up");
        Problem::Failed
    })?;
    read.map_err(|trouble| {
        tracing::warn!(reason = trouble.as_str(), "cannot read a record in Kafka");
        Problem::KafkaAway
    })
}

/// The outcome of a replay that changes nothing.
pub const STILL_QUARANTINED: &str = "still_quarantined";

/// Reads a reason that there is.
fn known_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Reason::ALL.iter().any(|reason| reason.as_str() == text) {
        true => Ok(Some(text)),
        false => Err(D::Error::custom("no such reason")),
    }
}

/// The limit if the query gives none.
const USUAL: usize = 100;

/// The most records in one answer: some tens of megabytes.
pub const MAX_RECORDS: usize = 100_000;
