//! The spool's crash model: at each change of the disk it opens the spool on what a power cut may leave,
//! and judges that.
//!
//! # Promises
//! - What was acknowledged is there, in its lane's order, once; what was not is there whole or not at all.
//! - An id is remembered if and only if its record was stored.
//! - No start is refused.
//! - A call that fails ends acceptance only if it writes or syncs a segment of the log.

use crate::lock::lock;
use crate::quantity::ByteSize;
use crate::record::layout::{Parts, Record};
use crate::spool::append::admission::{Asked, State, Waiting};
use crate::spool::append::ticket::Ticket;
use crate::spool::lanes::Leaving;
use crate::spool::log::disk::memory::{Chance, Errno, Failure, Kind, Luck, MemoryDisk};
use crate::spool::log::segment::number_of;
use crate::spool::notes::{Elsewhere, Place};
use crate::spool::planted::{self, Planted};
use crate::spool::settings::Settings;
use crate::spool::upkeep::Upkeep;
use crate::spool::window::slices::{self, Handover, OldIds};
use crate::spool::window::{Entry, IdKey};
use crate::spool::{
    Account, Appended, Error, LaneId, Loss, Meters, OpenError, Opening, Spool, Submission, commit,
    upkeep,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn no_crash_loses_or_doubles_what_was_acknowledged_in_100_000_states() {
    assert_eq!(search(100_000, None), None);
}

/// Takes an hour in a release build.
#[test]
#[ignore = "ten million states"]
fn no_crash_loses_or_doubles_what_was_acknowledged_in_ten_million_states() {
    assert_eq!(search(10_000_000, None), None);
}

#[test]
fn an_answer_before_the_sync_is_found() {
    let found = search(20_000, Some(Planted::AnswerBeforeSync)).expect("it is found");
    assert!(found.contains("was acknowledged and is gone"), "{found}");
}

#[test]
fn a_segment_that_is_removed_before_a_frame_says_so_is_found() {
    let found = search(20_000, Some(Planted::RemovalBeforeItsNote)).expect("it is found");
    assert!(found.contains("missing before it"), "{found}");
}

#[test]
fn an_id_that_is_absorbed_before_it_is_durable_is_found() {
    let found = search(20_000, Some(Planted::AbsorbedBeforeDurable)).expect("it is found");
    assert!(found.contains("is remembered without its record"), "{found}");
}

/// Runs scripts until so many crash states were judged. What is wrong, if anything is.
fn search(states: u64, fault: Option<Planted>) -> Option<String> {
    let judged = AtomicU64::new(0);
    let seed = AtomicU64::new(0);
    let wrong = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                planted::plant(fault);
                while judged.load(Ordering::Relaxed) < states && lock(&wrong).is_none() {
                    let seed = seed.fetch_add(1, Ordering::Relaxed);
                    let world = World::new(seed);
                    world.play();
                    world.disk.watch(None);
                    judged.fetch_add(world.states.load(Ordering::Relaxed), Ordering::Relaxed);
                    if let Some(found) = lock(&world.wrong).take() {
                        lock(&wrong).get_or_insert(format!("seed {seed}: {found}"));
                    }
                }
            });
        }
    });
    println!("{} crash states, {} scripts", judged.into_inner(), seed.into_inner());
    wrong.into_inner().unwrap()
}

/// One script, and what may be expected of the disk at each moment of it.
struct World {
    disk: MemoryDisk,
    old_ids: OldInMemory,
    chance: Mutex<Chance>,
    expected: Mutex<Expected>,
    states: AtomicU64,
    wrong: Mutex<Option<String>>,
}

#[derive(Default)]
struct Expected {
    attempts: Vec<Attempt>,
    repeats: Vec<(u64, Ticket)>,
    /// How far each lane was released at most.
    released: [u64; LANES],
}

/// A record that is or may be stored.
struct Attempt {
    id: u64,
    lane: u16,
    sequence: u64,
    fate: Fate,
}

