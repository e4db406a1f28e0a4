//! `cadrelay quarantine list|replay`: lists the quarantine topic, and replays its records.

mod list;
mod replay;

use crate::cli::exit::{Exit, Failure};
use crate::event::reason::Reason;
use clap::builder::PossibleValuesParser;

/// List the quarantine topic, and put its records through the relay again.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Replay(replay::Args),
}

impl Args {
    /// Runs the command.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::List(args) => args.run().await,
            Command::Replay(args) => args.run().await,
        }
    }
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(Reason::ALL.map(Reason::as_str))
}
