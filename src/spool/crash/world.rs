//! One script of appends, releases, upkeep, failures and kills, judged at each change of the disk.

use crate::lock::lock;
use crate::spool::append::admission::{Acceptance, Asked, Waiting};
use crate::spool::crash::expected::{Attempt, Expected, Fate};
use crate::spool::crash::old_ids::OldInMemory;
use crate::spool::crash::spool::{IDS, look, open, submission};
use crate::spool::lanes::Leaving;
use crate::spool::log::acknowledged;
use crate::spool::log::disk::memory::{Chance, Errno, Failure, Kind, MemoryDisk, Survivors};
use crate::spool::log::segment::number_of;
use crate::spool::notes::Published;
use crate::spool::upkeep::{self, Upkeep};
use crate::spool::{Appended, Error, LaneId, OpenError, Spool, commit};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One script, with the expectations of the disk at each moment of it.
pub(super) struct World {
    pub(super) disk: MemoryDisk,
    old_ids: OldInMemory,
    chance: Mutex<Chance>,
    expected: Mutex<Expected>,
    pub(super) states: AtomicU64,
    pub(super) wrong: Mutex<Option<String>>,
    began: Instant,
    /// Rounds of the upkeep.
    rounds: AtomicU32,
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let disk = MemoryDisk::default();
        let world = Arc::new(Self {
            old_ids: OldInMemory { ids: Arc::default(), disk: disk.clone() },
            disk,
            chance: Mutex::new(Chance(seed << 20)),
            expected: Mutex::default(),
            states: AtomicU64::new(0),
            wrong: Mutex::default(),
            began: Instant::now(),
            rounds: AtomicU32::new(0),
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

    /// The next moment: one upkeep round later.
    fn later(&self) -> Instant {
        self.began + ROUND * self.rounds.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn play(&self) {
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
                12..17 => upkeep::step(&open.inner, &mut upkeep, self.later()),
                17 => {
                    lock(&open.inner.admission).asked.leave = true;
                    commit::step(&open.inner);
                }
                18 => {
                    lock(&open.inner.admission).asked = Asked { notes: true, ..Asked::default() };
                    commit::step(&open.inner);
                }
                _ => spool = None,
            }
            self.judge_acceptance(spool.as_ref());
            if spool
                .as_ref()
                .is_some_and(|open| lock(&open.inner.admission).state == Acceptance::Failed)
            {
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

    /// Checks that a live process stores again soon, once no call fails any more.
    fn recover(&self, open: &Spool, upkeep: &mut Upkeep) {
        for _ in 0..MOST_ROUNDS {
            upkeep::step(&open.inner, upkeep, self.later());
            commit::step(&open.inner);
            if open.readiness().is_ok() {
                return;
            }
        }
        self.say(format!("nothing is accepted any more: {:?}", open.readiness()));
    }

    fn judge_acceptance(&self, spool: Option<&Spool>) {
        let Some(open) = spool else { return };
        if lock(&open.inner.admission).state != Acceptance::Failed {
            return;
        }
        let failed = self.disk.failed();
        // The mark is a part of a commit: without it a start could not tell that a frame is missing.
        let is_of_the_log = failed.iter().any(|call| {
            matches!(call.kind, Kind::Write | Kind::Extend | Kind::Sync)
                && (number_of(&call.name).is_some() || call.name == acknowledged::NAME)
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
                // The process is started again only when the disk works.
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
        let rest = spool.records_after(lane, spool.released(lane)).next();
        let Some(Ok(rest)) = rest else { return };
        let records: Vec<_> = rest.records().collect();
        let Some(last) = records.last() else { return };
        let leaving = Leaving {
            through: last.sequence,
            published: records.len() as u64,
            bytes: records.iter().map(|record| record.bytes.len() as u64).sum(),
            ..Leaving::default()
        };
        let place = |sequence| Published { sequence, partition: 0, offset: 7 };
        let places: Vec<_> = records.iter().map(|record| place(record.sequence)).collect();
        lock(&self.expected).released[lane.index()] = leaving.through;
        spool.release(lane, leaving, &places);
    }

    /// Simulates a power cut at this moment.
    fn crash(&self) {
        if lock(&self.wrong).is_some() {
            return;
        }
        let survivors =
            [Survivors::Nothing, Survivors::Everything, Survivors::Prefix, Survivors::Any];
        let choices = if self.disk.is_unsynced() { &survivors[..] } else { &survivors[..1] };
        for survivors in choices {
            let image = self.disk.image(*survivors, &mut lock(&self.chance));
            let ids = Arc::new(Mutex::new(Arc::clone(&lock(&self.old_ids.ids))));
            let old_ids = OldInMemory { ids, disk: image.clone() };
            self.states.fetch_add(1, Ordering::Relaxed);
            let judged = open(&image, old_ids)
                .map_err(|error| error.to_string())
                .and_then(|spool| look(&spool))
                .and_then(|found| lock(&self.expected).judge(&found));
            if let Err(wrong) = judged {
                self.say(format!("{survivors:?}: {wrong}"));
            }
        }
    }
}

const STEPS: usize = 80;

const ROUND: Duration = Duration::from_millis(100);
/// A job that keeps failing pauses for 300 rounds.
const MOST_ROUNDS: usize = 700;
