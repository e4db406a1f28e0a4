//! `cadrelay spool stat|list|verify|hand-over`: lists and verifies the records that wait, and hands
//! them over.

use crate::cli::check::unreachable;
use crate::cli::colour::Colour;
use crate::cli::exit::{Exit, Failure};
use crate::cli::hand_over;
use crate::cli::output::{Format, Layout, print};
use crate::cli::relay::{Found, Running, Which};
use crate::http::admin::inspect::{MAX_RECORDS, Records};
use crate::kafka::outcome::Trouble;
use crate::kafka::positions::{self, Positions};
use crate::kafka::readers::Readers;
use crate::kafka::settings::{Delivery, Settings};
use crate::spool::inspect::offline::Error;
use crate::spool::inspect::verify::Verification;
use crate::spool::inspect::{PendingRecord, Stat};
use std::io;
use std::time::Duration;

/// Inspect the records that wait for Kafka.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the spool's instance, and how much waits for each topic
    Stat(Shown),
    /// List the records that wait, oldest first
    List {
        #[command(flatten)]
        shown: Shown,
        /// Only those for this topic
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        /// At most this many, up to 10000
        #[arg(long, value_name = "N", default_value = "100")]
        limit: usize,
    },
    /// Read everything, and exit 1 if there is a fault
    Verify {
        #[command(flatten)]
        shown: Shown,
        /// Also compare each lane's released position with the one in Kafka
        #[arg(long)]
        connect: bool,
    },
    /// Publish the records left on the disk of a relay that will not come back
    HandOver(hand_over::Args),
}

#[derive(Debug, clap::Args)]
struct Shown {
    #[command(flatten)]
    which: Which,
    /// The form of output [default: table on a terminal, else json]
    #[arg(long, value_enum)]
    output: Option<Format>,
}

impl Args {
    /// Runs the command and shows its result.
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        match self.command {
            Command::Stat(shown) => shown.stat().await,
            Command::List { shown, topic, limit } => shown.list(topic, limit).await,
            Command::Verify { shown, connect } => shown.verify(connect).await,
            Command::HandOver(args) => args.run(colour).await,
        }
    }
}

impl Shown {
    async fn stat(self) -> Result<Exit, Failure> {
        let config = self.which.config()?;
        let stat = stat(&self.which.find(&config)??).await?;
        let format = self.format();
        format.object(if format == Format::Table { &STAT[..7] } else { &STAT }, &stat)?;
        if format == Format::Table {
            print("\n")?;
            format.list(LANES, &stat.lanes)?;
        }
        Ok(Exit::Done)
    }

    async fn list(self, topic: Option<String>, limit: usize) -> Result<Exit, Failure> {
        let config = self.which.config()?;
        let limit = limit.min(MAX_RECORDS);
        let records: Vec<PendingRecord> = match self.which.find(&config)?? {
            Found::Stopped(stopped) => stopped.look().pending(topic.as_deref(), limit)?,
            Found::Running(running) => {
                let topic = topic.map(|topic| ("topic", topic));
                let query: Vec<_> =
                    topic.into_iter().chain([("limit", limit.to_string())]).collect();
                running.get::<Records>("/api/spool/records", &query).await?.records
            }
        };
        self.format().list(RECORDS, &records)?;
        Ok(Exit::Done)
    }

    async fn verify(self, connect: bool) -> Result<Exit, Failure> {
        let config = self.which.config()?;
        let verdict = match self.which.find(&config)? {
            Err(Error::Damaged(fault)) => {
                Verification { faults: vec![fault], ..Verification::default() }
            }
            Err(error) => return Err(error.into()),
            Ok(found) => {
                let compared = match connect {
                    // Kafka comes second, because its positions only grow in the meantime.
                    true => Some(compare(&stat(&found).await?, &config.kafka).await?),
                    false => None,
                };
                let mut verdict = read(found).await?;
                verdict.faults.extend(compared.into_iter().flat_map(|compared| compared.faults));
                verdict
            }
        };
        let format = self.format();
        format.object(if format == Format::Table { &VERDICT[..6] } else { &VERDICT }, &verdict)?;
        if format == Format::Table {
            print("\n")?;
            format.list(FAULTS, &verdict.faults)?;
        }
        Ok(if verdict.is_sound() { Exit::Done } else { Exit::Failed })
    }

    fn format(&self) -> Format {
        self.output.unwrap_or_else(|| Format::default_of(&io::stdout()))
    }
}

async fn stat(found: &Found) -> Result<Stat, Failure> {
    match found {
        Found::Stopped(stopped) => Ok(stopped.look().stat()?),
        Found::Running(running) => running.get("/api/spool/stat", &[]).await,
    }
}

