//! Keeps room on the admin listener for the probes.
//!
//! # Promises
//! - The probes are answered whatever else is asked, and however many connect. A new connection
//!   closes the slowest one, unless that is being answered; and at most three quarters of all
//!   connections can be in answers that take time: [`Room::stream`] and [`seat`] refuse more.
//!
//! # Limits
//! Requests that are answered from memory need no seat.

use crate::http::admin::Admin;
use crate::http::connections::{self, Connections, Limits};
use crate::http::error::Problem;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections of the admin listener, and how many of them may be in long answers.
#[derive(Debug)]
pub struct Room {
    /// All connections.
    pub connections: Arc<Connections>,
    /// For requests that may wait for a disk or for Kafka.
    seats: Semaphore,
    streams: Arc<Semaphore>,
}

impl Room {
    /// The room of so many connections.
    pub fn of(connections: usize) -> Self {
        let limits = Limits {
            listener: "admin",
            connections,
            bytes: ROOM,
            read_timeout: READ_TIMEOUT,
            keep_alive: KEEP_ALIVE,
        };
        Self {
            connections: Arc::new(Connections::new(limits)),
            seats: Semaphore::new((connections / 4).clamp(1, MOST_SEATS)),
            streams: Arc::new(Semaphore::new((connections / 2).clamp(1, MOST_STREAMS))),
        }
    }

    /// The place of one more stream, until it is dropped. None if there are enough.
    pub fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }
}

/// Follows a request on its connection, and refuses it if it may wait and all seats are taken.
pub async fn seat(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let connection = connections::of(request.request());
    connection.begin();
    // Only the sign-in reads a body, and times it itself.
    connection.whole(None);
    let admin = request.app_data::<web::Data<Admin>>().cloned();
    let admin = admin.filter(|_| may_wait(request.path()));
    let response = match admin.as_ref().map(|admin| admin.room.seats.try_acquire()) {
        Some(Err(_)) => {
            Ok(request.into_response(Problem::Crowded.response()).map_into_right_body())
        }
        Some(Ok(_seat)) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
    };
    match &response {
        Ok(response) if response.response().body().size() == BodySize::Stream => {}
        Ok(response) => {
            let head = response.response().head();
            connection.answered(head.connection_type() == ConnectionType::Close);
        }
        Err(_) => connection.answered(true),
    }
    response
}

/// True for all paths but those that are answered from memory.
fn may_wait(path: &str) -> bool {
    !matches!(path, "/livez" | "/readyz" | "/metrics" | "/api/status")
}

/// Dozens of people may watch at the same time, not thousands.
const MOST_STREAMS: usize = 64;
/// A browser asks for half a dozen things at once, and a script for fifty.
const MOST_SEATS: usize = 128;
/// The bytes that heads and bodies may hold together before they are whole: no request here is
/// larger than some kilobytes.
const ROOM: usize = 4 << 20;
/// Enough for a large answer over a slow line.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// As on the ingest listener; longer than the interval of a scraper.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
