//! `cadrelay ready`: asks the relay beside us for its readiness; the health check of an image
//! without a shell.

use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print;
use crate::cli::relay::{base_of, with_cause};
use crate::printable;
use std::time::Duration;

/// Flags of `ready`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The admin listener, as http://host:port or host:port [default: the configuration's admin.listen]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Args {
    /// Asks, and prints the answer of the relay.
    pub async fn run(self) -> Result<Exit, Failure> {
        let base = match self.url {
            Some(url) => base_of(&url)?,
            None => format!("http://{}", self.config.read()?.admin.listen),
        };
        let url = format!("{base}/readyz");
        let unreachable = |error: reqwest::Error| Failure {
            exit: Exit::Remote,
            message: format!("{url}: {}", with_cause(error)),
        };
        let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(unreachable)?;
        let answer = client.get(&url).send().await.map_err(unreachable)?;
        let ready = answer.status().is_success();
        print(&printable::json(&answer.text().await.map_err(unreachable)?))?;
        Ok(if ready { Exit::Done } else { Exit::Failed })
    }
}

const PATIENCE: Duration = Duration::from_secs(3);
