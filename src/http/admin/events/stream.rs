//! `/api/events/stream`: decisions as they come, as server-sent events.

use crate::http::admin::Admin;
use crate::http::admin::events::query::Query;
use crate::http::admin::events::row::Row;
use crate::http::connections;
use crate::http::connections::connection::Connection;
use crate::http::error::Problem;
use crate::recent::Numbered;
use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// One open stream.
struct Follower {
    admin: web::Data<Admin>,
    query: Query,
    batches: Receiver<Arc<Vec<Numbered>>>,
    /// Decisions that existed when it began, and are sent first.
    missed: VecDeque<Numbered>,
    /// The continuation after these.
    then: Then,
    /// The number of the last decision that was considered.
    last: u64,
    connection: Arc<Connection>,
    /// Its place among the streams, given back on drop.
    _place: OwnedSemaphorePermit,
}

/// The continuation of a stream, after the decisions that the client has missed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    /// Each decision as it comes.
    Live,
    /// The end: there may be more missed ones, so the client must reconnect with a newer cursor.
    End,
}

/// Answers with decisions for as long as the client listens.
pub async fn stream(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let query = match Query::read(&request) {
        Ok(query) => query,
        Err(problem) => return problem.response(),
    };
    if request.method() == Method::HEAD {
        return head().finish();
    }
    let Some(place) = admin.room.stream() else { return Problem::Crowded.response() };
    let header =
        request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = header.or(query.after);
    // Subscribes first and reads then, so that nothing falls between the two.
    let batches = admin.recent.follow();
    let shared = admin.clone();
    let read = super::read(move || {
        let newest = shared.recent.next_number() - 1;
        let Some(after) = after else { return Ok((newest, Vec::new())) };
        // A cursor past the newest is of decisions that were lost: all of today's are new to it.
        let last = if after > newest { 0 } else { after };
        Ok((last, shared.recent.after(last, MOST_MISSED)?))
    })
    .await;
    let (last, missed) = match read {
        Ok(read) => read,
        Err(problem) => return problem.response(),
    };
    let then = if missed.len() < MOST_MISSED { Then::Live } else { Then::End };
    let connection = connections::of(&request);
    let missed = missed.into();
    let follower =
        Follower { admin, query, batches, missed, then, last, connection, _place: place };
    let messages = stream::unfold(follower, |mut follower| async {
        let message = follower.next().await?;
        Some((Ok::<_, Infallible>(message), follower))
    });
    head().streaming(messages)
}

/// The head of a stream.
fn head() -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    // The connection counts as one in an answer for as long as the stream lasts.
    head.force_close()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        // A proxy in front must not buffer messages.
        .insert_header(("x-accel-buffering", "no"));
    head
}

impl Follower {
    /// Returns the next message, or a sign of life. `None` when the relay stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(found) = self.missed.pop_front() {
            return Some(self.message(&[found]));
        }
        if self.then == Then::End {
            return None;
        }
        loop {
            let received = tokio::time::timeout(SIGN_OF_LIFE, self.batches.recv()).await;
            if self.admin.inlets.stopping.load(Ordering::Relaxed) {
                return None;
            }
            match received {
                Ok(Ok(batch)) => {
                    let message = self.message(&batch);
                    if !message.is_empty() {
                        return Some(message);
                    }
                }
                // The client reads too slowly, and must reconnect with the cursor that it has.
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// The matching decisions of a batch as messages, each once.
    fn message(&mut self, batch: &[Numbered]) -> Bytes {
        let mut text = String::new();
        for found in batch {
            if found.number <= self.last {
                continue;
            }
            self.last = found.number;
            if !self.query.filter.takes(&found.decision) {
                continue;
            }
            let row = Row::of(found, &self.admin);
            if let Ok(json) = serde_json::to_string(&row) {
                text.push_str(&format!("id: {}\ndata: {json}\n\n", found.number));
            }
        }
        text.into()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.connection.answered(true);
    }
}

/// The most missed decisions that are sent to a client that reconnects.
const MOST_MISSED: usize = 1_000;
/// Shorter than the patience of proxies with a silent answer, and than anyone's with a stop.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
