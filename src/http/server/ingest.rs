//! The ingest listener: its server and its routes.

use crate::http::connections::guarded::Guarded;
use crate::http::ingest::{self, Inlets};
use crate::http::server::stream::Stream;
use crate::http::server::{Listener, tls};
use crate::http::settings::Settings;
use crate::spool::append::wake::WakeQueue;
use actix_http::{HttpService, KeepAlive};
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use anyhow::Context;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// The ingest listener on a bound port.
pub fn listener(
    settings: &Settings,
    certificate: Option<Arc<tls::Shown>>,
    listener: TcpListener,
    inlets: Arc<Inlets>,
) -> anyhow::Result<Listener> {
    let connections = Arc::clone(&inlets.connections);
    let tls = certificate.map(tls::acceptor).transpose().context("speaking TLS")?;
    let workers = settings.worker_threads();
    // Calling listen again on a listening socket is allowed. The standard library's backlog is too
    // short for a burst.
    rustix::net::listen(&listener, BACKLOG).context("listening")?;
    let watched = Arc::clone(&connections);
    let inlets = web::Data::from(inlets);
    let service = move || {
        // Runs once on each worker thread.
        actix_web::rt::spawn(WakeQueue::open());
        let app = App::new().app_data(inlets.clone()).configure(routes);
        let http = HttpService::build()
            // `Connections` keeps all times except the one for hanging up.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(Duration::from_secs(1))
            .on_connect_ext(|stream: &Guarded<Stream>, shared| {
                shared.insert(stream.connection());
            })
            .h1(map_config(app.into_factory(), |_| AppConfig::default()));
        let (connections, tls) = (Arc::clone(&connections), tls.clone());
        let guard = move |socket: TcpStream| {
            let (entry, tls) = (connections.open(), tls.clone());
            async move {
                let peer = socket.peer_addr().ok();
                let stream = Stream::accept(socket, tls.as_ref(), &entry).await?;
                Ok((Guarded::new(stream, entry), peer))
            }
        };
        fn_service(guard).and_then(http)
    };
    let server = Server::build()
        .disable_signals()
        .shutdown_timeout(STOP_SECONDS)
        // Above this number, counted by worker, the framework makes newcomers wait. We close other
        // connections before that; those that are closing still count for a moment.
        .max_concurrent_connections((watched.most() + ENDING).div_ceil(workers))
        .workers(workers)
        .listen("ingest", listener, service)
        .context("serving the ingest listener")?;
    Ok(Listener { server: server.run(), connections: Some(watched) })
}

/// The routes of the ingest listener.
pub fn routes(config: &mut web::ServiceConfig) {
    config.default_service(web::to(ingest::route));
}

/// The seconds that a request in flight may take after the listener has stopped; it waits for one
/// commit.
const STOP_SECONDS: u64 = 5;
/// The kernel's default maximum.
const BACKLOG: i32 = 4096;
/// Connections that are closing and not yet gone.
pub const ENDING: usize = 128;
