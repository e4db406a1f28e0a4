//! The part of the configuration file that the webhook commands need.

use crate::cli::exit::Failure;
use crate::config;
use crate::veil;
use crate::webhooks::declared::Declared;
use crate::webhooks::environment::variable;
use crate::webhooks::settings::{self, Subscription};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The choice of the configuration.
#[derive(Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration file [default: $CADRELAY_CONFIG, ./cadrelay.toml, /etc/cadrelay/cadrelay.toml]
    #[arg(long, value_name = "F")]
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Relevant {
    #[serde(default)]
    http: Http,
    #[serde(default)]
    subscriptions: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Http {
    public_url: Option<String>,
}

impl ConfigFile {
    /// The declared subscriptions, or all their faults. Prints warnings.
    pub fn subscriptions(&self) -> Result<Vec<Declared>, Failure> {
        let path = self.path()?;
        let cannot = |fault: String| Failure::usage(format!("{}: {fault}", path.display()));
        let tree = config::tree(&path).map_err(|faults| cannot(faults.join("\n  ")))?;
        let relevant: Relevant = serde_json::from_value(Value::Object(tree))
            .map_err(|error| cannot(veil::parser(&error)))?;
        let mut faults = Vec::new();
        let mut subscriptions = Vec::new();
        for (at, value) in relevant.subscriptions.into_iter().enumerate() {
            match read(at, value) {
                Ok(subscription) => subscriptions.push(subscription),
                Err(fault) => faults.push(fault),
            }
        }
        let mut warnings = Vec::new();
        let public_url = relevant.http.public_url.as_deref();
        match settings::resolve(&subscriptions, public_url, jiff::Timestamp::now(), &mut warnings) {
            Ok(declared) if faults.is_empty() => {
                warnings
                    .iter()
                    .for_each(|warning| crate::cli::output::note(&format!("warning: {warning}")));
                Ok(declared)
            }
            resolved => {
                faults.extend(resolved.err().into_iter().flatten().map(|fault| fault.to_string()));
                Err(Failure::usage(format!("{}: {}", path.display(), faults.join("\n  "))))
            }
        }
    }

    fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.config {
            return Ok(path.clone());
        }
        if let Some(path) = variable("CADRELAY_CONFIG") {
            return Ok(path.into());
        }
        let usual = ["cadrelay.toml", "/etc/cadrelay/cadrelay.toml"].map(Path::new);
        usual.into_iter().find(|path| path.exists()).map(Path::to_path_buf).ok_or_else(|| {
            Failure::usage("no configuration: give --config, or make ./cadrelay.toml")
        })
    }
}

/// Reads one subscription; a fault names it and the key.
fn read(at: usize, value: Value) -> Result<Subscription, String> {
    let name = value.get("name").and_then(Value::as_str).map(str::to_owned);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let name = name.unwrap_or_else(|| format!("number {}", at + 1));
        match error.path().to_string().as_str() {
            "." => format!("subscription {name}: {}", veil::parser(error.inner())),
            key => format!("subscription {name}: {key}: {}", veil::parser(error.inner())),
        }
    })
}
