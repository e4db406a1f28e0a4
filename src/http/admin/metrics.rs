//! `/metrics`: all series, for Prometheus.

use crate::http::admin::Admin;
use actix_web::{HttpResponse, web};
use prometheus::{Encoder, TextEncoder};

/// Answers with all series in the Prometheus text format.
pub async fn metrics(admin: web::Data<Admin>) -> HttpResponse {
    let mut text = Vec::new();
    // The encoder fails only for families without samples, and we register none.
    if let Err(error) = TextEncoder::new().encode(&admin.registry.gather(), &mut text) {
        tracing::error!(error = %error, "cannot encode the metrics");
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}
