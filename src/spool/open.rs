//! Opens the spool: finds out what waits and who we are, without Kafka's help.

use crate::lock::lock;
use crate::spool::append::admission::{Asked, Front};
use crate::spool::clock::{Clock, Moment, offset};
use crate::spool::commit::{self, Writing};
use crate::spool::lanes::extents::Extents;
use crate::spool::lanes::{Known, Lanes};
use crate::spool::log::Log;
use crate::spool::log::disk::{Access, Disk, RealDisk, private_file, private_folder};
use crate::spool::log::reader::Reader;
use crate::spool::log::recovery::{self, Depth, Survey};
use crate::spool::log::segment::{Fill, name_of};
use crate::spool::log::state::{Gone, State};
use crate::spool::settings::Settings;
use crate::spool::window::Slicing;
use crate::spool::window::filter::Renewed;
use crate::spool::window::recent::{self, Recent};
use crate::spool::window::slices::{self, OldIds, Slices};
use crate::spool::{
    Fault, Identity, Inner, LOCK, LOG, LaneId, LeavingSegments, Limits, Meters, ReadError, Run,
    SEGMENT_BYTES, Sealed, Spool, WINDOW, takeover, upkeep,
};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
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
    /// What to do when the log has lost what was acknowledged.
    pub loss: Loss,
    /// What is measured of each commit.
    pub meters: Meters,
}

/// What to do when acknowledged records are gone from the log.
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
    #[error("the spool's directory {} cannot be used", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Another process has it open.
    #[error("the spool in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// What it holds cannot be read.
    #[error("the spool in {} does not open", dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        #[source]
        cause: ReadError,
    },
    /// Acknowledged records are gone.
    #[error(
        "the spool in {} has lost records: {}. Restore the directory, or start with --accept-loss to go \
         on without what is gone",
        dir.display(),
        faults.iter().map(|fault| format!("{}: {}", fault.place, fault.fault)).collect::<Vec<_>>().join("; ")
    )]
    Lost {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        faults: Vec<Fault>,
    },
    /// A spool of the earlier format cannot be taken over.
    #[error("the spool in {}, of an earlier build, cannot be taken over", dir.display())]
    Takeover {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        #[source]
        cause: takeover::Error,
    },
}

