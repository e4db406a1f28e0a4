//! The ingest listener: its server and its routes.

use crate::http::ingest::{self, Inlets};
use crate::http::server::{Listener, tls};
use crate::http::settings::Settings;
use crate::spool::append::wake::Desk;
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// The ingest listener on a bound port.
pub fn listener(
    settings: &Settings,
    listener: TcpListener,
    inlets: Arc<Inlets>,
) -> anyhow::Result<Listener> {
    let inlets = web::Data::from(inlets);
    let app = move || {
        // Once on each thread that answers.
        actix_web::rt::spawn(Desk::open());
        App::new().app_data(inlets.clone()).configure(routes)
    };
    // actix counts connections by worker.
    let workers = settings.workers.unwrap_or_else(processors).max(1);
    let server = HttpServer::new(app)
        .disable_signals()
        .shutdown_timeout(STOP_SECONDS)
        .client_request_timeout(settings.read_timeout.0)
        .client_disconnect_timeout(Duration::from_secs(1))
        .keep_alive(KEEP_ALIVE)
        .max_connections(settings.max_connections.div_ceil(workers))
        .workers(workers)
        .backlog(1024);
    let server = match &settings.tls {
        None => server.listen(listener),
        Some(tls) => server.listen_rustls_0_23(listener, tls::config(tls)?),
    };
    Ok(Listener(server.context("serving the ingest listener")?.run()))
}

/// The routes of the ingest listener.
pub fn routes(config: &mut web::ServiceConfig) {
    config.default_service(web::to(ingest::route));
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How long a request in flight may take after the listener has stopped; it waits for one commit.
const STOP_SECONDS: u64 = 5;
/// Senders and proxies keep connections open; a minute covers their pauses.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
