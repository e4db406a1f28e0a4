//! Takes over a spool of the earlier format, once, at the first start of this build.
//!
//! That format kept records and ids in one fjall database, `store`. The waiting records are written
//! into a new log; the database itself becomes the window's store, because its slices of ids are
//! the same.
//!
//! # Promises
//! - Nothing is lost: waiting records, their sequences, ids, runs, the released sequence of each
//!   lane, and the places of records.
//! - After a kill at any moment the next start continues: the new log counts only when it is
//!   complete and has its name, and until then the old database is not changed.

pub mod earlier;

use crate::spool::lanes::chunk::Chunk;
use crate::spool::log::acknowledged::Acknowledgement;
use crate::spool::log::disk::{Access, RealDisk};
use crate::spool::log::frame::{Head, Kind, Section};
use crate::spool::log::segment::Fill;
use crate::spool::log::state::{InstanceState, LaneState};
use crate::spool::log::{Cursor, Log};
use crate::spool::takeover::earlier::Earlier;
use crate::spool::{LOG, LaneId, Loss, Run, SEGMENT_BYTES, WINDOW};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// The reason why a spool is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The old database does not open.
    #[error("its store does not open: {0}")]
    Store(#[from] fjall::Error),
    /// Its content is not what was written.
    #[error("its store is damaged: {0}")]
    Damaged(String),
    /// Acknowledged records are gone from it.
    #[error(
        "it has lost records: {acknowledged} were acknowledged and its store ends at {stored}; restore the \
         directory, or start with --accept-loss to go on without the last {}",
        acknowledged - stored
    )]
    Lost {
        /// The last sequence that was acknowledged.
        acknowledged: u64,
        /// The last sequence that is stored.
        stored: u64,
    },
    /// A new log cannot be written.
    #[error("a new log cannot be written: {0}")]
    System(#[from] io::Error),
    /// There is a log, and also an old database with a window beside it.
    #[error("there are both a log and a store of the earlier format; put one of them away")]
    Both,
}

/// Takes over the spool in a directory, if it has the earlier format.
pub fn run(dir: &Path, loss: Loss) -> Result<(), Error> {
    let (store, window, log) = (dir.join(STORE), dir.join(WINDOW), dir.join(LOG));
    if !store.exists() {
        return Ok(());
    }
    if !log.exists() {
        tracing::info!(event = "takeover", dir = %dir.display(),
            "taking over the spool of an earlier build");
        write_log(dir, &store, loss)?;
        fs::rename(dir.join(UNFINISHED), &log)?;
        File::open(dir)?.sync_all()?;
    }
    if window.exists() {
        return Err(Error::Both);
    }
    fs::rename(&store, &window)?;
    File::open(dir)?.sync_all()?;
    for name in ["mark", "journals"] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Writes the waiting records into a log that does not have its name yet.
fn write_log(dir: &Path, store: &Path, loss: Loss) -> Result<(), Error> {
    let folder = dir.join(UNFINISHED);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let earlier = Earlier::open(store)?;
    let stored = earlier.last_sequence()?;
    let acknowledged = earlier::acknowledged(dir)?;
    if acknowledged > stored && loss == Loss::Refuse {
        return Err(Error::Lost { acknowledged, stored });
    }
    let released = earlier.released()?;
    let lanes = earlier.lanes()?.into_iter().map(|(lane, topic)| LaneState {
        topic,
        released: released.get(&lane).copied().unwrap_or(0),
    });
    let state = InstanceState {
        instance: earlier.instance()?,
        runs: earlier.runs()?.into_iter().map(|(first, name)| Run { name, first }).collect(),
        lanes: lanes.collect(),
        ..InstanceState::default()
    };
    let mut writing = Writing::begin(&folder, stored.max(acknowledged), state.section())?;
    for segment in earlier.segments() {
        let chunks = earlier.chunks(segment)?;
        for (lane, chunk) in chunks {
            if chunk.last > released.get(&lane).copied().unwrap_or(0) {
                writing.add(lane, chunk)?;
            }
        }
    }
    writing.end()?;
    Ok(())
}

/// A log that is being written.
struct Writing {
    log: Log,
    cursor: Cursor,
    last: Head,
    state: Section,
    sections: Vec<Section>,
    bytes: u64,
    /// The last sequence written, by lane.
    reached: BTreeMap<LaneId, u64>,
}

impl Writing {
    fn begin(folder: &Path, last_sequence: u64, state: Section) -> Result<Self, Error> {
        let disk = Arc::new(RealDisk::open(folder, Access::Write)?);
        let log = Log::new(disk, [], Acknowledgement::default(), SEGMENT_BYTES)?;
        let cursor = log.lay_out(1, FRAME_BYTES, Fill::Reserve)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(0);
        let last = Head { number: 0, last_sequence, wall: now, steady: now, run: 0 };
        let (sections, bytes) = (vec![state.clone()], 0);
        Ok(Self { log, cursor, last, state, sections, bytes, reached: BTreeMap::new() })
    }

    fn add(&mut self, lane: LaneId, chunk: Chunk) -> Result<(), Error> {
        let before = self.reached.insert(lane, chunk.last).unwrap_or(0);
        if before >= chunk.last {
            return Err(Error::Damaged(format!("record {} comes after {before}", chunk.last)));
        }
        let bytes = chunk.as_bytes().clone();
        if self.bytes + bytes.len() as u64 > FRAME_BYTES {
            self.commit()?;
        }
        self.bytes += bytes.len() as u64;
        self.sections.push(Section { kind: Kind::Records, lane, bytes });
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        let bytes = self.bytes + SPARE_BYTES;
        if !self.cursor.takes(bytes) {
            self.cursor = self.log.lay_out(self.cursor.segment() + 1, bytes, Fill::Reserve)?;
            self.sections.insert(0, self.state.clone());
        }
        self.last.number += 1;
        self.log.commit(&mut self.cursor, self.last, std::mem::take(&mut self.sections))?;
        self.bytes = 0;
        Ok(())
    }

    fn end(mut self) -> Result<(), Error> {
        self.commit()?;
        let Head { number: frame, last_sequence: sequence, .. } = self.last;
        self.log.acknowledge(Acknowledgement { frame, sequence })?;
        self.log.sync_acknowledged()?;
        Ok(self.log.sync_names()?)
    }
}

/// The earlier format's database.
const STORE: &str = "store";
/// The new log until it is complete.
const UNFINISHED: &str = "log-unfinished";
/// The size of a frame of the new log.
const FRAME_BYTES: u64 = 1 << 20;
/// More than a frame's head and the state take.
const SPARE_BYTES: u64 = 256 << 10;