impl Opening<'_> {
    /// Opens the spool and starts its threads.
    pub fn open(self) -> Result<Spool, OpenError> {
        let dir = self.settings.dir.clone();
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        private_folder(&dir).map_err(unusable)?;
        let lock = hold(&dir)?;
        let slicing = Slicing::of(self.window);
        takeover::run(&dir, self.loss)
            .map_err(|cause| OpenError::Takeover { dir: dir.clone(), cause })?;
        let disk = RealDisk::open(&dir.join(LOG), Access::Write).map_err(unusable)?;
        let (old_ids, window) = open_window(&dir, slicing)
            .map_err(|error| OpenError::Unreadable { dir: dir.clone(), cause: error.into() })?;
        let opened = self.assemble(Arc::new(disk), Arc::new(old_ids), SEGMENT_BYTES, Some(lock))?;
        if window == Window::New && opened.recovered_something {
            tracing::error!(
                event = "window_lost",
                "the window's store is not there; ids are remembered as far as the log reaches, and an \
                 older redelivery will be stored again"
            );
        }
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        start(&opened.inner, "spool-writer", commit::run).map_err(unusable)?;
        start(&opened.inner, "spool-upkeep", upkeep::run).map_err(unusable)?;
        Ok(Spool { inner: opened.inner })
    }

    /// Builds the spool on a disk. Starts no thread.
    pub(super) fn assemble(
        self,
        disk: Arc<dyn Disk>,
        old_ids: Arc<dyn OldIds>,
        segment_bytes: u64,
        held: Option<File>,
    ) -> Result<Opened, OpenError> {
        let dir = self.settings.dir.clone();
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        let depth = match self.loss {
            Loss::Refuse => Depth::Start { absorbed: old_ids.absorbed(), bytes: CHECKED_BYTES },
            Loss::Accept => Depth::Everything,
        };
        let survey = Survey::of(&*disk, depth).map_err(unusable)?;
        if !survey.losses.is_empty() && self.loss == Loss::Refuse {
            return Err(OpenError::Lost { dir, faults: survey.losses });
        }
        let unreadable = |cause| OpenError::Unreadable { dir: dir.clone(), cause };
        let found = tidy(&*disk, survey, self.loss).map_err(unusable)?;
        self.build(disk, old_ids, segment_bytes, held, found).map_err(unreadable)
    }

    fn build(
        self,
        disk: Arc<dyn Disk>,
        old_ids: Arc<dyn OldIds>,
        segment_bytes: u64,
        held: Option<File>,
        found: Found,
    ) -> Result<Opened, ReadError> {
        let Found { survey, gone, newest } = found;
        let state = survey.state.clone().unwrap_or_default();
        let recovered_something = survey.state.is_some();
        let absorbed = old_ids.absorbed();
        let next_sequence = survey.last.last_sequence.max(survey.acknowledged.sequence) + 1;
        let last = Moment { wall: survey.last.wall, steady: survey.last.steady };
        let clock = Clock::after((last.wall > 0).then_some(last));
        let now = clock.now();

        let mut recent = Recent::default();
        let mut extents = BTreeMap::new();
        let mut sealed = BTreeMap::new();
        let mut leaving = LeavingSegments { gone, ..LeavingSegments::default() };
        let mut segments = Vec::new();
        for one in survey.segments {
            let number = one.segment.number;
            let (first, last) = (one.seal.first, one.seal.last);
            extents.insert(number, one.seal.extents);
            segments.push(Arc::new(one.segment));
            match one.handover.filter(|_| number > absorbed) {
                Some(handover) => {
                    for (id, entry) in &handover.ids {
                        recent.insert(*id, recent::Known { entry: *entry, frame: last });
                    }
                    sealed.insert(number, Arc::new(Sealed { handover, first, last }));
                }
                None => drop(leaving.absorbed.insert(number, (first, last))),
            }
        }
        let log = Log::new(disk, segments, segment_bytes)?;
        // Upkeep adds what is laid out at its first round.
        let room = log.free().unwrap_or(0);
        let reader = Reader::new(leaving.gone.clone());
        let known = know_lanes(&log, &reader, &state, &survey.released, self.topics, &extents)?;
        let pending_bytes = known.iter().map(|lane| lane.pending_bytes).sum();
        let lanes = Lanes::new(known, extents, self.accounts);
        let quarantine = lanes.number(self.quarantine).expect("quarantine is one of the topics");
        let (identity, run) = identify(state, lanes.oldest_pending(), next_sequence);
        let state_bytes = State {
            instance: identity.instance.clone(),
            runs: identity.runs.clone(),
            lanes: lanes.states(),
            gone: leaving.gone.clone(),
        }
        .most_bytes();
        let number = newest.max(absorbed) + 1;
        let cursor = log.lay_out(number, state_bytes, Fill::Reserve)?;
        let filter = if old_ids.count() == 0 { Renewed::empty() } else { Renewed::default() };
        let inner = Arc::new(Inner {
            identity,
            run,
            limits: Limits {
                max_bytes: self.settings.max_bytes.0,
                disk_reserve: self.settings.reserve(),
            },
            clock,
            meters: self.meters,
            log,
            reader,
            front: Mutex::new(Front {
                committed_frame: survey.highest,
                taken_frame: survey.highest,
                recent,
                next_sequence,
                // Before anything is accepted, the run's name and its first sequence are stored.
                asked: Asked { state: true, ..Asked::default() },
                ..Front::default()
            }),
            work: Condvar::new(),
            writing: Mutex::new(Writing { cursor, is_short: false }),
            lanes: Mutex::new(lanes),
            committed: Condvar::new(),
            drain_woken: AtomicBool::new(false),
            quarantine,
            pending_bytes: AtomicU64::new(pending_bytes),
            last_sequence: AtomicU64::new(next_sequence - 1),
            unabsorbed: Mutex::default(),
            latest: AtomicU64::new(0),
            sealed: Mutex::new(sealed),
            full: Mutex::default(),
            next: Mutex::default(),
            leaving: Mutex::new(leaving),
            slicing: Slicing::of(self.window),
            old_ids,
            filter,
            room: AtomicU64::new(room),
            window_trouble: upkeep::Once::default(),
            absorbed: AtomicU64::new(0),
            active: AtomicU64::new(number),
            state_bytes,
            offset: AtomicI64::new(offset(now.wall, now.steady)),
            failed: watch::Sender::new(false),
            threads: Mutex::default(),
            tend: upkeep::Bell::default(),
            held,
        });
        if !commit::step(&inner) {
            return Err(io::Error::other("the first frame of this run cannot be written").into());
        }
        Ok(Opened { inner, recovered_something })
    }
}

