//! `cadrelay serve`: the relay.

use crate::app::Relay;
use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::signals;
use crate::spool::Loss;
use crate::telemetry;
use sd_notify::NotifyState;

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The form of log lines [default: text on a terminal, else json]
    #[arg(long, value_enum)]
    log_format: Option<telemetry::Format>,
    /// Start although the spool has lost acknowledged records
    #[arg(long)]
    accept_loss: bool,
}

impl Args {
    /// Runs the relay until SIGTERM or Ctrl-C.
    pub async fn run(self) -> Result<Exit, Failure> {
        let resolved = self.config.resolve()?;
        telemetry::start(self.log_format);
        for warning in &resolved.warnings {
            tracing::warn!(event = "configuration", "{warning}");
        }
        let config = &resolved.config;
        let sources: Vec<_> =
            resolved.sources.iter().map(|source| source.name().to_owned()).collect();
        tracing::info!(event = "started", version = env!("CARGO_PKG_VERSION"),
            sources = sources.join(","), brokers = config.kafka.brokers,
            delivery = config.kafka.delivery.as_str(),
            spool = %config.spool.dir.display(), "cadrelay {}", env!("CARGO_PKG_VERSION"));
        let shutdown = signals::past_hangups(signals::shutdown()?)?;
        let loss = if self.accept_loss { Loss::Accept } else { Loss::Refuse };
        let relay =
            Relay::build(resolved, loss).map_err(|error| Failure::failed(format!("{error:#}")))?;
        tracing::info!(event = "listening", ingest = %relay.ingest, admin = %relay.admin,
            "listening on http://{}/webhooks/…, admin on http://{}", relay.ingest, relay.admin);
        tell_systemd(&[NotifyState::Ready]);
        let shutdown = async {
            shutdown.await;
            tell_systemd(&[NotifyState::Stopping]);
        };
        relay.run(shutdown).await.map_err(|error| Failure::failed(format!("{error:#}")))?;
        Ok(Exit::Done)
    }
}

/// Tells the service manager, if it asked to be told.
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(error = %error, "cannot tell the service manager");
    }
}
