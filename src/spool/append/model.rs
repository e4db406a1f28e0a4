//! The model of appends: every interleaving of a few appends with the writer's commits and failures.
//!
//! A schedule decides, for each point of a commit (each change of the disk), which appends come
//! there, and which call of the disk fails. All schedules are played, one after the other.
//!
//! # Promises
//! - Whoever is told that a record is stored finds it on the disk at that moment.
//! - An id is stored once; all appends of it share its outcome.
//! - Every ticket gets an outcome, even if it comes after a failed commit. After a lack of space
//!   the id is free and can be stored.

use crate::lock::lock;
use crate::spool::append::admission::{Acceptance, Waiting};
use crate::spool::append::ticket::Ticket;
use crate::spool::crash::old_ids::OldInMemory;
use crate::spool::crash::spool::{self as model, LANES};
use crate::spool::log::disk::memory::{Errno, Failure, MemoryDisk};
use crate::spool::planted::{self, Planted};
use crate::spool::upkeep::{self, Upkeep};
use crate::spool::{Appended, Error, Spool, commit};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn no_interleaving_of_appends_and_commits_tells_of_what_is_not_stored() {
    let (schedules, wrong) = search(None);
    assert_eq!(wrong, None);
    assert!(schedules > 3_000, "{schedules} schedules are not all of them");
}

#[test]
fn an_answer_before_the_sync_is_found() {
    let wrong = search(Some(Planted::AnswerBeforeSync)).1.expect("it is found");
    assert!(wrong.contains("is told to be stored and is not on the disk"), "{wrong}");
}

#[test]
fn an_id_that_is_kept_after_a_commit_that_was_given_up_is_found() {
    let wrong = search(Some(Planted::IdKeptAfterGivingUp)).1.expect("it is found");
    let is_told = wrong.contains("is told to be stored and is not on the disk");
    assert!(is_told || wrong.contains("a ticket is told nothing"), "{wrong}");
}

#[test]
fn a_repeat_that_joins_an_earlier_commit_is_found() {
    let wrong = search(Some(Planted::RepeatJoinsEarlierCommit)).1.expect("it is found");
    assert!(wrong.contains("is told to be stored and is not on the disk"), "{wrong}");
}

#[test]
fn an_id_that_is_not_looked_for_in_the_group_is_found() {
    let wrong = search(Some(Planted::RepeatNotSeenInGroup)).1.expect("it is found");
    assert!(wrong.contains("stored twice"), "{wrong}");
}

/// Plays every schedule. Returns their number, and the first fault if there is one.
fn search(fault: Option<Planted>) -> (u64, Option<String>) {
    planted::plant(fault);
    let mut choices = Choices::default();
    let mut schedules = 0;
    loop {
        schedules += 1;
        let script = Script::new(choices);
        script.play();
        script.disk.watch(None);
        if let Some(wrong) = lock(&script.world).wrong.take() {
            return (schedules, Some(format!("schedule {schedules}: {wrong}")));
        }
        choices = std::mem::take(&mut lock(&script.world).choices);
        if !choices.advance() {
            println!("{schedules} schedules");
            return (schedules, None);
        }
    }
}

/// The choices of a schedule, in order: the chosen index, and the number of choices.
#[derive(Default)]
struct Choices {
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    /// Chooses one of `of`.
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, of));
        }
        let (chosen, _) = self.made[self.at];
        self.at += 1;
        chosen
    }

    /// Advances to the next schedule. False if this one was the last.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, of)) = self.made.pop() {
            if chosen + 1 < of {
                self.made.push((chosen + 1, of));
                return true;
            }
        }
        false
    }
}

/// One schedule while it is played.
struct Script {
    disk: MemoryDisk,
    spool: Spool,
    world: Mutex<World>,
}

#[derive(Default)]
struct World {
    choices: Choices,
    appends: Vec<Append>,
    /// The number of appends that may still come.
    left: usize,
    wrong: Option<String>,
}

/// An append that was not refused.
struct Append {
    id: u64,
    ticket: Option<Ticket>,
    is_stored: bool,
}

impl Script {
    fn new(mut choices: Choices) -> Arc<Self> {
        let disk = MemoryDisk::default();
        let old_ids = OldInMemory { ids: Arc::default(), disk: disk.clone() };
        let spool = model::open(&disk, old_ids).expect("an empty disk opens");
        let left = MOST_APPENDS - choices.choose(2);
        let world = Mutex::new(World { choices, left, ..World::default() });
        let script = Arc::new(Self { disk, spool, world });
        let watching = Arc::clone(&script);
        script.disk.watch(Some(Arc::new(move || watching.point())));
        script
    }

    fn choose(&self, of: usize) -> usize {
        lock(&self.world).choices.choose(of)
    }

    fn say(&self, wrong: String) {
        lock(&self.world).wrong.get_or_insert(wrong);
    }

