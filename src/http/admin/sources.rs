//! `/api/sources`: the sources, with the counts of their notifications.

use crate::http::admin::Admin;
use crate::http::meters::Outcomes;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Sources {
    sources: Vec<SourceJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceJson {
    name: String,
    provider: &'static str,
    /// The kinds of proof that are asked for, never the secrets.
    proof: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_notification_at: Option<Timestamp>,
    outcomes: Outcomes,
}

/// Answers with the sources by name.
pub async fn sources(admin: web::Data<Admin>) -> HttpResponse {
    let books = admin.spool.books();
    let mut sources: Vec<SourceJson> = admin
        .inlets
        .sources()
        .iter()
        .map(|(name, inlet)| SourceJson {
            name: name.clone(),
            provider: inlet.ingest.source().provider().as_str(),
            proof: inlet.ingest.source().asked().into_iter().map(|proof| proof.as_str()).collect(),
            last_notification_at: inlet.meters.last_notification(),
            outcomes: inlet.outcomes(&books),
        })
        .collect();
    sources.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    HttpResponse::Ok().json(Sources { sources })
}
