//! The ingest listener: its server and its routes.

use crate::http::ingest::{self, Inlets};
use crate::http::server::service::Serving;
use crate::http::server::{Listener, tls};
use crate::http::settings::Settings;
use crate::spool::append::wake::WakeQueue;
use actix_web::{App, web};
use anyhow::Context;
use std::net::TcpListener;
use std::sync::Arc;

/// The ingest listener on a bound port.
pub fn listener(
    settings: &Settings,
    certificate: Option<Arc<tls::Shown>>,
    listener: TcpListener,
    inlets: Arc<Inlets>,
) -> anyhow::Result<Listener> {
    let serving = Serving {
        name: "ingest",
        workers: settings.worker_threads(),
        connections: Arc::clone(&inlets.connections),
        tls: certificate.map(tls::acceptor).transpose().context("speaking TLS")?,
        stop_seconds: STOP_SECONDS,
    };
    let inlets = web::Data::from(inlets);
    serving.on(listener, move || {
        actix_web::rt::spawn(WakeQueue::open());
        App::new().app_data(inlets.clone()).configure(routes)
    })
}

/// The routes of the ingest listener.
pub fn routes(config: &mut web::ServiceConfig) {
    config.default_service(web::to(ingest::route));
}

/// The seconds that a request in flight may take after the listener has stopped; it waits for one
/// commit.
const STOP_SECONDS: u64 = 5;
