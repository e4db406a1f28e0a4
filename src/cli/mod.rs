//! The commands: one file for each.
//!
//! # Promises
//! - stdout carries only the result; everything else goes to stderr.
//! - Every command ends with one of the numbers of [`exit::Exit`].

pub mod check;
pub mod colour;
pub mod completions;
pub mod configured;
pub mod dev;
pub mod dev_brokers;
pub mod exit;
pub mod explain;
pub mod hand_over;
pub mod manual;
pub mod output;
pub mod printing;
pub mod quarantine;
mod reading;
pub mod ready;
pub mod relay;
mod reload;
pub mod serve;
pub mod signals;
pub mod simulate;
pub mod spool;
pub mod tail;
pub mod top;
pub mod topics;
pub mod webhook;

use crate::cli::colour::Colour;
use crate::cli::exit::{Exit, Failure};
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;
use std::time::Duration;

/// Webhook notifications from Onshape and Autodesk Platform Services in; clean, deduplicated,
/// ordered events on Kafka topics out.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// No colours. NO_COLOR in the environment does the same
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay.
    Serve(serve::Args),
    /// Run the relay with Kafka inside, to try it out.
    Dev(dev::Args),
    /// Report every fault of a configuration.
    Check(check::Args),
    /// Exit 0 if the relay is ready, for health checks.
    Ready(ready::Args),
    /// Read the topics as a consumer and print the events.
    Tail(tail::Args),
    Top(top::Args),
    Topics(topics::Args),
    Spool(spool::Args),
    Explain(explain::Args),
    Quarantine(quarantine::Args),
    Webhook(Box<webhook::Args>),
    Simulate(simulate::Args),
    Completions(completions::Args),
    Man(manual::Args),
}

impl Cli {
    /// Reads the command line. Help texts and errors are printed here, and end the process.
    pub fn read() -> Self {
        // Before parsing, so that an error about a flag has no colours either.
        let is_plain = std::env::args_os().any(|word| word == "--no-color");
        let colours = if is_plain { ColorChoice::Never } else { ColorChoice::Auto };
        let matches = Self::command().color(colours).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command, and reports its failure.
    pub fn run(self) -> ExitCode {
        let colour = Colour::asked(self.no_color);
        // reqwest and the listeners share one implementation of cryptography.
        drop(rustls::crypto::ring::default_provider().install_default());
        let done = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("the runtime does not start: {error}")))
            .and_then(|runtime| {
                let done = runtime.block_on(self.command.run(colour));
                // The command has awaited everything that matters; a call that hangs, such as the
                // look-up of a name, must not keep the process.
                runtime.shutdown_timeout(LAST_CALLS);
                done
            });
        let exit = done.unwrap_or_else(|failure| {
            if failure.exit != Exit::Done {
                output::note(&format!("error: {}", failure.message));
            }
            failure.exit
        });
        exit.into()
    }
}

impl Command {
    async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        match self {
            Self::Serve(args) => args.run(colour).await,
            Self::Dev(args) => args.run(colour).await,
            Self::Check(args) => args.run().await,
            Self::Ready(args) => args.run().await,
            Self::Tail(args) => args.run(colour).await,
            Self::Top(args) => args.run(colour).await,
            Self::Topics(args) => args.run().await,
            Self::Spool(args) => args.run(colour).await,
            Self::Explain(args) => args.run().await,
            Self::Quarantine(args) => args.run().await,
            Self::Webhook(args) => args.run().await,
            Self::Simulate(args) => args.run().await,
            Self::Completions(args) => args.run().await,
            Self::Man(args) => args.run().await,
        }
    }
}

/// The time that blocking calls may still take when a command has ended.
const LAST_CALLS: Duration = Duration::from_secs(1);
