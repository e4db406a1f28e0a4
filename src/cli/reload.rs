//! Reads the configuration again at SIGHUP, and reports the result to the log and the service
//! manager.
//!
//! # Promises
//! - Each reload ends, in success or refusal, also if a file hangs: [`Reader`] sees to it.
//! - A configuration that is read too late is not applied.

use crate::app::reload::{Changes, Reloader};
use crate::cli::exit::Failure;
use crate::cli::reading::Reader;
use crate::config::Resolved;
use crate::telemetry::Level;
use jiff::Timestamp;
use sd_notify::NotifyState;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
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
        let reader = Reader::new(DEADLINE);
        loop {
            if self.hangups.recv().await.is_none() || self.reloader.is_stopping() {
                std::future::pending().await
            }
            tell_systemd(&reloading());
            self.reload(&reader).await;
            if !self.reloader.is_stopping() {
                tell_systemd(&[NotifyState::Ready]);
            }
        }
    }

    /// Reads, checks and applies the configuration, and logs the result.
    async fn reload(&self, reader: &Reader) {
        let file = self.file.clone();
        let reloaded = match reader.read(move || Resolved::read(file.as_deref())).await {
            Ok(Ok(new)) => self.apply(new).await,
            Ok(Err(error)) => self.refused(error.faults),
            Err(unread) => self.refused(vec![unread.to_string()]),
        };
        match reloaded {
            Ok(changes) => {
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
            Err(faults) => {
                let reason = faults.join("; ");
                tracing::error!(
                    event = "reload_refused",
                    reason,
                    "the configuration was not taken over, and nothing is changed: {reason}"
                );
            }
        }
    }

    /// Counts a reload whose configuration could not be read.
    fn refused(&self, faults: Vec<String>) -> Result<Changes, Vec<String>> {
        self.reloader.refused();
        Err(faults)
    }

    async fn apply(&self, new: Resolved) -> Result<Changes, Vec<String>> {
        for warning in &new.warnings {
            tracing::warn!(event = "configuration", "{warning}");
        }
        let log_level = new.config.telemetry.log_level.clone();
        let reloader = Arc::clone(&self.reloader);
        // On a thread that may block, because a new source is connected to the spool.
        let applied = spawn_blocking(move || reloader.reload(new, Timestamp::now())).await;
        let Ok(applied) = applied else {
            return self.refused(vec!["applying it ended in a panic".to_owned()]);
        };
        let changes = applied.map_err(|refused| refused.0)?;
        self.level.set(&log_level);
        Ok(changes)
    }
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

/// A read of files on a local disk takes milliseconds, on a slow mount a second. systemd waits 90
/// for a reload.
const DEADLINE: Duration = Duration::from_secs(10);
