//! The signals that end a command, and the one that does not.

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

/// Waits for the same, and SIGHUP does not end the process meanwhile: service managers send it for a
/// reload.
pub fn past_hangups(
    shutdown: impl Future<Output = ()>,
) -> Result<impl Future<Output = ()>, Failure> {
    let mut hangup = signal(SignalKind::hangup())
        .map_err(|error| Failure::failed(format!("listening for signals: {error}")))?;
    Ok(async move {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = hangup.recv() => tracing::warn!(
                    event = "reload_refused",
                    "SIGHUP changes nothing yet: restart to read the configuration again"
                ),
            }
        }
    })
}