/// A spool without its threads.
pub(super) struct Opened {
    pub(super) inner: Arc<Inner>,
    /// The directory was a spool before.
    pub(super) recovered_something: bool,
}

/// The log after a start has tidied it up.
struct Found {
    survey: Survey,
    gone: Gone,
    /// The highest number that a segment's file has.
    newest: u64,
}

/// Seals what the run before left open, and removes what is left over.
fn tidy(disk: &dyn Disk, mut survey: Survey, loss: Loss) -> io::Result<Found> {
    let mut gone = survey.state.clone().unwrap_or_default().gone;
    if !survey.losses.is_empty() {
        for fault in &survey.losses {
            tracing::error!(
                place = fault.place,
                fault.fault,
                "going on without lost records, as told"
            );
        }
        for gap in &survey.gaps {
            gone.add(gap.first, gap.last);
        }
        gone.add(survey.last.number + 1, survey.highest);
    }
    let numbers = survey.segments.iter().map(|found| found.segment.number);
    let newest =
        numbers.chain(survey.leftovers.iter().copied()).chain(survey.headless.iter().copied());
    let newest = newest.max().unwrap_or(0);
    for found in &mut survey.segments {
        if !found.is_sealed || (found.is_broken && loss == Loss::Accept) {
            found.segment.rewrite(found.seal.end)?;
            found.segment.seal(&found.seal)?;
        }
    }
    for number in &survey.headless {
        disk.rename(&name_of(*number), &format!("{}.lost", name_of(*number)))?;
    }
    for number in &survey.leftovers {
        disk.remove(&name_of(*number))?;
    }
    if loss == Loss::Accept {
        recovery::forget_suspects(disk)?;
    }
    disk.sync_names()?;
    Ok(Found { survey, gone, newest })
}

/// The lanes of former runs in their order, then those of topics that are new.
pub(super) fn know_lanes(
    log: &Log,
    reader: &Reader,
    state: &State,
    released: &BTreeMap<LaneId, u64>,
    topics: &[String],
    segments: &BTreeMap<u64, Extents>,
) -> Result<Vec<Known>, ReadError> {
    let mut names: Vec<&String> = state.lanes.iter().map(|lane| &lane.topic).collect();
    for topic in topics {
        if !names.contains(&topic) {
            names.push(topic);
        }
    }
    let mut known = Vec::new();
    for (topic, lane) in names.into_iter().zip((0_u16..).map(LaneId)) {
        let released = released.get(&lane).copied().unwrap_or(0);
        let mut waiting = Known { topic: topic.clone(), released, pending: 0, pending_bytes: 0 };
        for (number, segment) in segments {
            let Some(extent) = segment.extent(lane) else { continue };
            if released < extent.first {
                waiting.pending += extent.records;
                waiting.pending_bytes += extent.bytes;
            } else if released < extent.last {
                waiting.add_rest(log, reader, lane, *number, extent.last)?;
            }
        }
        reader.forget(lane);
        known.push(waiting);
    }
    Ok(known)
}

