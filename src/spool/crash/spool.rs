//! Opens the spool on a disk in memory, and lists its content.

use crate::quantity::ByteSize;
use crate::record::layout::{Parts, Record};
use crate::spool::crash::old_ids::OldInMemory;
use crate::spool::lanes::Gate;
use crate::spool::log::disk::memory::MemoryDisk;
use crate::spool::settings::Settings;
use crate::spool::window::IdKey;
use crate::spool::{Account, CommitMeters, LaneId, Loss, OpenError, Opening, Spool, Submission};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Opens the spool on a disk, without its threads.
pub(in crate::spool) fn open(disk: &MemoryDisk, old_ids: OldInMemory) -> Result<Spool, OpenError> {
    thread_local! {
        static METERS: CommitMeters = {
            let histogram = |name: &str| {
                prometheus::Histogram::with_opts(prometheus::HistogramOpts::new(name, name)).unwrap()
            };
            CommitMeters { commit_duration: histogram("duration"), commit_records: histogram("records") }
        };
    }
    let settings = Settings {
        dir: PathBuf::from("spool"),
        max_bytes: ByteSize(64 << 20),
        disk_reserve: ByteSize(0),
    };
    let topics = ["a", "b", "quarantine"].map(str::to_owned);
    let opening = Opening {
        settings: &settings,
        window: Duration::from_secs(72 * 3600),
        topics: &topics,
        quarantine: "quarantine",
        accounts: 1,
        gate: Gate::Open,
        loss: Loss::Refuse,
        meters: METERS.with(CommitMeters::clone),
    };
    let opened =
        opening.assemble(Arc::new(disk.clone()), Arc::new(old_ids), SEGMENT_BYTES, None)?;
    Ok(Spool { inner: opened.inner })
}

pub(in crate::spool) fn look(spool: &Spool) -> Result<Found, String> {
    let mut lanes = Vec::new();
    for lane in (0..LANES as u16).map(LaneId) {
        let mut records = Vec::new();
        for rest in spool.records_after(lane, spool.released(lane)) {
            for record in rest.map_err(|error| error.to_string())?.records() {
                let parts = Parts::read(record.bytes).map_err(|_| "a record is not whole")?;
                let id = parts.value.first().copied().map_or(0, u64::from);
                if parts.value != value(id) {
                    return Err(format!("record {} is not what was stored", record.sequence));
                }
                records.push((record.sequence, id));
            }
        }
        lanes.push(records);
    }
    let pending: u64 = spool.books().lanes.iter().map(|lane| lane.pending).sum();
    if pending != lanes.iter().map(|lane| lane.len() as u64).sum::<u64>() {
        return Err(format!("{pending} records are said to wait, not {lanes:?}"));
    }
    let ids = KEYS.with(|keys| keys.iter().map(|key| spool.remembers(key, NOW)).collect());
    let released = (0..LANES as u16).map(|lane| spool.released(LaneId(lane))).collect();
    Ok(Found { lanes, released, ids })
}

/// The content of a spool.
pub(in crate::spool) struct Found {
    pub(in crate::spool) lanes: Vec<Vec<(u64, u64)>>,
    pub(in crate::spool) released: Vec<u64>,
    pub(in crate::spool) ids: Vec<bool>,
}

thread_local! {
    static KEYS: Vec<IdKey> = (0..IDS).map(key).collect();
}

fn key(id: u64) -> IdKey {
    IdKey::of_id("source", &id.to_string())
}

/// Up to four sectors, all filled with one byte.
pub(in crate::spool) fn value(id: u64) -> Vec<u8> {
    vec![id as u8; 1 + (id * 397 % 1900) as usize]
}

pub(in crate::spool) fn submission(id: u64, lane: u16) -> Submission {
    let mut record = Record::builder("key", 64);
    record.sequence_header("ce_sequence").value().extend_from_slice(&value(id));
    Submission {
        id: KEYS.with(|keys| keys[id as usize]),
        fact: None,
        lane: LaneId(lane),
        record: record.finish(),
        account: Account(0),
        now: NOW,
    }
}

const NOW: u64 = 1_790_000_000_000;

/// The number of lanes that the spool is opened with.
pub(in crate::spool) const LANES: usize = 3;

pub(super) const IDS: u64 = 120;

/// Room for some ten commits.
const SEGMENT_BYTES: u64 = 20 << 10;