enum Fate {
    Stored,
    Waiting(Ticket),
    /// Its commit failed: it is there or not.
    Unknown,
}

impl Attempt {
    fn is_acknowledged(&self) -> bool {
        match &self.fate {
            Fate::Stored => true,
            Fate::Waiting(ticket) => ticket.outcome().is_some_and(|outcome| outcome.is_ok()),
            Fate::Unknown => false,
        }
    }
}

/// What a spool holds.
struct Found {
    lanes: Vec<Vec<(u64, u64)>>,
    released: Vec<u64>,
    ids: Vec<bool>,
}

impl World {
    fn new(seed: u64) -> Arc<Self> {
        let disk = MemoryDisk::default();
        let world = Arc::new(Self {
            old_ids: OldInMemory { ids: Arc::default(), disk: disk.clone() },
            disk,
            chance: Mutex::new(Chance(seed << 20)),
            expected: Mutex::default(),
            states: AtomicU64::new(0),
            wrong: Mutex::default(),
        });
        let watched = Arc::clone(&world);
        world.disk.watch(Some(Arc::new(move || watched.crash())));
        world
    }

    fn below(&self, most: u64) -> u64 {
        lock(&self.chance).below(most)
    }

    fn say(&self, wrong: String) {
        lock(&self.wrong).get_or_insert(wrong);
    }

    fn play(&self) {
        let fails = self.below(3) == 0;
        let mut spool = None;
        let mut upkeep = Upkeep::default();
        for _ in 0..STEPS {
            if lock(&self.wrong).is_some() {
                return;
            }
            if fails && self.below(10) == 0 {
                self.disk.fail(Some(self.failure()));
            }
            let Some(open) = &spool else {
                spool = self.start();
                upkeep = Upkeep::default();
                continue;
            };
            match self.below(20) {
                0..8 => self.append(open),
                8..12 => self.release(open),
                12..17 => upkeep::step(&open.inner, &mut upkeep),
                17 => {
                    lock(&open.inner.front).asked.leave = true;
                    commit::step(&open.inner);
                }
                18 => {
                    lock(&open.inner.front).asked = Asked { notes: true, ..Asked::default() };
                    commit::step(&open.inner);
                }
                _ => spool = None,
            }
            self.judge_acceptance(spool.as_ref());
            if spool.as_ref().is_some_and(|open| lock(&open.inner.front).state == State::Failed) {
                spool = None;
            }
        }
        self.disk.fail(None);
        if let Some(open) = spool {
            self.recover(&open, &mut upkeep);
        }
    }

    fn failure(&self) -> Failure {
        let error = match self.below(3) {
            0 => Errno::Broken,
            1 => Errno::NoRoom,
            _ => Errno::NoDescriptor,
        };
        let calls = if error == Errno::Broken { 1 } else { 1 + self.below(40) };
        Failure { after: 1 + self.below(30), calls, error }
    }

    /// A live process that no call fails any more stores again, soon.
    fn recover(&self, open: &Spool, upkeep: &mut Upkeep) {
        for _ in 0..MOST_ROUNDS {
            upkeep::step(&open.inner, upkeep);
            commit::step(&open.inner);
            if open.readiness().is_ok() {
                return;
            }
        }
        self.say(format!("nothing is accepted any more: {:?}", open.readiness()));
    }

    fn judge_acceptance(&self, spool: Option<&Spool>) {
        let Some(open) = spool else { return };
        if lock(&open.inner.front).state != State::Failed {
            return;
        }
        let failed = self.disk.failed();
        let is_of_the_log = failed.iter().any(|call| {
            matches!(call.kind, Kind::Write | Kind::Extend | Kind::Sync)
                && number_of(&call.name).is_some()
        });
        if !is_of_the_log {
            self.say(format!("acceptance ended, and what failed is {failed:?}"));
        }
    }

