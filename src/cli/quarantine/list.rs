//! `quarantine list`: lists the quarantine topic.

use super::reasons;
use crate::cli::check::unreachable;
use crate::cli::configured::WhichKafka;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Layout, note};
use crate::kafka::quarantine::Reader;
use crate::quarantine::{self, Wanted};
use std::io;

/// List the quarantine topic, the newest record last. Reads Kafka alone; no relay needs to run
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    kafka: WhichKafka,
    /// Only records that are there for this reason
    #[arg(long, value_parser = reasons())]
    reason: Option<String>,
    /// Only records that came to this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only records with this id: `sha256:` and the hash of the body, or the event's id if Kafka
    /// refused it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// At most this many records, the newest
    #[arg(long, value_name = "N", default_value = "100")]
    limit: usize,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Lists the matching records.
    pub async fn run(self) -> Result<Exit, Failure> {
        let settings = self.kafka.settings()?;
        let wanted = Wanted { reason: self.reason, source: self.source, id: self.id };
        let brokers = settings.brokers.clone();
        let listing = tokio::task::spawn_blocking(move || {
            let reader = Reader::open(&settings);
            let reader = reader.map_err(|error| Failure::usage(error.to_string()))?;
            quarantine::list(&reader, &wanted, self.limit)
                .map_err(|trouble| unreachable(&brokers, trouble))
        })
        .await
        .map_err(|error| Failure::failed(error.to_string()))??;
        let format = self.output.unwrap_or_else(|| Format::default_of(&io::stdout()));
        format.list(ROWS, &listing.records)?;
        if listing.left_out > 0 {
            note(&format!("{} older ones are not shown; see --limit", listing.left_out));
        }
        if listing.unreadable > 0 {
            note(&format!("{} records of the topic are not a relay's", listing.unreadable));
        }
        Ok(Exit::Done)
    }
}

const ROWS: Layout = Layout {
    keys: &[
        "id",
        "source",
        "provider",
        "reason",
        "receivedAt",
        "partition",
        "offset",
        "bytes",
        "verified",
        "event",
        "group",
        "refusedBy",
    ],
    table: &["receivedAt", "reason", "source", "id", "event", "partition", "offset", "bytes"],
    empty: "quarantine is empty",
};
