//! Reads the configuration again at SIGHUP, and reports the result to the log and the service
//! manager.

use crate::app::reload::{Changes, Reloader};
use crate::cli::exit::Failure;
use crate::config::Resolved;
use crate::telemetry::Level;
use jiff::Timestamp;
use sd_notify::NotifyState;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

/// Listens for SIGHUP from now on, which then no longer ends the process.
pub fn hangups() -> Result<Signal, Failure> {
    signal(SignalKind::hangup())
        .map_err(|error| Failure::failed(format!("listening for signals: {error}")))
}

/// Reads a configuration again at each signal.
pub struct Rereading {
    /// The signals.
    pub hangups: Signal,
    /// The file that the start read, if there was one.
    pub file: Option<PathBuf>,
    /// Applies the configuration.
    pub reloader: Arc<Reloader>,
    /// The level of the log.
    pub level: Level,
}

impl Rereading {
    /// Reloads at each signal. Several signals during one reload cause one more reload.
    pub async fn run(mut self) -> Infallible {
        loop {
            if self.hangups.recv().await.is_none() || self.reloader.is_stopping() {
                std::future::pending().await
            }
            tell_systemd(&reloading());
            self.reload().await;
            if !self.reloader.is_stopping() {
                tell_systemd(&[NotifyState::Ready]);
            }
        }
    }

    async fn reload(&self) {
        let (file, reloader, level) =
            (self.file.clone(), Arc::clone(&self.reloader), self.level.clone());
        // On a thread that may block: it reads files, which may be on a slow disk.
        let reloaded = spawn_blocking(move || reload(file, &reloader, &level)).await;
        match reloaded {
            Ok(Ok(changes)) => {
                let Changes { added, removed, changed, keys } = &changes;
                tracing::info!(
                    event = "reloaded",
                    added = added.join(","),
                    removed = removed.join(","),
                    changed = changed.join(","),
                    keys = keys.join(","),
                    "the configuration was read again: {changes}"
                );
            }
            Ok(Err(faults)) => {
                let reason = faults.join("; ");
                tracing::error!(
                    event = "reload_refused",
                    reason,
                    "the configuration was not taken over, and nothing is changed: {reason}"
                );
            }
            Err(error) => {
                self.reloader.refused();
                tracing::error!(event = "reload_refused", error = %error, "reading ended in a panic");
            }
        }
    }
}

/// Reads, checks and applies the configuration, or returns all its faults.
fn reload(
    file: Option<PathBuf>,
    reloader: &Reloader,
    level: &Level,
) -> Result<Changes, Vec<String>> {
    let new = Resolved::read(file.as_deref()).map_err(|error| {
        reloader.refused();
        error.faults
    })?;
    for warning in &new.warnings {
        tracing::warn!(event = "configuration", "{warning}");
    }
    let log_level = new.config.telemetry.log_level.clone();
    let changes = reloader.reload(new, Timestamp::now()).map_err(|refused| refused.0)?;
    level.set(&log_level);
    Ok(changes)
}

/// The states that a service manager expects after it has asked for a reload.
fn reloading() -> Vec<NotifyState<'static>> {
    let mut states = vec![NotifyState::Reloading];
    // Without the time, systemd would take the message for one of an earlier reload.
    states.extend(NotifyState::monotonic_usec_now());
    states
}

/// Notifies the service manager, if it asked for it.
pub fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "cannot tell the service manager");
    }
}
