//! The `cadrelay` binary.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cadrelay::cli::Cli::parse().run()
}
