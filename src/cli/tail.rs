//! `cadrelay tail`: reads the topics as a consumer sees them.

use crate::cli::check::unreachable;
use crate::cli::colour::Colour;
use crate::cli::configured::WhichKafka;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::printing::{Style, print};
use crate::cli::signals;
use crate::kafka::outcome::Trouble;
use crate::kafka::tailing::{From, Tail};
use std::time::{Duration, Instant};

/// Flags of `tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    kafka: WhichKafka,
    /// Read only this topic; may be given several times [default: all of ours]
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// The place to begin
    #[arg(long, value_enum, default_value = "end")]
    from: From,
    /// Print one line of JSON for each event, with topic, partition, offset, key, headers and value
    #[arg(long)]
    json: bool,
    /// End after this many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Args {
    /// Prints events until Ctrl-C or `--count`, or until it is clear that none will come.
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        let settings = self.kafka.settings()?;
        let shutdown = signals::shutdown()?;
        let brokers = settings.brokers.clone();
        let failed = |error: crate::kafka::client::Error| Failure::usage(error.to_string());
        let tail = Tail::open(settings, self.topic, self.from).map_err(failed)?;
        let style = Style::of(self.json, colour);
        let count = self.count;
        let printing = tokio::task::spawn_blocking(move || show(tail, &brokers, style, count));
        tokio::select! {
            printed = printing => printed.map_err(|error| Failure::failed(error.to_string()))??,
            // The reader has no state to save: the process may end in the middle of a poll.
            () = shutdown => std::process::exit(0),
        }
        Ok(Exit::Done)
    }
}

/// Prints events as they come. Fails if the cluster refuses us, or if no broker was reached in all
/// the time that one takes to start. A transient trouble is reported once, until an event has come
/// again, and so is each topic that does not exist.
fn show(mut tail: Tail, brokers: &str, style: Style, mut left: Option<u64>) -> Result<(), Failure> {
    let began = Instant::now();
    let mut said = Vec::new();
    let mut missing = Vec::new();
    while left != Some(0) {
        match tail.poll() {
            Ok(None) => {}
            Ok(Some(seen)) => {
                said.clear();
                if print(style, &seen).is_err() {
                    return Ok(());
                }
                left = left.map(|left| left - 1);
            }
            Err(trouble) if is_final(trouble) => return Err(unreachable(brokers, trouble)),
            Err(trouble) => {
                let waited = began.elapsed();
                if !tail.has_reached_a_broker() && waited >= STARTS_WITHIN {
                    return Err(unreachable(brokers, trouble));
                }
                if waited >= SOON && !said.contains(&trouble) {
                    said.push(trouble);
                    note(&format!("{}; waiting", unreachable(brokers, trouble).message));
                }
            }
        }
        if tail.missing() != missing {
            let new = tail.missing().iter().filter(|topic| !missing.contains(*topic));
            new.for_each(|topic| {
                note(&format!("there is no topic {topic} yet, or it may not be read; waiting"));
            });
            missing = tail.missing().to_vec();
        }
    }
    Ok(())
}

/// True if waiting cannot help.
fn is_final(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Authentication | Trouble::Fatal => true,
        Trouble::Transport
        | Trouble::Timeout
        | Trouble::Authorization
        | Trouble::UnknownTopic
        | Trouble::NotEnoughReplicas
        | Trouble::Fenced
        | Trouble::Quota
        | Trouble::TooLarge
        | Trouble::Invalid => false,
    }
}

/// A broker that answers later than this is told of.
const SOON: Duration = Duration::from_secs(2);
/// A broker that was just started answers sooner.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