async fn read(found: Found) -> Result<Verification, Failure> {
    let stopped = match found {
        Found::Running(running) => return verdict_of(&running).await,
        Found::Stopped(stopped) => stopped,
    };
    let reading = tokio::task::spawn_blocking(move || stopped.look().verify());
    // The store's crate may panic on data that it did not write.
    Ok(reading.await.unwrap_or_else(|error| {
        let mut verdict = Verification::default();
        verdict.add("store", format!("cannot be read to its end: {error}"));
        verdict
    }))
}

async fn verdict_of(running: &Running) -> Result<Verification, Failure> {
    running.get("/api/spool/verify", &[]).await
}

/// Compares each lane's released position in the spool with the one committed in Kafka.
async fn compare(stat: &Stat, settings: &Settings) -> Result<Verification, Failure> {
    if settings.delivery == Delivery::AtLeastOnce {
        return Err(Failure::usage("kafka.delivery = \"at-least-once\" keeps no positions"));
    }
    let (kafka, instance) = (settings.clone(), stat.instance.clone());
    let read = move || {
        let readers = Readers::open(&kafka).map_err(|_| Trouble::Fatal)?;
        positions::read(&kafka, &instance, &readers, PATIENCE)
    };
    let held = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?
        .map_err(|trouble| unreachable(&settings.brokers, trouble))?;
    Ok(disagreement(stat, &held.positions))
}

/// Finds the lanes whose position in Kafka does not fit the spool. The position of a run counts
/// that run's records of a topic that are in Kafka.
fn disagreement(stat: &Stat, positions: &Positions) -> Verification {
    let mut verdict = Verification::default();
    let ends = stat.runs.iter().skip(1).map(|next| next.first - 1).chain([stat.last_sequence]);
    for (run, end) in stat.runs.iter().zip(ends) {
        for lane in &stat.lanes {
            let position = positions.get(&(run.name.clone(), lane.topic.clone())).copied();
            let place = format!("kafka: {}/{}/{}", stat.instance, run.name, lane.topic);
            if let Some(position) = position.filter(|position| *position > end) {
                let fault = format!("{position} is committed, and the run's records end at {end}");
                verdict.add(place, fault);
            } else if (run.first..=end).contains(&lane.released)
                && position.is_none_or(|position| position < lane.released)
            {
                let position = position.map_or("nothing".to_owned(), |at| at.to_string());
                let fault = format!("{} is out of the spool, {position} committed", lane.released);
                verdict.add(place, fault);
            }
        }
    }
    verdict
}

const STAT: [&str; 9] = [
    "instance",
    "run",
    "lastSequence",
    "pending",
    "pendingBytes",
    "ids",
    "diskBytes",
    "lanes",
    "runs",
];
const LANES: Layout = Layout {
    keys: &["topic", "pending", "bytes", "oldest", "released"],
    table: &["topic", "pending", "bytes", "oldest", "released"],
    empty: "no lanes",
};
const RECORDS: Layout = Layout {
    keys: &["sequence", "topic", "key", "id", "committedAt", "bytes"],
    table: &["sequence", "topic", "key", "id", "committedAt", "bytes"],
    empty: "nothing waits",
};
const VERDICT: [&str; 7] =
    ["segments", "chunks", "records", "ids", "lastSequence", "acknowledged", "faults"];
const FAULTS: Layout =
    Layout { keys: &["place", "fault"], table: &["place", "fault"], empty: "everything is sound" };
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::inspect::{LaneStat, RunStat};

    /// Two runs, 1 to 10 and 11 to 20, and one lane that is released up to 15.
    #[track_caller]
    fn check(positions: &[(&str, u64)], expected: &[&str]) {
        let run = |name: &str, first| RunStat { name: name.to_owned(), first };
        let lane =
            LaneStat { topic: "t".to_owned(), pending: 5, bytes: 500, oldest: None, released: 15 };
        let stat = Stat {
            instance: "i".to_owned(),
            run: "b".to_owned(),
            last_sequence: 20,
            pending: 5,
            pending_bytes: 500,
            ids: 20,
            disk_bytes: 1,
            lanes: vec![lane],
            runs: vec![run("a", 1), run("b", 11)],
        };
        let positions = positions
            .iter()
            .map(|(run, sequence)| (((*run).to_owned(), "t".to_owned()), *sequence))
            .collect();

        let faults = disagreement(&stat, &positions).faults;

        let said: Vec<_> = faults.iter().map(|fault| fault.fault.as_str()).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn positions_that_are_not_behind_what_is_out_nor_past_what_was_stored_agree() {
        check(&[("a", 10), ("b", 15)], &[]);
        check(&[("b", 20)], &[]);
        check(&[("a", 10), ("b", 14)], &["15 is out of the spool, 14 committed"]);
        check(&[("a", 10)], &["15 is out of the spool, nothing committed"]);
        check(&[("b", 21)], &["21 is committed, and the run's records end at 20"]);
        check(&[("a", 11), ("b", 15)], &["11 is committed, and the run's records end at 10"]);
    }
}