impl Known {
    /// Adds the part of a segment that waits: a release ended inside it.
    fn add_rest(
        &mut self,
        log: &Log,
        reader: &Reader,
        lane: LaneId,
        segment: u64,
        last: u64,
    ) -> Result<(), ReadError> {
        let mut after = self.released;
        while after < last {
            let Some(chunk) = reader.chunk_after(log, lane, after, segment)? else { break };
            for record in chunk.records().filter(|record| record.sequence > after) {
                self.pending += 1;
                self.pending_bytes += record.bytes.len() as u64;
            }
            after = chunk.last;
        }
        Ok(())
    }
}

/// Our name, and the runs that may have records here: of each former run with something pending.
fn identify(state: State, oldest_pending: Option<u64>, first: u64) -> (Identity, u64) {
    let instance = match state.instance.is_empty() {
        true => name_of_run(random_number()),
        false => state.instance,
    };
    let oldest_pending = oldest_pending.unwrap_or(first);
    let mut runs = state.runs;
    // A run is over where the next one begins.
    let over = runs.iter().skip(1).take_while(|next| next.first <= oldest_pending).count();
    runs.drain(..over);
    // A run that accepted nothing shares its first sequence with this one and is renamed by it.
    runs.retain(|run| run.first != first);
    let number = random_number();
    runs.push(Run { name: name_of_run(number), first });
    (Identity { instance, runs }, number)
}

/// Twelve hex digits.
fn name_of_run(number: u64) -> String {
    format!("{number:012x}")
}

/// Six random bytes, which no other name has.
fn random_number() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes[..6]).expect("the system gives random bytes");
    u64::from_le_bytes(bytes)
}

/// Holds the directory's lock.
pub(super) fn hold(dir: &Path) -> Result<File, OpenError> {
    let unusable = |cause| OpenError::Directory { dir: dir.to_owned(), cause };
    let lock = private_file(dir, LOCK).map_err(unusable)?;
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // A process that was forked a moment ago has it until it becomes another program.
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
    }
    Err(OpenError::InUse(dir.to_owned()))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Window {
    Found,
    New,
}

/// Opens the window's store. One that does not open is put aside: ids are worth less than a start.
fn open_window(dir: &Path, slicing: Slicing) -> Result<(Slices, Window), slices::Error> {
    let folder = dir.join(WINDOW);
    let was_there = folder.exists();
    // The store asserts some things of what it reads.
    let opened = std::panic::catch_unwind(|| Slices::open(&folder, slicing));
    let why = match opened {
        Ok(Ok(slices)) => {
            let window = if was_there { Window::Found } else { Window::New };
            return Ok((slices, window));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it was read to a panic".to_owned(),
    };
    let aside = dir.join(format!("{WINDOW}-damaged-{}", name_of_run(random_number())));
    tracing::error!(event = "window_damaged", why, aside = %aside.display(),
        "the window's store does not open and is put aside");
    std::fs::rename(&folder, &aside).map_err(fjall_io)?;
    Ok((Slices::open(&folder, slicing)?, Window::New))
}

fn fjall_io(error: io::Error) -> slices::Error {
    slices::Error::Unreadable(error)
}

fn start(inner: &Arc<Inner>, name: &str, run: fn(&Inner)) -> io::Result<()> {
    let shared = Arc::clone(inner);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared))?;
    lock(&inner.threads).push(thread);
    Ok(())
}

/// Half a second.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How much of the sealed segments a start reads to see whether they are whole: a tenth of a second.
const CHECKED_BYTES: u64 = 256 << 20;
