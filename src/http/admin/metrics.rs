//! `/metrics`: all series, for Prometheus.

use crate::http::admin::{Admin, openmetrics};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{Encoder, TextEncoder};

/// Answers with all series, in the format that the `Accept` header prefers.
pub async fn metrics(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    let families = admin.registry.gather();
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let mut response = HttpResponse::Ok();
    // A cache in between must not give one client the format of another.
    response.insert_header((header::VARY, "accept"));
    if accept.is_some_and(openmetrics::is_asked_for) {
        return response
            .content_type(openmetrics::CONTENT_TYPE)
            .body(openmetrics::encode(&families));
    }
    let mut text = Vec::new();
    // The encoder fails only for families without samples, and we register none.
    if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
        tracing::error!(error = %error, "cannot encode the metrics");
    }
    response.content_type("text/plain; version=0.0.4").body(text)
}
