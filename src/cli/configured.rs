//! What the commands share that read the configuration.

use crate::cli::exit::Failure;
use crate::config::{self, Config};
use std::path::PathBuf;

/// Which configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration file [default: $CADRELAY_CONFIG, ./cadrelay.toml,
    /// /etc/cadrelay/cadrelay.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file that is read, if there is one.
    pub fn file(&self) -> Option<PathBuf> {
        config::find(self.config.as_deref())
    }

    /// Reads the configuration.
    pub fn read(&self) -> Result<Config, Failure> {
        Config::read(self.file().as_deref()).map_err(|error| Failure::usage(error.to_string()))
    }
}
