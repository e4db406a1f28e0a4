//! Opens the spool: finds out what waits and who we are, without Kafka's help.

use crate::spool::journals::Journals;
use crate::spool::lanes::{Known, Lanes, extent_of};
use crate::spool::segments::{Extent, Segment};
use crate::spool::settings::Settings;
use crate::spool::store::{self, Store};
use crate::spool::verdict::Fault;
use crate::spool::window::Slicing;
use crate::spool::{
    Front, Identity, Inner, Limits, Meters, Run, Spool, State, lock, mark, tending, writer,
};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What a spool is opened with.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Where, and how much.
    pub settings: &'a Settings,
    /// How long ids are remembered.
    pub window: Duration,
    /// The topics that records may be for; each gets a lane.
    pub topics: &'a [String],
    /// The topic that takes what Kafka refuses for good; one of `topics`.
    pub quarantine: &'a str,
    /// How many accounts submissions are counted in.
    pub accounts: usize,
    /// What to do when the store ends before what was acknowledged.
    pub loss: Loss,
    /// What is measured of each commit.
    pub meters: Meters,
}

/// What to do when acknowledged records are gone from the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Do not start.
    Refuse,
    /// An operator has read how many are gone and goes on without them.
    Accept,
}

/// Why the spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or used.
    #[error("the spool's directory {dir} cannot be used")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The store does not open.
    #[error("the spool in {dir} does not open")]
    Store {
        /// The directory.
        dir: PathBuf,
        /// What the store says.
        #[source]
        cause: store::Error,
    },
    /// Acknowledged records are gone.
    #[error(
        "the spool in {dir} has lost records: {acknowledged} were acknowledged and the store ends at \
         {stored}. Restore the directory, or start with --accept-loss to go on without the last {}",
        acknowledged - stored
    )]
    Lost {
        /// The directory.
        dir: PathBuf,
        /// The last sequence that was acknowledged.
        acknowledged: u64,
        /// The last sequence that is there.
        stored: u64,
    },
    /// A journal of the store is not as it was written.
    #[error(
        "the spool in {dir} has lost records: {}: {}. Restore the directory, or start with \
         --accept-loss to go on without what is gone",
        gap.place, gap.fault
    )]
    Gap {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        gap: Fault,
    },
}

impl Opening<'_> {
    /// Opens the spool and starts its threads.
    pub fn open(self) -> Result<Spool, OpenError> {
        let dir = &self.settings.dir;
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        let broken = |cause| OpenError::Store { dir: dir.clone(), cause };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let home = dir.join("store");
        let journals = Journals::look(dir).map_err(unusable)?;
        if let Some(gap) = journals.gap.clone().filter(|_| self.loss == Loss::Refuse) {
            // While another process writes them, its journals are no sight to judge by.
            let in_use = store::is_open(&home).map_err(unusable)?;
            return Err(match in_use {
                true => broken(store::Error::InUse),
                false => OpenError::Gap { dir: dir.clone(), gap },
            });
        }
        let store = Store::open(&home).map_err(broken)?;
        if let Some(gap) = &journals.gap {
            tracing::error!(place = gap.place, gap.fault, "going on without lost records, as told");
            journals.accept(store.last_batch()).map_err(unusable)?;
        }
        let mark = mark::Mark::open(dir).map_err(unusable)?;
        let stored = store.last_sequence().map_err(broken)?;
        let acknowledged = mark.sequence();
        if acknowledged > stored {
            if self.loss == Loss::Refuse {
                return Err(OpenError::Lost { dir: dir.clone(), acknowledged, stored });
            }
            tracing::error!(acknowledged, stored, "going on without lost records, as told");
        }
        self.assemble(store, mark, stored.max(acknowledged)).map_err(broken)
    }

    fn assemble(self, store: Store, mark: mark::Mark, last: u64) -> Result<Spool, store::Error> {
        let segments = read_segments(&store)?;
        let known = know_lanes(&store, self.topics, &segments)?;
        let pending_bytes = known.iter().map(|lane| lane.pending_bytes).sum();
        let identity = identify(&store, &segments, &known, last + 1)?;
        let active = segments.keys().last().map_or(1, |number| number + 1);
        store.open_segment(active)?;
        let lanes = Lanes::new(known, segments, self.accounts);
        let quarantine = lanes.number(self.quarantine).unwrap_or(0);
        let inner = Arc::new(Inner {
            slicing: Slicing::of(self.window),
            identity,
            limits: Limits {
                max_bytes: self.settings.max_bytes.0,
                disk_reserve: self.settings.reserve(),
            },
            front: Mutex::new(Front {
                pending_bytes,
                next_sequence: last + 1,
                state: State::Open,
                ..Front::default()
            }),
            work: Condvar::new(),
            lanes: Mutex::new(lanes),
            committed: Condvar::new(),
            drain_woken: AtomicBool::new(false),
            quarantine,
            epoch: AtomicU64::new(0),
            disk_low: AtomicBool::new(false),
            active_segment: AtomicU64::new(active),
            slice: AtomicU64::new(u64::MAX),
            latest: AtomicU64::new(0),
            last_sequence: AtomicU64::new(last),
            mark,
            meters: self.meters,
            failed: watch::Sender::new(false),
            threads: Mutex::default(),
            tend: tending::Bell::new(self.settings.dir.clone()),
            store,
        });
        start(&inner, "spool-writer", writer::run)?;
        start(&inner, "spool-tending", tending::run)?;
        Ok(Spool { inner })
    }
}

