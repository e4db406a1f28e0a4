//! `/api/events/stream`: decisions as they come, as server-sent events.

use crate::http::admin::Admin;
use crate::http::admin::events::query::Query;
use crate::http::admin::events::row::Row;
use crate::http::error::Problem;
use crate::recent::Numbered;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Counts the streams that are open.
#[derive(Debug, Default)]
pub struct Open(AtomicUsize);

/// One open stream.
struct Follower {
    admin: web::Data<Admin>,
    query: Query,
    batches: Receiver<Arc<Vec<Numbered>>>,
    /// What was there already when it began, and is told first.
    missed: VecDeque<Numbered>,
    /// What follows what was there already.
    then: Then,
    /// The number of the last decision that was looked at.
    last: u64,
}

/// What follows the decisions that a client has missed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    /// Each decision as it comes.
    Live,
    /// The end: there may be more that it has missed, and it comes again with a newer cursor.
    End,
}

/// Answers with decisions for as long as the client listens.
pub async fn stream(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let query = match Query::read(&request) {
        Ok(query) => query,
        Err(problem) => return problem.response(),
    };
    let header =
        request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after = header.or(query.after);
    // Follow first and read then: nothing falls between the two.
    let batches = admin.recent.follow();
    let shared = admin.clone();
    let read = super::read(move || {
        let next = shared.recent.next_number();
        let missed = match after {
            Some(after) => shared.recent.after(after, MOST_MISSED)?,
            None => Vec::new(),
        };
        Ok((next - 1, missed))
    })
    .await;
    let (newest, missed) = match read {
        Ok(read) => read,
        Err(problem) => return problem.response(),
    };
    if admin.streams.0.fetch_add(1, Ordering::Relaxed) >= MOST_STREAMS {
        admin.streams.0.fetch_sub(1, Ordering::Relaxed);
        return Problem::Crowded.response();
    }
    let last = after.unwrap_or(newest);
    let then = if missed.len() < MOST_MISSED { Then::Live } else { Then::End };
    let follower = Follower { admin, query, batches, missed: missed.into(), then, last };
    let messages = stream::unfold(follower, |mut follower| async {
        let message = follower.next().await?;
        Some((Ok::<_, Infallible>(message), follower))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        // A proxy in front must not gather messages.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(messages)
}

impl Follower {
    /// The next message, or a sign of life. `None` when the relay stops.
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
                // It reads too slowly, and comes again with the cursor that it has.
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// The decisions that are asked for as messages, each once.
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
        self.admin.streams.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Some dozens of people look at the same time, not thousands.
const MOST_STREAMS: usize = 64;
/// What a client that comes back is told at once of what it missed.
const MOST_MISSED: usize = 1_000;
/// Shorter than proxies wait for a silent answer, and a stop is noticed as soon.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
