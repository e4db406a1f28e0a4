//! `/api/events`: the decisions of the last while, one event's life, its body, and a live stream.

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
use serde::Serialize;
use std::io;

/// A page of decisions, newest first.
#[derive(Serialize)]
struct Events {
    events: Vec<Row>,
    /// Where older ones go on, if there may be some: `before` of the next question.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The newest decision of all: where a stream goes on, its `after`.
    newest: String,
}

/// Answers with the newest decisions that are asked for.
pub async fn list(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let query = match Query::read(&request) {
        Ok(query) => query,
        Err(problem) => return problem.response(),
    };
    let found = read(move || {
        // Whatever comes from here on is for the stream.
        let next = admin.recent.next_number();
        let before = query.before.unwrap_or(next).min(next);
        let page = admin.recent.search(&query.filter, Some(before), query.limit)?;
        let mut places = admin.places();
        let rows = page.decisions.iter().map(|found| Row::of(found, &admin).placed(&mut places));
        Ok(Events {
            events: rows.collect(),
            next: page.next.map(|number| number.to_string()),
            newest: (next - 1).to_string(),
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
