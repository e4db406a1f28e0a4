//! The commands: one file each.
//!
//! # Promises
//! - stdout carries the result alone; everything else goes to stderr.
//! - Every command ends with one of the numbers of [`exit::Exit`].

pub mod beacon;
pub mod check;
pub mod configured;
pub mod dev;
pub mod exit;
pub mod explain;
pub mod output;
pub mod printing;
pub mod quarantine;
pub mod ready;
pub mod relay;
mod reload;
pub mod serve;
pub mod signals;
pub mod simulate;
pub mod spool;
pub mod tail;
pub mod topics;
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
    /// Run the relay.
    Serve(serve::Args),
    /// Run the relay with Kafka inside, to try it.
    Dev(dev::Args),
    /// Tell everything that is wrong with a configuration.
    Check(check::Args),
    /// Exit 0 if the relay is ready, for health checks.
    Ready(ready::Args),
    /// Read the topics as a consumer and print the events.
    Tail(tail::Args),
    Topics(topics::Args),
    Spool(spool::Args),
    Explain(explain::Args),
    Quarantine(quarantine::Args),
    Webhook(Box<webhook::Args>),
    Simulate(simulate::Args),
}

impl Cli {
    /// Runs the command, and tells what went wrong.
    pub fn run(self) -> ExitCode {
        // reqwest and the listeners share one implementation of cryptography.
        drop(rustls::crypto::ring::default_provider().install_default());
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
            Self::Serve(args) => args.run().await,
            Self::Dev(args) => args.run().await,
            Self::Check(args) => args.run().await,
            Self::Ready(args) => args.run().await,
            Self::Tail(args) => args.run().await,
            Self::Topics(args) => args.run().await,
            Self::Spool(args) => args.run().await,
            Self::Explain(args) => args.run().await,
            Self::Quarantine(args) => args.run().await,
            Self::Webhook(args) => args.run().await,
            Self::Simulate(args) => args.run().await,
        }
    }
}
