//! `cadrelay completions`: the script with which a shell completes our commands and flags.

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Cli, output};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print the script with which a shell completes commands and flags
///
/// For bash, in ~/.bashrc: source <(cadrelay completions bash)
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    /// Prints the script.
    pub async fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "cadrelay", &mut script);
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
