//! The answers of calls, and the check of their callers.

use crate::simulator::aps::Service;
use crate::simulator::aps::access::Caller;
use crate::webhooks::aps::region::Region;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

/// A refusal in one of APS's forms.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Refused {
    status: StatusCode,
    reason: String,
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status)
            .json(json!({ "developerMessage": self.reason, "status": self.status.as_u16() }))
    }
}

/// A refusal.
pub(super) fn refused(status: StatusCode, reason: impl Into<String>) -> Refused {
    Refused { status, reason: reason.into() }
}

/// The answer of a route.
pub(super) type Answer = Result<HttpResponse, Refused>;

/// Returns the caller and the region that the call names.
pub(super) fn admit(service: &Service, request: &HttpRequest) -> Result<(Caller, Region), Refused> {
    let caller = service
        .gate
        .admit(request)
        .ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "Token is not provided or not valid"))?;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let query = url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key == "region")
        .map(|(_, region)| region.into_owned());
    let region = header("x-ads-region").or(header("region")).map(str::to_owned).or(query);
    let region = region.map(|region| region.parse()).transpose();
    let region = region.map_err(|_| refused(StatusCode::BAD_REQUEST, "unknown region"))?;
    Ok((caller, region.unwrap_or_default()))
}
