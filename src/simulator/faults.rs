//! Calls that fail without a fault of the caller, as happens at every real service.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError, web};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

/// Chooses the calls that fail.
#[derive(Debug)]
pub struct Faults {
    every: u32,
    calls: AtomicU32,
}

/// The failure of a call, which then does nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum Fault {
    #[error("Service unavailable. Please try later.")]
    Unavailable,
    #[error("Too many requests.")]
    TooMany,
}

impl Faults {
    /// Makes every Nth call fail; none for zero.
    pub fn new(every: u32) -> Self {
        Self { every, calls: AtomicU32::new(0) }
    }

    /// The fault of this call, if it fails. The control routes never do.
    fn next(&self, path: &str) -> Option<Fault> {
        if self.every == 0 || path.starts_with("/simulator/") {
            return None;
        }
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if !call.is_multiple_of(self.every) {
            return None;
        }
        let odd = (call / self.every) % 2 == 1;
        Some(if odd { Fault::Unavailable } else { Fault::TooMany })
    }
}

/// Lets a call through, or makes it fail.
pub async fn interfere(
    faults: web::Data<Faults>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match faults.next(request.path()) {
        Some(fault) => Err(fault.into()),
        None => next.call(request).await,
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.insert_header((RETRY_AFTER, 1));
        }
        response.json(json!({ "status": status.as_u16(), "message": self.to_string() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_call_fails_in_both_ways_by_turns_and_the_control_routes_never() {
        let faults = Faults::new(2);
        let calls: Vec<_> = (0..4).map(|_| faults.next("/api/webhooks")).collect();

        assert_eq!(calls, [None, Some(Fault::Unavailable), None, Some(Fault::TooMany)]);
        assert_eq!(Faults::new(1).next("/simulator/events"), None);
        assert_eq!(Faults::new(0).next("/api/webhooks"), None);
    }
}
