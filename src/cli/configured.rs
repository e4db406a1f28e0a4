//! The flags of the commands that read the configuration.

use crate::cli::dev_brokers;
use crate::cli::exit::Failure;
use crate::config::{self, Config, Resolved};
use crate::kafka::settings::Settings;
use std::ffi::OsString;
use std::path::PathBuf;

/// The choice of the configuration.
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

    /// The Kafka of a running `cadrelay dev`, unless a file or the environment names another.
    pub fn dev(&self) -> Option<Settings> {
        let is_given = |(name, _): (OsString, OsString)| {
            name.to_str().is_some_and(|name| name.starts_with("CADRELAY__KAFKA__"))
        };
        if self.file().is_some() || std::env::vars_os().any(is_given) {
            return None;
        }
        dev_brokers::running()
    }

    /// Reads the configuration.
    pub fn read(&self) -> Result<Config, Failure> {
        Config::read(self.file().as_deref()).map_err(|error| Failure::usage(error.to_string()))
    }

    /// Reads the configuration, with the secrets and files that it names.
    pub fn resolve(&self) -> Result<Resolved, Failure> {
        Resolved::read(self.file().as_deref()).map_err(|error| Failure::usage(error.to_string()))
    }
}

/// The choice of the Kafka cluster.
#[derive(Clone, Debug, clap::Args)]
pub struct WhichKafka {
    #[command(flatten)]
    config: ConfigFile,
    /// The brokers to read from [default: the configuration's; without a file and without
    /// CADRELAY__KAFKA__… in the environment, those of a running `cadrelay dev`]
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
}

impl WhichKafka {
    /// The settings of the cluster.
    pub fn settings(&self) -> Result<Settings, Failure> {
        if let Some(brokers) = &self.brokers {
            if brokers.contains('@') {
                // The part before it could be a password, and is not repeated.
                return Err(Failure::usage("--brokers: expected host:port without a user"));
            }
            return Ok(Settings { brokers: brokers.clone(), ..Settings::default() });
        }
        match self.config.dev() {
            Some(dev) => Ok(dev),
            None => Ok(self.config.read()?.kafka),
        }
    }
}
