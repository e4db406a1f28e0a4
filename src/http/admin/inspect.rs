//! `/api/spool/…`: waiting records and the soundness of the spool, for people and for `cadrelay
//! spool` beside this relay.

use crate::http::admin::{Admin, parameters};
use crate::http::error::Problem;
use crate::spool::ReadError;
use crate::spool::inspect::{Look, PendingRecord};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

/// The records that are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    topic: Option<String>,
    #[serde(default = "usual_limit")]
    limit: usize,
}

/// Waiting records.
#[derive(Debug, Deserialize, Serialize)]
pub struct Records {
    /// The first of them, oldest first.
    pub records: Vec<PendingRecord>,
}

/// Answers with the identity of the spool and the waiting records by topic.
pub async fn stat(admin: web::Data<Admin>) -> HttpResponse {
    look(admin, |look| look.stat()).await
}

/// Answers with the first waiting records, oldest first.
pub async fn records(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let Wanted { topic, limit } = match parameters::read(&request) {
        Ok(wanted) => wanted,
        Err(problem) => return problem.response(),
    };
    look(admin, move |look| {
        let records = look.pending(topic.as_deref(), limit.min(MAX_RECORDS))?;
        Ok(Records { records })
    })
    .await
}

/// Reads everything that is stored, and answers with the faults found.
pub async fn verify(admin: web::Data<Admin>) -> HttpResponse {
    look(admin, |look| Ok(look.verify())).await
}

async fn look<T: Serialize + Send + 'static>(
    admin: web::Data<Admin>,
    look: impl FnOnce(&Look<'_>) -> Result<T, ReadError> + Send + 'static,
) -> HttpResponse {
    match take(admin, look).await {
        Ok(found) => HttpResponse::Ok().json(found),
        Err(problem) => problem.response(),
    }
}

/// Inspects the spool on a thread that may wait for the disk.
async fn take<T: Send + 'static>(
    admin: web::Data<Admin>,
    look: impl FnOnce(&Look<'_>) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Problem> {
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(error = %error, "cannot inspect the spool");
        Problem::Failed
    };
    let taken = web::block(move || look(&admin.spool.look())).await;
    taken.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

/// The limit if the query gives none.
fn usual_limit() -> usize {
    100
}

/// The most records in one answer: some megabytes.
pub const MAX_RECORDS: usize = 10_000;
