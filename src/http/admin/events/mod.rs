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
    let found = web::block(move || {
        // Whatever comes from here on is for the stream.
        let next = admin.recent.next_number();
        let before = query.before.unwrap_or(next).min(next);
        let page = admin.recent.search(&query.filter, Some(before), query.limit)?;
        let mut places = admin.places();
        let rows = page.decisions.iter().map(|found| Row::of(found, &admin).placed(&mut places));
        Ok::<_, std::io::Error>(Events {
            events: rows.collect(),
            next: page.next.map(|number| number.to_string()),
            newest: (next - 1).to_string(),
        })
    })
    .await;
    answer(found)
}

/// An answer that was read on another thread.
fn answer<T: Serialize>(
    read: Result<std::io::Result<T>, actix_web::error::BlockingError>,
) -> HttpResponse {
    match read {
        Ok(Ok(found)) => HttpResponse::Ok().json(found),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "cannot read recent decisions");
            Problem::Failed.response()
        }
        Err(error) => {
            tracing::error!(error = %error, "reading recent decisions was given up");
            Problem::Failed.response()
        }
    }
}
