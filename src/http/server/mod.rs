//! The two listeners as running servers.
//!
//! # Promises
//! - A listener that is told to stop answers what is in flight, for a bounded time, and is then gone.
//!
//! The only place that knows how the framework serves: what is above sees [`Listener`] alone.

pub mod admin;
pub mod ingest;
pub mod tls;

use actix_web::dev::{Server, ServerHandle};
use std::io;
use tokio::task::JoinHandle;

/// A bound listener that does not answer yet.
pub struct Listener(Server);

/// A listener that answers.
pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Begins to answer.
    pub fn run(self) -> Running {
        Running { handle: self.0.handle(), task: tokio::spawn(self.0) }
    }
}

impl Running {
    /// Takes no further connections, waits for the answers that are due, and ends.
    pub async fn stop(self) -> io::Result<()> {
        self.handle.stop(true).await;
        self.task.await.map_err(io::Error::other)?
    }
}