    /// Starts a process on the disk, which had none or whose last was killed.
    fn start(&self) -> Option<Spool> {
        {
            let mut expected = lock(&self.expected);
            expected.repeats.clear();
            for attempt in &mut expected.attempts {
                attempt.fate = match attempt.is_acknowledged() {
                    true => Fate::Stored,
                    false => Fate::Unknown,
                };
            }
        }
        let spool = match open(&self.disk, self.old_ids.clone()) {
            Ok(spool) => spool,
            Err(error) => {
                let failed = self.disk.failed();
                if failed.is_empty() || matches!(error, OpenError::Lost { .. }) {
                    self.say(format!("a start is refused: {error}, after {failed:?}"));
                }
                // Whoever starts it anew does so once the disk works.
                self.disk.fail(None);
                return None;
            }
        };
        self.disk.fail(None);
        match look(&spool) {
            Ok(found) => {
                let mut expected = lock(&self.expected);
                if let Err(wrong) = expected.judge(&found) {
                    self.say(format!("after a restart: {wrong}"));
                }
                expected.attempts.retain(|attempt| {
                    matches!(attempt.fate, Fate::Stored)
                        || found.lanes[usize::from(attempt.lane)]
                            .contains(&(attempt.sequence, attempt.id))
                });
                expected.attempts.iter_mut().for_each(|attempt| attempt.fate = Fate::Stored);
            }
            Err(wrong) => self.say(format!("after a restart: {wrong}")),
        }
        Some(spool)
    }

    fn append(&self, spool: &Spool) {
        for _ in 0..=self.below(3) {
            let (id, lane) = (self.below(IDS), self.below(2) as u16);
            let waiting = spool.inner.append(submission(id, lane));
            let mut expected = lock(&self.expected);
            match waiting {
                Ok(Waiting::Done(_)) => {
                    let is_stored = |known: &Attempt| known.id == id && known.is_acknowledged();
                    if !expected.attempts.iter().any(is_stored) {
                        self.say(format!("id {id} is called a repeat and was not stored"));
                    }
                }
                Ok(Waiting::ForCommit(ticket)) => match ticket.appended() {
                    Appended::New { sequence } => {
                        if expected.attempts.iter().any(|known| known.id == id) {
                            self.say(format!("id {id} is stored twice"));
                        }
                        let fate = Fate::Waiting(ticket);
                        expected.attempts.push(Attempt { id, lane, sequence, fate });
                    }
                    Appended::Duplicate => expected.repeats.push((id, ticket)),
                },
                Err(Error::Full | Error::DiskLow | Error::Failed | Error::Closing) => {}
            }
        }
        commit::step(&spool.inner);
        let mut expected = lock(&self.expected);
        expected.repeats.clear();
        expected.attempts.retain_mut(|attempt| {
            let Fate::Waiting(ticket) = &attempt.fate else { return true };
            match ticket.outcome() {
                Some(Ok(_)) => attempt.fate = Fate::Stored,
                Some(Err(Error::DiskLow)) => return false,
                Some(Err(_)) | None => attempt.fate = Fate::Unknown,
            }
            true
        });
    }

    fn release(&self, spool: &Spool) {
        let lane = LaneId(self.below(2) as u16);
        let after = spool.released(lane);
        let Ok(Some(chunk)) = spool.chunk_after(lane, after) else { return };
        let records: Vec<_> = chunk.records().filter(|record| record.sequence > after).collect();
        let Some(last) = records.last() else { return };
        let leaving = Leaving {
            through: last.sequence,
            published: records.len() as u64,
            quarantined: 0,
            bytes: records.iter().map(|record| record.bytes.len() as u64).sum(),
        };
        let place = |sequence| Place { sequence, partition: 0, offset: 7 };
        let places: Vec<_> = records.iter().map(|record| place(record.sequence)).collect();
        lock(&self.expected).released[lane.index()] = leaving.through;
        spool.release(lane, leaving, &places).expect("a release is a note in memory");
    }

