//! The flags of the commands that read the configuration.

use crate::cli::dev_brokers;
use crate::cli::exit::Failure;
use crate::config::{self, Config, Resolved};
use crate::kafka::settings::Settings;
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
    /// The brokers to read from [default: the running `cadrelay dev`, else the configuration's]
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
        if self.config.config.is_none()
            && let Some(brokers) = dev_brokers::running()
        {
            return Ok(Settings { brokers, ..Settings::default() });
        }
        Ok(self.config.read()?.kafka)
    }
}
