//! A spool without a relay around it.

use cadrelay::quantity::ByteSize;
use cadrelay::record::layout::Record;
use cadrelay::spool::settings::Settings;
use cadrelay::spool::window::IdKey;
use cadrelay::spool::{
    Account, Appended, CommitMeters, LaneId, Loss, OpenError, Opening, ReadError, Spool, Submission,
};
use prometheus::{Histogram, HistogramOpts};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The content of a spool.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// The sequences that wait, by lane.
    pub waiting: [Vec<u64>; LANES],
    /// The ids that it remembers.
    pub ids: BTreeSet<u64>,
}

/// The reason why a spool was not read to its end.
#[derive(Debug)]
#[expect(dead_code, reason = "shown by a test that fails")]
pub enum Refused {
    Opening(OpenError),
    Reading(String),
}

/// Opens the spool in a directory.
pub fn open(dir: &Path) -> Result<Spool, OpenError> {
    open_accepting(dir, Loss::Refuse)
}

/// The same, going on without what is lost or not.
pub fn open_accepting(dir: &Path, loss: Loss) -> Result<Spool, OpenError> {
    let settings =
        Settings { dir: dir.to_owned(), max_bytes: ByteSize(1 << 30), disk_reserve: ByteSize(0) };
    let histogram = |name: &str| {
        Histogram::with_opts(HistogramOpts::new(name, name)).expect("the name is legal")
    };
    Opening {
        settings: &settings,
        window: WINDOW,
        topics: &["a", "b", "quarantine"].map(str::to_owned),
        quarantine: "quarantine",
        accounts: 1,
        gate: cadrelay::spool::lanes::Gate::Open,
        loss,
        meters: CommitMeters {
            commit_duration: histogram("duration"),
            commit_records: histogram("records"),
        },
    }
    .open()
}

/// The submission stored under an id.
pub fn submission(id: u64, lane: u16, bytes: usize) -> Submission {
    let mut record = Record::builder("key", bytes + 64);
    record.sequence_header("ce_sequence").value().resize(bytes, id as u8);
    Submission {
        id: key(id),
        fact: None,
        lane: LaneId(lane),
        record: record.finish(),
        account: Account(0),
        now: NOW,
    }
}

/// Stores a new record and waits for its sequence.
pub async fn append(spool: &Spool, id: u64, lane: u16, bytes: usize) -> u64 {
    match spool.append(submission(id, lane, bytes)).await {
        Ok(Appended::New { sequence }) => sequence,
        other => panic!("{id} was not stored: {other:?}"),
    }
}

/// Opens a spool, reads all that waits, asks for these ids, and closes it.
pub fn read(dir: &Path, ids: impl Iterator<Item = u64>) -> Result<Found, Refused> {
    let spool = open(dir).map_err(Refused::Opening)?;
    let found = look(&spool, ids);
    spool.close();
    found
}

/// Reads all that waits and asks for these ids.
pub fn look(spool: &Spool, ids: impl Iterator<Item = u64>) -> Result<Found, Refused> {
    let broken = |error: ReadError| Refused::Reading(error.to_string());
    let mut found = Found::default();
    for (waiting, lane) in found.waiting.iter_mut().zip((0_u16..).map(LaneId)) {
        let mut after = spool.released(lane);
        while let Some(chunk) = spool.chunk_after(lane, after).map_err(broken)? {
            let sequences = chunk.records().map(|record| record.sequence);
            waiting.extend(sequences.filter(|sequence| *sequence > after));
            after = chunk.last;
        }
    }
    for id in ids {
        if spool.find(&key(id)).map_err(broken)?.is_some() {
            found.ids.insert(id);
        }
    }
    Ok(found)
}

/// Copies the files of a spool that is closed.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

fn key(id: u64) -> IdKey {
    IdKey::of_id("source", &id.to_string())
}

/// Two for records, one for what is quarantined.
pub const LANES: usize = 3;
const NOW: u64 = 1_790_000_000_000;
const WINDOW: Duration = Duration::from_secs(72 * 3600);