    /// Cuts the power at this moment, in thought.
    fn crash(&self) {
        if lock(&self.wrong).is_some() {
            return;
        }
        let luck = [Luck::Nothing, Luck::Everything, Luck::Prefix, Luck::Any];
        let lucks = if self.disk.is_unsynced() { &luck[..] } else { &luck[..1] };
        for luck in lucks {
            let image = self.disk.image(*luck, &mut lock(&self.chance));
            let ids = Arc::new(Mutex::new(Arc::clone(&lock(&self.old_ids.ids))));
            let old_ids = OldInMemory { ids, disk: image.clone() };
            self.states.fetch_add(1, Ordering::Relaxed);
            let judged = open(&image, old_ids)
                .map_err(|error| error.to_string())
                .and_then(|spool| look(&spool))
                .and_then(|found| lock(&self.expected).judge(&found));
            if let Err(wrong) = judged {
                self.say(format!("{luck:?}: {wrong}"));
            }
        }
    }
}

impl Expected {
    fn judge(&self, found: &Found) -> Result<(), String> {
        let mut known = 0;
        let mut stored = vec![false; IDS as usize];
        for attempt in &self.attempts {
            let Attempt { id, lane, sequence, .. } = *attempt;
            let lane = usize::from(lane);
            let waits = found.lanes[lane].binary_search(&(sequence, id)).is_ok();
            known += usize::from(waits);
            let is_acknowledged = attempt.is_acknowledged() || self.acknowledges_repeat(id);
            if is_acknowledged && !waits && found.released[lane] < sequence {
                return Err(format!("record {sequence} was acknowledged and is gone"));
            }
            stored[id as usize] |= waits || is_acknowledged;
        }
        for lane in 0..LANES {
            if !found.lanes[lane].is_sorted_by(|one, next| one.0 < next.0) {
                return Err(format!("lane {lane} is not in order: {:?}", found.lanes[lane]));
            }
            if found.released[lane] > self.released[lane] {
                return Err(format!("lane {lane} is released too far"));
            }
        }
        if known != found.lanes.iter().map(Vec::len).sum::<usize>() {
            return Err("something waits that nobody stored".to_owned());
        }
        for (id, (is_stored, is_remembered)) in stored.iter().zip(&found.ids).enumerate() {
            match (is_stored, is_remembered) {
                (true, false) => return Err(format!("id {id} is stored and forgotten")),
                (false, true) => return Err(format!("id {id} is remembered without its record")),
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }

    fn acknowledges_repeat(&self, id: u64) -> bool {
        let is_told = |ticket: &Ticket| ticket.outcome().is_some_and(|outcome| outcome.is_ok());
        self.repeats.iter().any(|(repeat, ticket)| *repeat == id && is_told(ticket))
    }
}

/// Opens the spool on a disk, without its threads.
fn open(disk: &MemoryDisk, old_ids: OldInMemory) -> Result<Spool, OpenError> {
    thread_local! {
        static METERS: Meters = {
            let histogram = |name: &str| {
                prometheus::Histogram::with_opts(prometheus::HistogramOpts::new(name, name)).unwrap()
            };
            Meters { commit_duration: histogram("duration"), commit_records: histogram("records") }
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
        loss: Loss::Refuse,
        meters: METERS.with(Meters::clone),
    };
    let opened =
        opening.assemble(Arc::new(disk.clone()), Arc::new(old_ids), SEGMENT_BYTES, None)?;
    Ok(Spool { inner: opened.inner })
}

fn look(spool: &Spool) -> Result<Found, String> {
    let mut lanes = Vec::new();
    for lane in (0..LANES as u16).map(LaneId) {
        let (mut records, mut after) = (Vec::new(), spool.released(lane));
        while let Some(chunk) = spool.chunk_after(lane, after).map_err(|error| error.to_string())? {
            for record in chunk.records().filter(|record| record.sequence > after) {
                let parts = Parts::read(record.bytes).map_err(|_| "a record is not whole")?;
                let id = parts.value.first().copied().map_or(0, u64::from);
                if parts.value != value(id) {
                    return Err(format!("record {} is not what was stored", record.sequence));
                }
                records.push((record.sequence, id));
            }
            after = chunk.last;
        }
        lanes.push(records);
    }
    let pending: u64 = spool.books().lanes.iter().map(|lane| lane.pending).sum();
    if pending != lanes.iter().map(|lane| lane.len() as u64).sum::<u64>() {
        return Err(format!("{pending} records are said to wait, not {lanes:?}"));
    }
    let ids = KEYS.with(|keys| {
        keys.iter().map(|key| spool.remembers(key, NOW).expect("ids are found")).collect()
    });
    let released = (0..LANES as u16).map(|lane| spool.released(LaneId(lane))).collect();
    Ok(Found { lanes, released, ids })
}

thread_local! {
    static KEYS: Vec<IdKey> = (0..IDS).map(key).collect();
}

fn key(id: u64) -> IdKey {
    IdKey::of_id("source", &id.to_string())
}

/// Up to four sectors, all of one byte.
fn value(id: u64) -> Vec<u8> {
    vec![id as u8; 1 + (id * 397 % 1900) as usize]
}

fn submission(id: u64, lane: u16) -> Submission {
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

/// Old ids that last as soon as they are absorbed, which is all that the spool is promised of them.
#[derive(Clone, Debug)]
struct OldInMemory {
    ids: Arc<Mutex<Arc<Old>>>,
    disk: MemoryDisk,
}

#[derive(Clone, Debug, Default)]
struct Old {
    ids: HashMap<[u8; 16], Entry>,
    absorbed: u64,
}

impl OldIds for OldInMemory {
    fn absorb(&self, handover: &Handover) -> Result<(), slices::Error> {
        let ids = handover.ids.iter().map(|(id, entry)| (*id.as_bytes(), *entry));
        Arc::make_mut(&mut lock(&self.ids)).ids.extend(ids);
        // The power may be cut between the two.
        self.disk.tell();
        let mut ids = lock(&self.ids);
        let old = Arc::make_mut(&mut ids);
        old.absorbed = old.absorbed.max(handover.segment);
        drop(ids);
        self.disk.tell();
        Ok(())
    }

    fn absorbed(&self) -> u64 {
        lock(&self.ids).absorbed
    }

    fn find(&self, id: &IdKey) -> Result<Option<Entry>, slices::Error> {
        Ok(lock(&self.ids).ids.get(id.as_bytes()).copied())
    }

    fn place(&self, _: LaneId, _: u64) -> Result<Option<Place>, slices::Error> {
        Ok(None)
    }

    fn elsewhere(&self, _: LaneId, _: u64) -> Result<Option<Elsewhere>, slices::Error> {
        Ok(None)
    }

    /// Never none, so that a start makes no filter: each id is looked up.
    fn count(&self) -> u64 {
        1
    }

    fn forget(&self, _: u64) -> Result<usize, slices::Error> {
        Ok(0)
    }

    fn some_after(
        &self,
        after: Option<slices::Cursor>,
        most: usize,
    ) -> Result<Vec<slices::Cursor>, slices::Error> {
        let mut ids: Vec<IdKey> = lock(&self.ids).ids.keys().copied().map(IdKey::stored).collect();
        ids.sort_unstable();
        let rest = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after.id));
        Ok(rest.take(most).map(|id| slices::Cursor { slice: 0, id }).collect())
    }

    fn verify(&self) -> (u64, Vec<String>) {
        (0, Vec::new())
    }

    fn remember_for_good(&self, _: &IdKey) -> Result<(), slices::Error> {
        Ok(())
    }

    fn remembers_for_good(&self, _: &IdKey) -> Result<bool, slices::Error> {
        Ok(false)
    }

    fn disk_bytes(&self) -> u64 {
        0
    }
}

const NOW: u64 = 1_790_000_000_000;
const LANES: usize = 3;
const IDS: u64 = 120;
const STEPS: usize = 80;
const THREADS: usize = 2;
/// Room for some ten commits.
const SEGMENT_BYTES: u64 = 20 << 10;
/// An attempt that failed over and over waits for 300 rounds.
const MOST_ROUNDS: usize = 700;
