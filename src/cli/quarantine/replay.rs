//! `quarantine replay`: replays records through the admin listener of the running relay.

use super::reasons;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Layout, note};
use crate::cli::relay::{Running, Which};
use crate::cli::webhook::terminal::ask;
use crate::http::admin::quarantine::{self, MAX_RECORDS, Replay, Replays};
use crate::quarantine::{Listing, Row};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::io::{self, IsTerminal};

/// Put records through the relay again, after their cause was removed
///
/// The relay must be running. A body that it now understands is published under the event's own id
/// and the time at which it was received, once, however often it is replayed. A body that it still
/// does not understand stays where it is, and the exit code is 1. The records stay in the topic
/// either way.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["id", "reason", "all"]))]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Only records with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only records that are there for this reason
    #[arg(long, value_parser = reasons())]
    reason: Option<String>,
    /// All records
    #[arg(long)]
    all: bool,
    /// Of these, only records that came to this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Tell the result for each record, without doing anything
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Replays the records one after the other, oldest first.
    pub async fn run(self) -> Result<Exit, Failure> {
        let running = self.which.running(&self.which.config()?)?;
        let records = self.find(&running).await?;
        if records.is_empty()
            && let Some(id) = &self.id
        {
            let message = format!("{id:?} is not in quarantine");
            return Err(Failure { exit: Exit::NotFound, message });
        }
        if !records.is_empty() && !self.may_go_on(records.len())? {
            note("Nothing was replayed.");
            return Ok(Exit::Failed);
        }
        let mut replays = Vec::with_capacity(records.len());
        let mut failure = None;
        for row in records {
            match self.replay(&running, &row).await {
                Ok(done) => replays.extend(done),
                // Retention has removed it meanwhile.
                Err(failure) if failure.exit == Exit::NotFound => replays.push(gone(row)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.tell(&replays)?;
        match failure {
            Some(failure) => Err(failure),
            None if replays.iter().all(is_out) => Ok(Exit::Done),
            None => Ok(Exit::Failed),
        }
    }

    async fn find(&self, running: &Running) -> Result<Vec<Row>, Failure> {
        let filters = [("id", &self.id), ("reason", &self.reason), ("source", &self.source)];
        let limit = ("limit", MAX_RECORDS.to_string());
        let query: Vec<_> = filters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .chain([limit])
            .collect();
        let listing: Listing = running.get("/api/quarantine", &query).await?;
        if listing.left_out > 0 {
            let all = listing.left_out + listing.records.len();
            return Err(Failure::usage(format!(
                "{all} records are too many at once; choose with --reason and --source"
            )));
        }
        Ok(listing.records)
    }

    fn may_go_on(&self, records: usize) -> Result<bool, Failure> {
        if self.yes || self.dry_run {
            return Ok(true);
        }
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            let answer = ask(&format!("Replay {records}? [y/N] "))?;
            return Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"));
        }
        // If nobody can be asked, naming one record is consent enough.
        match self.id {
            Some(_) => Ok(true),
            None => Err(Failure::usage(format!("{records} would be replayed; say --yes"))),
        }
    }

    async fn replay(&self, running: &Running, row: &Row) -> Result<Vec<Replay>, Failure> {
        let id = utf8_percent_encode(&row.id, NON_ALPHANUMERIC);
        let which = quarantine::Which {
            source: Some(row.source.clone()),
            partition: Some(row.partition),
            offset: Some(row.offset),
            dry_run: self.dry_run,
        };
        let request = running.request(Method::POST, &format!("/api/quarantine/{id}/replay"));
        Ok(running.answer::<Replays>(request.query(&which)).await?.replays)
    }

    fn tell(&self, replays: &[Replay]) -> io::Result<()> {
        let format = self.output.unwrap_or_else(|| Format::default_of(&io::stdout()));
        format.list(REPLAYS, replays)?;
        let count = |outcome: &str| replays.iter().filter(|it| it.outcome == outcome).count();
        let (published, duplicate) = (count("published"), count("duplicate"));
        let rest = replays.len() - published - duplicate;
        let would = if self.dry_run { "would be " } else { "" };
        note(&format!("{would}published: {published}, duplicate: {duplicate}, neither: {rest}"));
        Ok(())
    }
}

fn is_out(replay: &Replay) -> bool {
    matches!(replay.outcome.as_str(), "published" | "duplicate")
}

fn gone(row: Row) -> Replay {
    Replay {
        id: row.id,
        source: row.source,
        partition: row.partition,
        offset: row.offset,
        outcome: "gone".to_owned(),
        reason: None,
        event_id: None,
    }
}

const REPLAYS: Layout = Layout {
    keys: &["id", "source", "partition", "offset", "outcome", "reason", "eventId"],
    table: &["source", "id", "outcome", "reason", "eventId"],
    empty: "nothing to replay",
};
