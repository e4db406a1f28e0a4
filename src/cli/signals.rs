//! The signals that end a command.

use crate::cli::exit::Failure;
use tokio::signal::unix::{SignalKind, signal};

/// Completes at SIGTERM or Ctrl-C. Listens from now on.
pub fn shutdown() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("listening for signals: {error}")))
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
