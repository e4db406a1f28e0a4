//! `cadrelay topics plan|apply`: which topics are needed, and making them.

use crate::cli::check::unreachable;
use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::event::provider::Provider;
use crate::kafka::outcome::Trouble;
use crate::kafka::topics::{Inspector, Needed, State, needed};
use serde::Serialize;
use std::time::Duration;

/// Flags of `topics`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show which topics are missing or different; changes nothing
    Plan(ConfigFile),
    /// Make the topics that are missing
    Apply(ConfigFile),
}

#[derive(Serialize)]
struct Row {
    topic: String,
    state: &'static str,
    partitions: i32,
}

impl Args {
    /// Runs it, one line of JSON a topic.
    pub async fn run(self) -> Result<Exit, Failure> {
        let (Command::Plan(args) | Command::Apply(args)) = &self.command;
        let config = args.read()?;
        let used: Vec<Provider> = Provider::ALL
            .into_iter()
            .filter(|provider| config.sources.iter().any(|source| source.provider == *provider))
            .collect();
        let kafka = config.kafka;
        let inspector =
            Inspector::new(&kafka).map_err(|error| Failure::usage(error.to_string()))?;
        let refused = |trouble| unreachable(&kafka.brokers, trouble);
        for topic in needed(&kafka, &used) {
            let state = inspector.look(&topic.name, PATIENCE).map_err(refused)?;
            let state = match (state, &self.command) {
                (State::Ready { partitions }, _) if partitions == topic.partitions => "there",
                (State::Ready { .. }, _) => "different",
                (State::Troubled(Trouble::UnknownTopic), Command::Plan(_)) => "missing",
                (State::Troubled(Trouble::UnknownTopic), Command::Apply(_)) => {
                    make(&inspector, &topic, kafka.replication).await.map_err(refused)?
                }
                (State::Troubled(trouble), _) => return Err(refused(trouble)),
            };
            let row = Row { topic: topic.name, state, partitions: topic.partitions };
            println!("{}", serde_json::to_string(&row).expect("a row is JSON"));
        }
        Ok(Exit::Done)
    }
}

async fn make(
    inspector: &Inspector,
    topic: &Needed,
    replication: Option<i32>,
) -> Result<&'static str, Trouble> {
    inspector.make(topic, replication, PATIENCE).await.map(|()| "made")
}

const PATIENCE: Duration = Duration::from_secs(10);
