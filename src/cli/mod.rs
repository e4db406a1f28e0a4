//! The commands: one file each.
//!
//! # Promises
//! - stdout carries the result alone; everything else goes to stderr.
//! - Every command ends with one of the numbers of [`exit::Exit`].

pub mod exit;
pub mod output;
pub mod simulate;
pub mod webhook;

use crate::cli::exit::{Exit, Failure};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Webhook notifications from Onshape and Autodesk Platform Services in; clean, deduplicated,
/// ordered events on Kafka topics out.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Webhook(Box<webhook::Args>),
    Simulate(simulate::Args),
}

impl Cli {
    /// Runs the command, and tells what went wrong.
    pub fn run(self) -> ExitCode {
        let done = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("the runtime does not start: {error}")))
            .and_then(|runtime| runtime.block_on(self.command.run()));
        let exit = done.unwrap_or_else(|failure| {
            output::note(&format!("error: {}", failure.message));
            failure.exit
        });
        exit.into()
    }
}

impl Command {
    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Webhook(args) => args.run().await,
            Self::Simulate(args) => args.run().await,
        }
    }
}
