//! `cadrelay explain ID`: the life of one event, from the ids that the spool remembers.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Layout};
use crate::cli::relay::{Found, Which};
use crate::http::admin::events::life::{EventLife, Lives, MOST_DELIVERIES};
use crate::recent::Left;
use crate::recent::filter::Filter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::io;

/// Tell the life of one event: when it was accepted, and where it is now
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of an event or of a quarantined body: `id` in the receipt, `ce_id` in Kafka
    id: String,
    #[command(flatten)]
    which: Which,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Looks for the id at every configured source.
    pub async fn run(self) -> Result<Exit, Failure> {
        let config = self.which.config()?;
        let unknown = || Failure {
            exit: Exit::NotFound,
            message: format!(
                "{:?} is not remembered: it never came, or longer ago than dedup.window ({})",
                self.id, config.dedup.window
            ),
        };
        let lives = match self.which.find(&config)?? {
            Found::Stopped(stopped) => {
                let sources = config.sources.iter().map(|source| source.name.as_str());
                let quarantine = config.kafka.topic_names().quarantine();
                let lives = stopped.look().lives(sources, &self.id, &quarantine)?;
                let recent = Left::look(config.spool.recent())?;
                let page = recent.search(&Filter::of_id(&self.id), None, MOST_DELIVERIES)?;
                lives.into_iter().map(|life| EventLife::from_page(life, &page)).collect()
            }
            Found::Running(running) => {
                let id = utf8_percent_encode(&self.id, NON_ALPHANUMERIC);
                match running.get::<Lives>(&format!("/api/events/{id}"), &[]).await {
                    Ok(lives) => lives.events,
                    Err(failure) if failure.exit == Exit::NotFound => return Err(unknown()),
                    Err(failure) => return Err(failure),
                }
            }
        };
        if lives.is_empty() {
            return Err(unknown());
        }
        let format = self.output.unwrap_or_else(|| Format::default_of(&io::stdout()));
        match &lives[..] {
            [life] if format == Format::Table => format.object(LIVES.keys, life)?,
            lives => format.list(LIVES, lives)?,
        }
        Ok(Exit::Done)
    }
}

const LIVES: Layout = Layout {
    keys: &[
        "id",
        "source",
        "state",
        "acceptedAt",
        "sequence",
        "topic",
        "partition",
        "offset",
        "reason",
        "refusedBy",
        "event",
        "group",
        "subject",
        "document",
        "webhookId",
        "verified",
        "occurredAt",
        "duplicates",
        "deliveries",
    ],
    table: &[
        "source",
        "state",
        "acceptedAt",
        "sequence",
        "topic",
        "partition",
        "offset",
        "duplicates",
        "reason",
    ],
    empty: "nothing is remembered",
};
