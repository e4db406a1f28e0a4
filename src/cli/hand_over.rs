//! `cadrelay spool hand-over`: publishes the records left on the disk of a relay that will not come
//! back.

use crate::app::hand_over::{self, Error, HandedOver};
use crate::cli::colour::Colour;
use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, note};
use crate::spool::Loss;
use crate::telemetry;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `spool hand-over`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The spool directory of the relay that will not come back
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Give up when no record has left it for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    patience: u64,
    /// Go on even if the spool has lost acknowledged records
    #[arg(long)]
    accept_loss: bool,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Hands the records over, and shows the result.
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        let mut resolved = self.config.resolve()?;
        resolved.config.spool.dir = self.dir;
        telemetry::start_quietly(colour.suits(&io::stderr()));
        let loss = if self.accept_loss { Loss::Accept } else { Loss::Refuse };
        let done = hand_over::run(resolved, loss, Duration::from_secs(self.patience)).await?;
        self.output.unwrap_or_else(|| Format::default_of(&io::stdout())).object(&KEYS, &done)?;
        let HandedOver { instance, pending, .. } = done;
        if pending > 0 {
            let message =
                format!("{pending} records of {instance} still wait: Kafka did not take them");
            return Err(Failure { exit: Exit::Remote, message });
        }
        note(&format!("nothing of {instance} waits any more"));
        Ok(Exit::Done)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Spool(error) => error.into(),
            Error::Unknown(_) => Self { exit: Exit::Remote, message: error.to_string() },
            Error::Lives(_) | Error::Failed(_) => Self::failed(error.to_string()),
        }
    }
}

const KEYS: [&str; 5] = ["instance", "published", "found", "withdrawn", "pending"];
