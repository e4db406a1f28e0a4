//! `cadrelay explain ID|DOCUMENT`: the life of one event, from the ids that the spool remembers, or
//! the last events of a document, from the recent decisions.

mod document;

use crate::cli::exit::{Exit, Failure};
use crate::cli::explain::document::Found as OfDocument;
use crate::cli::output::{Format, Layout, note};
use crate::cli::relay::{Found, Which};
use crate::config::Config;
use crate::http::admin::events::life::{EventLife, Lives, MOST_DELIVERIES};
use crate::recent::Left;
use crate::recent::filter::Filter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::io;

/// Tell the life of one event, or the last events of a document
///
/// An id is looked up among those of dedup.window: when the event was accepted, and where it is
/// now. If no event has it, it is taken for a document (or another Kafka key), and the last 20
/// recent decisions on it are listed, newest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of an event or of a quarantined body (`id` in the receipt, `ce_id` in Kafka), or a
    /// document
    #[arg(value_name = "ID|DOCUMENT")]
    id: String,
    #[command(flatten)]
    which: Which,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Looks for the id at every configured source, then for the document.
    pub async fn run(self) -> Result<Exit, Failure> {
        let config = self.which.config()?;
        let (lives, found) = match self.which.find(&config)?? {
            Found::Stopped(stopped) => {
                let sources = || config.sources.iter().map(|source| source.name.as_str());
                let quarantine = config.kafka.topic_names().quarantine();
                let lives = stopped.look().lives(sources(), &self.id, &quarantine)?;
                let recent = Left::look(config.spool.recent())?;
                let page = recent.search(&Filter::of_id(&self.id), None, MOST_DELIVERIES)?;
                let lives: Vec<_> =
                    lives.into_iter().map(|life| EventLife::from_page(life, &page)).collect();
                let found = match lives.is_empty() {
                    false => None,
                    true => {
                        let look = stopped.look();
                        let life = |source: &str, id: &str| {
                            look.lives([source], id, &quarantine).ok()?.pop()
                        };
                        Some(OfDocument::left(&recent, &self.id, life)?)
                    }
                };
                (lives, found)
            }
            Found::Running(running) => {
                let id = utf8_percent_encode(&self.id, NON_ALPHANUMERIC);
                match running.get::<Lives>(&format!("/api/events/{id}"), &[]).await {
                    Ok(lives) => (lives.events, None),
                    Err(failure) if failure.exit == Exit::NotFound => {
                        (Vec::new(), Some(OfDocument::asked(&running, &self.id).await?))
                    }
                    Err(failure) => return Err(failure),
                }
            }
        };
        let format = self.output.unwrap_or_else(|| Format::default_of(&io::stdout()));
        match (&lives[..], found) {
            ([life], _) if format == Format::Table => format.object(LIVES.keys, life)?,
            (_, None) => format.list(LIVES, &lives)?,
            (_, Some(found)) if found.events.is_empty() => {
                return Err(self.unknown(&config, &found));
            }
            (_, Some(found)) => {
                let older = if found.next.is_some() { "; the console has older ones" } else { "" };
                let id = &self.id;
                note(&format!(
                    "no event has the id {id:?}; the last events of this document{older}:"
                ));
                format.list(document::ROWS, &found.events)?;
            }
        }
        Ok(Exit::Done)
    }

    /// The failure for what is neither an id nor a document, with what was searched.
    fn unknown(&self, config: &Config, found: &OfDocument) -> Failure {
        let back_to = match found.oldest {
            Some(oldest) => format!("the recent decisions, back to {oldest:.3}"),
            None => "the recent decisions, of which there are none".to_owned(),
        };
        let message = format!(
            "{:?} is not known: no event of dedup.window ({}) has this id, and {back_to}, have no \
             event of such a document",
            self.id, config.dedup.window
        );
        Failure { exit: Exit::NotFound, message }
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
