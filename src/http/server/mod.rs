//! The two listeners as running servers.
//!
//! # Promises
//! - A listener runs only if all of its workers have started.
//! - A listener that ends although nobody told it to is noticed by [`Running::ended`].
//! - A listener that is told to stop answers the requests in flight, within a bounded time, and
//!   then ends.
//!
//! The only module that knows how the framework serves; its callers see only [`Listener`].

pub mod admin;
pub mod descriptors;
pub mod ingest;
pub mod service;
mod stream;
pub mod tls;

use crate::http::connections::Connections;
use actix_web::dev::{Server, ServerHandle};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A bound listener that does not answer yet.
pub struct Listener {
    server: Server,
    connections: Arc<Connections>,
}

/// A listener that answers.
pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
    /// Closed when the task has ended.
    alive: watch::Receiver<()>,
    connections: Arc<Connections>,
    watch: JoinHandle<()>,
}

impl Listener {
    /// Begins to answer. Fails if a worker does not start, as when there are too few open files.
    pub async fn run(self) -> io::Result<Running> {
        let Self { mut server, connections } = self;
        let handle = server.handle();
        // The first poll starts the workers, and waits until all of them can serve.
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut server).poll(context))).await;
        if let Poll::Ready(ended) = first {
            return Err(ended.err().unwrap_or_else(|| io::Error::other("it ended at once")));
        }
        let (holds, alive) = watch::channel(());
        let task = tokio::spawn(async move {
            let ended = server.await;
            drop(holds);
            ended
        });
        let watch = tokio::spawn(Arc::clone(&connections).watch());
        Ok(Running { handle, task, alive, connections, watch })
    }
}

impl Running {
    /// Completes when the listener has ended, also by a panic.
    pub fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut alive = self.alive.clone();
        async move { while alive.changed().await.is_ok() {} }
    }

    /// Takes no further connections, waits for the answers that are due, and ends.
    pub async fn stop(self) -> io::Result<()> {
        self.connections.stop();
        self.handle.stop(true).await;
        let ended = self.task.await.map_err(io::Error::other)?;
        self.watch.abort();
        // The task was aborted, and its result says no more than that.
        drop(self.watch.await);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::room::Room;
    use actix_service::{fn_factory, fn_service};
    use std::net::TcpListener;
    use std::time::Duration;
    use tokio::net::TcpStream;

    fn listener(starts: bool) -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = move || {
            fn_factory(move || async move {
                let service = fn_service(|_: TcpStream| async { Ok::<_, ()>(()) });
                if starts { Ok(service) } else { Err(()) }
            })
        };
        let server =
            Server::build().disable_signals().workers(2).listen("test", socket, service).unwrap();
        let connections = Arc::clone(&Room::of(16).connections);
        Listener { server: server.run(), connections }
    }

    #[tokio::test]
    async fn a_listener_whose_workers_do_not_start_does_not_run() {
        assert!(listener(false).run().await.is_err());
    }

    #[tokio::test]
    async fn a_listener_that_ends_by_itself_is_noticed_and_can_still_be_stopped() {
        let running = listener(true).run().await.unwrap();
        let mut ended = Box::pin(running.ended());
        let early = tokio::time::timeout(Duration::from_millis(50), &mut ended).await;
        assert!(early.is_err(), "it runs");

        running.handle.stop(false).await;

        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("it is noticed");
        running.stop().await.expect("it had ended without an error");
    }
}
