//! The two listeners as running servers.
//!
//! # Promises
//! - A listener that is told to stop answers the requests in flight, within a bounded time, and
//!   then ends.
//!
//! The only module that knows how the framework serves; its callers see only [`Listener`].

pub mod admin;
pub mod descriptors;
pub mod ingest;
mod stream;
pub mod tls;

use crate::http::connections::Connections;
use actix_web::dev::{Server, ServerHandle};
use std::io;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A bound listener that does not answer yet.
pub struct Listener {
    server: Server,
    /// The connections, if they are watched.
    connections: Option<Arc<Connections>>,
}

/// A listener that answers.
pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
    connections: Option<Arc<Connections>>,
    watch: Option<JoinHandle<()>>,
}

impl Listener {
    /// Begins to answer.
    pub fn run(self) -> Running {
        let watch = self.connections.clone().map(|connections| tokio::spawn(connections.watch()));
        let handle = self.server.handle();
        let task = tokio::spawn(self.server);
        Running { handle, task, connections: self.connections, watch }
    }
}

impl Running {
    /// Takes no further connections, waits for the answers that are due, and ends.
    pub async fn stop(self) -> io::Result<()> {
        if let Some(connections) = &self.connections {
            connections.stop();
        }
        self.handle.stop(true).await;
        let ended = self.task.await.map_err(io::Error::other)?;
        if let Some(watch) = self.watch {
            watch.abort();
            // The task was aborted, and its result says no more than that.
            drop(watch.await);
        }
        ended
    }
}
