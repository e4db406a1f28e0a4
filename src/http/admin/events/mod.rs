//! `/api/events`: the recent decisions, one event's life, its body, and a live stream.

pub mod life;
pub mod query;
pub mod raw;
pub mod replay;
pub mod row;
pub mod stream;

use crate::http::admin::Admin;
use crate::http::admin::events::query::Query;
use crate::http::admin::events::row::Row;
use crate::http::error::Problem;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::io;

/// A page of decisions, newest first.
#[derive(Serialize)]
struct Events {
    events: Vec<Row>,
    /// The `before` for the next page of older decisions, if there may be some.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The newest decision of all: the `after` for a stream that continues here.
    newest: String,
    /// The time of the oldest decision of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
}

/// Answers with the newest matching decisions.
pub async fn list(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let query = match Query::read(&request) {
        Ok(query) => query,
        Err(problem) => return problem.response(),
    };
    let found = read(move || {
        // Decisions from here on belong to the stream.
        let next = admin.recent.next_number();
        let before = query.before.unwrap_or(next).min(next);
        let page = admin.recent.search(&query.filter, Some(before), query.limit)?;
        let mut places = admin.places();
        let rows = page.decisions.iter().map(|found| Row::of(found, &admin).placed(&mut places));
        Ok(Events {
            events: rows.collect(),
            next: page.next.map(|number| number.to_string()),
            newest: (next - 1).to_string(),
            oldest: admin.recent.oldest()?,
        })
    })
    .await;
    match found {
        Ok(events) => HttpResponse::Ok().json(events),
        Err(problem) => problem.response(),
    }
}

/// Reads recent decisions on a thread that may wait for the disk.
async fn read<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(error = %error, "cannot read recent decisions");
        Problem::Failed
    };
    let read = web::block(read).await;
    read.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}