    fn play(&self) {
        // A new segment adds points, so there are fewer appends.
        let leaves = lock(&self.world).left < MOST_APPENDS;
        let failing = self.choose(1 + STEPS);
        for step in 1..=STEPS {
            self.point();
            if leaves && step == STEPS {
                lock(&self.spool.inner.admission).asked.leave = true;
            }
            let failure = (failing == step).then(|| match self.choose(4) {
                0 => Failure { after: 1, calls: 100, error: Errno::NoRoom },
                call => Failure { after: call as u64, calls: 1, error: Errno::Broken },
            });
            self.disk.fail(failure);
            commit::step(&self.spool.inner);
            self.disk.fail(None);
            self.judge();
        }
        self.conclude();
    }

    /// A point at which appends may come.
    fn point(&self) {
        self.judge();
        loop {
            let chosen = match lock(&self.world) {
                mut world if world.left > 0 => world.choices.choose(1 + IDS as usize),
                _ => 0,
            };
            if chosen == 0 {
                return;
            }
            lock(&self.world).left -= 1;
            self.append(chosen as u64);
        }
    }

    fn append(&self, id: u64) {
        let append = match self.spool.inner.append(model::submission(id, 0)) {
            Ok(Waiting::Done(_)) => Append { id, ticket: None, is_stored: false },
            Ok(Waiting::ForCommit(ticket)) => Append { id, ticket: Some(ticket), is_stored: false },
            Err(Error::DiskLow | Error::Failed) => return,
            Err(error @ (Error::Full | Error::Closing)) => return self.say(error.to_string()),
        };
        lock(&self.world).appends.push(append);
        self.judge();
    }

    /// Judges the outcomes so far.
    fn judge(&self) {
        let mut world = lock(&self.world);
        let World { appends, wrong, .. } = &mut *world;
        for append in appends.iter_mut().filter(|append| !append.is_stored) {
            append.is_stored = match &append.ticket {
                None => true,
                Some(ticket) => ticket.outcome().is_some_and(|outcome| outcome.is_ok()),
            };
            if append.is_stored && !self.disk.lasts(&model::value(append.id)) {
                let id = append.id;
                wrong.get_or_insert(format!("{id} is told to be stored and is not on the disk"));
            }
        }
    }

    /// Ends the script: a living spool must store every id, once.
    fn conclude(&self) {
        let has_failed = || lock(&self.spool.inner.admission).state == Acceptance::Failed;
        lock(&self.world).left = 0;
        let mut upkeep = Upkeep::default();
        for round in 1..=ROUNDS {
            if has_failed() || (round > 1 && self.spool.readiness().is_ok()) {
                break;
            }
            let now = Instant::now() + Duration::from_secs(60) * round;
            upkeep::step(&self.spool.inner, &mut upkeep, now);
            commit::step(&self.spool.inner);
        }
        if !has_failed() {
            (1..=IDS).for_each(|id| self.append(id));
            commit::step(&self.spool.inner);
        }
        self.judge();
        let world = lock(&self.world);
        let told = |append: &Append| append.ticket.as_ref().is_none_or(|t| t.outcome().is_some());
        if !world.appends.iter().all(told) {
            drop(world);
            return self.say("a ticket is told nothing".to_owned());
        }
        let news = |id| {
            let is_new = |append: &&Append| {
                let ticket = append.ticket.as_ref().filter(|_| append.id == id);
                ticket.is_some_and(|ticket| {
                    matches!(ticket.outcome(), Some(Ok(Appended::New { .. })))
                })
            };
            world.appends.iter().filter(is_new).count()
        };
        let counts: Vec<usize> = (1..=IDS).map(news).collect();
        drop(world);
        if counts.iter().any(|count| *count > 1) {
            self.say(format!("an id is stored twice: {counts:?}"));
        }
        if has_failed() {
            return;
        }
        if counts.contains(&0) {
            self.say(format!("an id is not stored at last: {counts:?}"));
        }
        match model::look(&self.spool) {
            Ok(found) => {
                let stored = &found.lanes[0];
                let is_in_order = stored.is_sorted_by(|one, next| one.0 < next.0);
                let rest_is_empty = found.lanes[1..LANES].iter().all(Vec::is_empty);
                if stored.len() as u64 != IDS || !is_in_order || !rest_is_empty {
                    self.say(format!("the spool holds {:?}", found.lanes));
                }
            }
            Err(wrong) => self.say(wrong),
        }
    }
}

/// Two ids, so that repeats and others meet.
const IDS: u64 = 2;
const STEPS: usize = 2;
/// With three, one of two ids comes before, in and after a commit; one less if a segment begins.
const MOST_APPENDS: usize = 3;
/// Rounds of upkeep and commits until a spool that lacked space stores again.
const ROUNDS: u32 = 20;
