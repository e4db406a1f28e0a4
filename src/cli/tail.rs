//! `cadrelay tail`: the topics as a consumer sees them.

use crate::cli::configured::WhichKafka;
use crate::cli::exit::{Exit, Failure};
use crate::cli::printing::{Style, print};
use crate::cli::signals;
use crate::kafka::tailing::{From, Tail};
use std::io::IsTerminal;

/// Flags of `tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    kafka: WhichKafka,
    /// Read this topic only; may be given several times [default: all of ours]
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Where to begin
    #[arg(long, value_enum, default_value = "end")]
    from: From,
    /// One JSON object a line, with topic, partition, offset, key, headers and value
    #[arg(long)]
    json: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// No colour
    #[arg(long)]
    no_color: bool,
}

impl Args {
    /// Prints events until Ctrl-C, or `--count`.
    pub async fn run(self) -> Result<Exit, Failure> {
        let settings = self.kafka.settings()?;
        let shutdown = signals::shutdown()?;
        let failed = |error: crate::kafka::client::Error| Failure::usage(error.to_string());
        let mut tail = Tail::open(settings, self.topic.clone(), self.from).map_err(failed)?;
        let style = match (self.json, std::io::stdout().is_terminal() && !self.no_color) {
            (true, _) => Style::Json,
            (false, true) => Style::Colour,
            (false, false) => Style::Plain,
        };
        let printing = tokio::task::spawn_blocking(move || {
            let mut left = self.count;
            while left != Some(0) {
                if let Some(seen) = tail.poll() {
                    if print(style, &seen).is_err() {
                        break;
                    }
                    left = left.map(|left| left - 1);
                }
            }
        });
        tokio::select! {
            printed = printing => printed.map_err(|error| Failure::failed(error.to_string()))?,
            // The reader has no state to save: the process may end in the middle of a poll.
            () = shutdown => std::process::exit(0),
        }
        Ok(Exit::Done)
    }
}
