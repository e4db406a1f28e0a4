//! The admin listener: its server and its routes.

use crate::http::admin::{
    Admin, console, events, guard, inspect, metrics, openapi, probes, quarantine, sources, status,
    subscriptions, throughput,
};
use crate::http::error::Problem;
use crate::http::server::Listener;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// The admin listener on a bound port.
pub fn listener(listener: TcpListener, admin: Arc<Admin>) -> anyhow::Result<Listener> {
    let admin = web::Data::from(admin);
    let app =
        move || App::new().app_data(admin.clone()).wrap(from_fn(guard::guard)).configure(routes);
    let server = HttpServer::new(app)
        .disable_signals()
        .workers(1)
        .shutdown_timeout(1)
        .client_disconnect_timeout(Duration::from_secs(1))
        .listen(listener)
        .context("serving the admin listener")?;
    Ok(Listener(server.run()))
}

/// The routes of the admin listener.
fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(probes::live))
        .route("/readyz", web::get().to(probes::ready))
        .route("/metrics", web::get().to(metrics::metrics))
        .route("/api/status", web::get().to(status::status))
        .route("/api/subscriptions", web::get().to(subscriptions::subscriptions))
        .route("/api/spool/stat", web::get().to(inspect::stat))
        .route("/api/spool/records", web::get().to(inspect::records))
        .route("/api/spool/verify", web::get().to(inspect::verify))
        .route("/api/openapi.json", web::get().to(openapi::openapi))
        .route("/api/sources", web::get().to(sources::sources))
        .route("/api/throughput", web::get().to(throughput::throughput))
        .route("/api/events", web::get().to(events::list))
        .route("/api/events/stream", web::get().to(events::stream::stream))
        .route("/api/events/{id}", web::get().to(events::life::life))
        .route("/api/events/{id}/raw", web::get().to(events::raw::raw))
        .route("/api/events/{id}/replay", web::post().to(events::replay::replay))
        .route("/console", web::get().to(console::page))
        .route("/console/sign-in", web::post().to(console::sign_in))
        .route("/console/{file}", web::get().to(console::file))
        .route("/api/quarantine", web::get().to(quarantine::list))
        .route("/api/quarantine/{id}/replay", web::post().to(quarantine::replay))
        .default_service(web::to(not_found));
}

async fn not_found() -> HttpResponse {
    Problem::NotFound.response()
}
