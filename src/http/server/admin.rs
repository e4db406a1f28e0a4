//! The admin listener: its server and its routes.

use crate::http::admin::{
    Admin, console, events, guard as token_guard, inspect, metrics, openapi, probes, quarantine,
    room, sources, status, subscriptions, throughput,
};
use crate::http::error::Problem;
use crate::http::server::Listener;
use crate::http::server::descriptors::ADMIN_WORKERS;
use crate::http::server::service::Serving;
use actix_web::error::InternalError;
use actix_web::http::header::LOCATION;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, Route, guard, web};
use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;

/// The admin listener on a bound port.
pub fn listener(listener: TcpListener, admin: Arc<Admin>) -> anyhow::Result<Listener> {
    let serving = Serving {
        name: "admin",
        workers: ADMIN_WORKERS,
        connections: Arc::clone(&admin.room.connections),
        tls: None,
        stop_seconds: 1,
    };
    let admin = web::Data::from(admin);
    serving.on(listener, move || {
        App::new()
            .app_data(admin.clone())
            .wrap(from_fn(token_guard::guard))
            .wrap(from_fn(room::seat))
            .configure(routes)
    })
}

/// The routes of the admin listener.
fn routes(config: &mut web::ServiceConfig) {
    let read = |path: &str| web::resource(path).default_service(web::to(only_read));
    let change = |path: &str| web::resource(path).default_service(web::to(only_post));
    config
        .app_data(web::QueryConfig::default().error_handler(|error, _| unread(error)))
        .app_data(web::PathConfig::default().error_handler(|error, _| unread(error)))
        .service(read("/livez").route(reading().to(probes::live)))
        .service(read("/readyz").route(reading().to(probes::ready)))
        .service(read("/metrics").route(reading().to(metrics::metrics)))
        .service(read("/api/openapi.json").route(reading().to(openapi::openapi)))
        .service(read("/api/status").route(reading().to(status::status)))
        .service(read("/api/sources").route(reading().to(sources::sources)))
        .service(read("/api/throughput").route(reading().to(throughput::throughput)))
        .service(read("/api/subscriptions").route(reading().to(subscriptions::subscriptions)))
        .service(read("/api/spool/stat").route(reading().to(inspect::stat)))
        .service(read("/api/spool/records").route(reading().to(inspect::records)))
        .service(read("/api/spool/verify").route(reading().to(inspect::verify)))
        .service(read("/api/events").route(reading().to(events::list)))
        .service(read("/api/events/stream").route(reading().to(events::stream::stream)))
        .service(read("/api/events/{id}").route(reading().to(events::life::life)))
        .service(read("/api/events/{id}/raw").route(reading().to(events::raw::raw)))
        .service(change("/api/events/{id}/replay").route(web::post().to(events::replay::replay)))
        .service(read("/api/quarantine").route(reading().to(quarantine::list)))
        .service(change("/api/quarantine/{id}/replay").route(web::post().to(quarantine::replay)))
        .service(read("/").route(reading().to(to_console)))
        .service(read("/console/").route(reading().to(to_console)))
        .service(read("/console").route(reading().to(console::page)))
        .service(change("/console/sign-in").route(web::post().to(console::sign_in)))
        .service(read("/console/{file}").route(reading().to(console::file)))
        .default_service(web::to(not_found));
}

/// Our answer to parameters that the framework cannot read.
fn unread(error: impl fmt::Debug + fmt::Display + 'static) -> actix_web::Error {
    InternalError::from_response(error, Problem::Question.response()).into()
}

/// GET, and HEAD wherever there is GET.
fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn only_read() -> HttpResponse {
    Problem::OnlyRead.response()
}

async fn only_post() -> HttpResponse {
    Problem::OnlyPost.response()
}

async fn not_found() -> HttpResponse {
    Problem::NoPath.response()
}

/// Leads a person who typed the listener's address to the page.
async fn to_console() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/console")).finish()
}
