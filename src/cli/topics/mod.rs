//! `cadrelay topics plan|apply`: lists the needed topics, and creates the missing ones.
//!
//! # Promises
//! - `plan` changes nothing. `apply` creates missing topics and touches no other: a second run does
//!   nothing.
//! - A topic that differs is shown with the command that would change it; only a person runs it.
//! - One topic in trouble hides no other.

mod drift;
mod row;

use crate::cli::check::unreachable;
use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, note};
use crate::cli::topics::row::{ROWS, Row, State};
use crate::event::provider::Provider;
use crate::kafka::outcome::Trouble;
use crate::kafka::settings::Settings;
use crate::kafka::topics::{self, Inspector, Needed, needed};
use std::io;
use std::time::Duration;

/// List the needed topics, and create those that are missing
///
/// Without a file and without CADRELAY__KAFKA__… in the environment, a running `cadrelay dev` is
/// asked. Existing topics are never changed: a difference from the configuration is shown, with the
/// command of Kafka's own tools that would remove it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the topics that are missing or different; changes nothing
    Plan(Shown),
    /// Create the topics that are missing; changes no other
    Apply(Shown),
}

#[derive(Debug, clap::Args)]
struct Shown {
    #[command(flatten)]
    config: ConfigFile,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

/// The action for a missing topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Missing {
    Tell,
    Make,
}

impl Args {
    /// Prints a row for each topic, with its differences.
    pub async fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::Plan(shown) => shown.run(Missing::Tell).await,
            Command::Apply(shown) => shown.run(Missing::Make).await,
        }
    }
}

impl Shown {
    async fn run(self, missing: Missing) -> Result<Exit, Failure> {
        let (kafka, used) = match self.config.dev() {
            Some(dev) => (dev, Provider::ALL.to_vec()),
            None => {
                let config = self.config.read()?;
                let used = Provider::among(config.sources.iter().map(|source| source.provider));
                (config.kafka, used)
            }
        };
        let cluster = Cluster::new(kafka)?;
        let mut rows = Vec::new();
        for topic in needed(&cluster.settings, &used) {
            rows.push(cluster.row(&topic, missing).await?);
        }
        let format = self.output.unwrap_or_else(|| Format::default_of(&io::stdout()));
        format.list(ROWS, &rows)?;
        rows.iter().flat_map(Row::remarks).for_each(|remark| note(&remark));
        Ok(rows.iter().fold(Exit::Done, |exit, row| exit.or(row.exit())))
    }
}

/// The cluster that the configuration names.
struct Cluster {
    settings: Settings,
    inspector: Inspector,
}

impl Cluster {
    fn new(settings: Settings) -> Result<Self, Failure> {
        let inspector =
            Inspector::new(&settings).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { settings, inspector })
    }

    /// The state of a topic. An error concerns the cluster and not the topic.
    async fn row(&self, topic: &Needed, missing: Missing) -> Result<Row, Failure> {
        let refused = |trouble| unreachable(&self.settings.brokers, trouble);
        match self.inspector.look(&topic.name, PATIENCE).map_err(refused)? {
            topics::TopicState::Ready { partitions } => self.found(topic, partitions).await,
            topics::TopicState::Troubled(Trouble::UnknownTopic) => match missing {
                Missing::Tell => Ok(Row::unfound(topic, State::Missing)),
                Missing::Make => self.made(topic).await,
            },
            topics::TopicState::Troubled(trouble) => Ok(Row::troubled(topic, trouble)),
        }
    }

    async fn found(&self, topic: &Needed, partitions: i32) -> Result<Row, Failure> {
        match self.inspector.properties(&topic.name, PATIENCE).await {
            Ok(properties) => {
                Ok(Row::found(topic, partitions, &properties, &self.settings.brokers))
            }
            // The permission to write does not include the one to read settings.
            Err(Trouble::Authorization) => {
                Ok(Row::unread(topic, partitions, &self.settings.brokers))
            }
            Err(trouble) => Err(unreachable(&self.settings.brokers, trouble)),
        }
    }

    async fn made(&self, topic: &Needed) -> Result<Row, Failure> {
        match self.inspector.make(topic, self.settings.replication, PATIENCE).await {
            Ok(()) => Ok(Row::unfound(topic, State::Made)),
            Err(trouble @ (Trouble::Transport | Trouble::Authentication)) => {
                Err(unreachable(&self.settings.brokers, trouble))
            }
            Err(trouble) => Ok(Row::troubled(topic, trouble)),
        }
    }
}

/// A cluster that is up answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
