//! `cadrelay serve`: the relay.

use crate::app::Relay;
use crate::cli::colour::Colour;
use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::reload::{self, Rereading, tell_systemd};
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
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        let file = self.config.file();
        let resolved = self.config.resolve()?;
        let colours = colour.suits(&std::io::stderr());
        let level =
            telemetry::start(self.log_format, colours, &resolved.config.telemetry.log_level);
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
        let (shutdown, hangups) = (signals::shutdown()?, reload::hangups()?);
        let loss = if self.accept_loss { Loss::Accept } else { Loss::Refuse };
        let relay =
            Relay::build(resolved, loss).map_err(|error| Failure::failed(format!("{error:#}")))?;
        let (ingest, admin) = (relay.ingest, relay.admin);
        let answers = || {
            tracing::info!(event = "listening", %ingest, %admin,
                "listening on http://{ingest}/webhooks/…, admin on http://{admin}");
            tell_systemd(&[NotifyState::Ready]);
        };
        let shutdown = async {
            shutdown.await;
            tell_systemd(&[NotifyState::Stopping]);
        };
        let rereading = Rereading { hangups, file, reloader: relay.reloader(), level };
        let ran = tokio::select! {
            ran = relay.run(answers, shutdown) => ran,
            never = rereading.run() => match never {},
        };
        ran.map_err(|error| Failure::failed(format!("{error:#}")))?;
        Ok(Exit::Done)
    }
}
