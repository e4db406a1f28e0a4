//! `cadrelay check`: finds every fault of a configuration, without starting anything.

use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{note, print};
use crate::config::{Config, Resolved};
use crate::kafka::outcome::Trouble;
use crate::kafka::topics::{Inspector, TopicState};
use crate::printable;
use crate::shared::{self, Target};
use crate::veil;
use std::time::Duration;

/// Flags of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Also try whether Kafka takes our connection, and Redis if replicas share one
    #[arg(long)]
    connect: bool,
}

impl Args {
    /// Checks, and reports the faults and warnings.
    pub async fn run(self) -> Result<Exit, Failure> {
        let Resolved { config, sources, shared, warnings, .. } = self.config.resolve()?;
        for warning in warnings {
            note(&format!("warning: {warning}"));
        }
        let sources = sources.len();
        if self.connect {
            let brokers = config.kafka.brokers.clone();
            let positions = tokio::task::spawn_blocking(move || connect(&config))
                .await
                .map_err(|error| Failure::failed(error.to_string()))??;
            print(&printable::lines(&format!("kafka at {brokers} answers; {positions}")))?;
            if let Some(target) = shared {
                share(&target).await?;
                let address = target.connector.address();
                print(&printable::lines(&format!(
                    "redis at {address} answers, and runs our scripts"
                )))?;
            }
        }
        let sources = match sources {
            1 => "1 source".to_owned(),
            several => format!("{several} sources"),
        };
        print(&format!("the configuration is sound: {sources}"))?;
        Ok(Exit::Done)
    }
}

/// Claims an id that no event has, and gives it back.
async fn share(target: &Target) -> Result<(), Failure> {
    shared::try_out(target, CONNECT).await.map_err(|trouble| {
        let exit = match trouble {
            shared::trouble::Trouble::Authentication | shared::trouble::Trouble::Authorization => {
                Exit::Credentials
            }
            _ => Exit::Remote,
        };
        let address = target.connector.address();
        Failure { exit, message: format!("dedup.shared = \"{address}\": {}", trouble.as_str()) }
    })
}

fn connect(config: &Config) -> Result<String, Failure> {
    let topic = config.kafka.topic_names().positions();
    let state = Inspector::new(&config.kafka)
        .map_err(|error| Failure::usage(error.to_string()))?
        .look(&topic, CONNECT)
        .map_err(|trouble| unreachable(&config.kafka.brokers, trouble))?;
    match state {
        TopicState::Ready { .. } => Ok(format!("the topic {topic} is there")),
        TopicState::Troubled(Trouble::UnknownTopic) if config.kafka.create_topics => {
            Ok(format!("the topic {topic} will be made"))
        }
        TopicState::Troubled(trouble) => Err(unreachable(&config.kafka.brokers, trouble)),
    }
}

/// The failure of a command to which Kafka gave no answer, or a refusal.
pub fn unreachable(brokers: &str, trouble: Trouble) -> Failure {
    let message = format!("kafka.brokers = {:?}: {}", veil::brokers(brokers), trouble.told());
    Failure { exit: Exit::from(trouble), message }
}

const CONNECT: Duration = Duration::from_secs(10);
