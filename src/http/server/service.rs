//! What both listeners have in common: the framework's server, behind connections that are watched.

use crate::http::connections::Connections;
use crate::http::connections::guarded::Guarded;
use crate::http::server::Listener;
use crate::http::server::stream::Stream;
use actix_http::body::{BoxBody, MessageBody};
use actix_http::{HttpServiceBuilder, KeepAlive, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use anyhow::Context as _;
use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The settings of a server.
pub struct Serving {
    /// The name of the listener.
    pub name: &'static str,
    /// The number of worker threads.
    pub workers: usize,
    /// The connections, and their common limits.
    pub connections: Arc<Connections>,
    /// TLS, if it is spoken.
    pub tls: Option<TlsAcceptor>,
    /// The seconds that a request in flight may take after the listener has stopped.
    pub stop_seconds: u64,
}

impl Serving {
    /// The listener on a bound port. `app` is called once on each worker's thread.
    pub fn on<A, S, B>(
        self,
        socket: TcpListener,
        app: impl Fn() -> A + Clone + Send + 'static,
    ) -> anyhow::Result<Listener>
    where
        A: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Future: 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Error: Into<Response<BoxBody>> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        B: MessageBody + 'static,
    {
        let Self { name, workers, connections, tls, stop_seconds } = self;
        // Calling listen again on a listening socket is allowed. The standard library's backlog is
        // too short for a burst.
        rustix::net::listen(&socket, BACKLOG).context("listening")?;
        let watched = Arc::clone(&connections);
        let service = move || {
            let http = http().h1(map_config(app().into_factory(), |_| AppConfig::default()));
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
            .shutdown_timeout(stop_seconds)
            // Above this number, counted by worker, the framework makes newcomers wait. We close
            // other connections before that; those that are closing still count for a moment.
            .max_concurrent_connections((watched.most() + ENDING).div_ceil(workers))
            .workers(workers)
            .listen(name, socket, service)
            .with_context(|| format!("serving the {name} listener"))?;
        Ok(Listener { server: server.run(), connections: watched })
    }
}

/// The framework's HTTP on a watched connection.
pub fn http<W, S>() -> HttpServiceBuilder<Guarded<W>, S>
where
    W: AsyncRead + AsyncWrite + Unpin + 'static,
    S: ServiceFactory<Request, Config = ()>,
    S::Error: Into<Response<BoxBody>> + 'static,
    S::InitError: fmt::Debug,
    <S::Service as Service<Request>>::Future: 'static,
{
    HttpServiceBuilder::default()
        // `Connections` keeps all times except the one for hanging up.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect_ext(|stream: &Guarded<W>, shared| {
            shared.insert(stream.connection());
        })
}

/// The kernel's default maximum.
const BACKLOG: i32 = 4096;
/// Connections that are closing and not yet gone.
const ENDING: usize = 128;