fn start(inner: &Arc<Inner>, name: &str, run: fn(&Inner)) -> Result<(), store::Error> {
    let shared = Arc::clone(inner);
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(&shared))
        .map_err(|error| store::Error::Failed(error.into()))?;
    lock(&inner.threads).push(thread);
    Ok(())
}

/// What each segment holds: noted when it was full, else read.
pub(super) fn read_segments(store: &Store) -> Result<BTreeMap<u64, Segment>, store::Error> {
    let mut segments = BTreeMap::new();
    for number in store.segments() {
        let segment = match store.summary(number)? {
            Some(summary) => summary,
            None => {
                let mut segment = Segment::default();
                for chunk in store.chunks(number)? {
                    let (lane, chunk) = chunk?;
                    segment.add(lane, extent_of(&chunk));
                }
                store.note_summary(number, &segment)?;
                segment
            }
        };
        segments.insert(number, segment);
    }
    Ok(segments)
}

/// The lanes of former runs in their order, then those of topics that are new.
pub(super) fn know_lanes(
    store: &Store,
    topics: &[String],
    segments: &BTreeMap<u64, Segment>,
) -> Result<Vec<Known>, store::Error> {
    let mut names: Vec<String> = store.lanes()?.into_iter().map(|(_, topic)| topic).collect();
    for topic in topics {
        if !names.contains(topic) {
            store.add_lane(names.len() as u16, topic)?;
            names.push(topic.clone());
        }
    }
    let released = store.released()?;
    let mut known = Vec::new();
    for (topic, lane) in names.into_iter().zip(0_u16..) {
        let released = released.get(&lane).copied().unwrap_or(0);
        let mut waiting = Known { topic, released, pending: 0, pending_bytes: 0 };
        for (number, segment) in segments {
            let extents = segment.extents().filter(|(of, _)| *of == lane);
            for (_, extent) in extents {
                let rest = waiting_part(store, *number, lane, extent, released)?;
                waiting.pending += rest.records;
                waiting.pending_bytes += rest.bytes;
            }
        }
        known.push(waiting);
    }
    Ok(known)
}

/// The part of a lane's records in a segment that waits. Read only if a release ended inside it.
fn waiting_part(
    store: &Store,
    segment: u64,
    lane: u16,
    extent: Extent,
    released: u64,
) -> Result<Extent, store::Error> {
    if released < extent.first {
        return Ok(extent);
    }
    let mut rest = Extent { records: 0, bytes: 0, ..extent };
    if released >= extent.last {
        return Ok(rest);
    }
    for chunk in store.chunks(segment)? {
        let (of, chunk) = chunk?;
        for record in chunk.records().filter(|record| of == lane && record.sequence > released) {
            rest.records += 1;
            rest.bytes += record.bytes.len() as u64;
        }
    }
    Ok(rest)
}

/// Our name, and the runs that may have records here: of each former run with something pending.
fn identify(
    store: &Store,
    segments: &BTreeMap<u64, Segment>,
    known: &[Known],
    first: u64,
) -> Result<Identity, store::Error> {
    let instance = match store.instance()? {
        Some(name) => name,
        None => {
            let name = random_name();
            store.name_instance(&name)?;
            name
        }
    };
    let oldest_pending = segments
        .values()
        .flat_map(Segment::extents)
        .filter(|(lane, extent)| extent.last > known[usize::from(*lane)].released)
        .map(|(_, extent)| extent.first)
        .min()
        .unwrap_or(first);
    let mut runs: Vec<Run> =
        store.runs()?.into_iter().map(|(first, name)| Run { name, first }).collect();
    // A run is over where the next one begins.
    let over = runs.iter().skip(1).take_while(|next| next.first <= oldest_pending).count();
    for run in runs.drain(..over) {
        store.forget_run(run.first)?;
    }
    // A run that accepted nothing shares its first sequence with this one and is renamed by it.
    runs.retain(|run| run.first != first);
    let run = Run { name: random_name(), first };
    store.begin_run(run.first, &run.name)?;
    runs.push(run);
    Ok(Identity { instance, runs })
}

/// Twelve hex digits that no other name has.
fn random_name() -> String {
    let mut bytes = [0; 6];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    hex::encode(bytes)
}
