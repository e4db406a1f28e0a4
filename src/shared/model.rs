//! The protocol against every interleaving of two replicas: each step of a request, of the confirmer and
//! of the drain, kills and restarts at each of them, claims that end, and a Redis that goes away, comes back
//! or loses what it was told.
//!
//! # Promises
//! - What was answered 200 is on a disk or in Kafka, at every moment.
//! - While Redis holds what it was told and answers, nothing is published twice.
//! - What is published twice otherwise was published without a confirmation, or Redis lost its memory.

use crate::shared::protocol::{self, Claim, Confirmation};
use std::collections::{BTreeSet, VecDeque};

#[test]
fn no_interleaving_loses_an_event_or_publishes_it_twice_while_redis_holds() {
    let found = explore(Faults { away: false, loses: false, plant: None });
    assert_eq!(found.wrong, None);
    assert_eq!(found.most_published, 1);
    assert!(found.states > 500, "{}", found.states);
}

#[test]
fn without_redis_nothing_is_lost_and_a_second_record_was_published_unconfirmed() {
    let found = explore(Faults { away: true, loses: false, plant: None });
    assert_eq!(found.wrong, None);
    assert_eq!(found.most_published, 2);
}

#[test]
fn a_redis_that_forgets_loses_no_event() {
    let found = explore(Faults { away: true, loses: true, plant: None });
    assert_eq!(found.wrong, None);
}

#[test]
fn a_drain_that_publishes_before_the_confirmation_is_found() {
    let plant = Some(Plant::PublishesUnconfirmed);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.most_published > 1);
}

#[test]
fn a_claim_that_counts_as_a_confirmation_is_found() {
    let plant = Some(Plant::ClaimIsARepeat);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.wrong.is_some_and(|wrong| wrong.contains("nobody has it")));
}

#[test]
fn a_confirmation_that_another_claim_refuses_is_found() {
    let plant = Some(Plant::ClaimBeatsConfirmation);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.wrong.is_some_and(|wrong| wrong.contains("nobody has it")));
}

/// What may happen beside kills and claims that end, which may always.
#[derive(Clone, Copy)]
struct Faults {
    away: bool,
    loses: bool,
    plant: Option<Plant>,
}

/// A protocol that is wrong, to see that the model finds it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Plant {
    PublishesUnconfirmed,
    ClaimIsARepeat,
    ClaimBeatsConfirmation,
}

struct Found {
    states: usize,
    most_published: u8,
    wrong: Option<String>,
}

/// Two replicas, one event that is posted to both, Redis, and Kafka.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct World {
    replicas: [Replica; 2],
    redis: Option<Held>,
    is_away: bool,
    /// Redis lost what it was told at least once.
    forgot: bool,
    /// A sender was answered 200.
    answered: bool,
    published: u8,
    /// Records that were published without a confirmation.
    unconfirmed: u8,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Held {
    Claim(usize),
    Copy(usize),
}

#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Replica {
    request: Request,
    /// How often its sender may still try.
    tries_left: u8,
    disk: Disk,
    /// In memory: what the confirmer knows of the record on the disk.
    confirmed: Confirmed,
    owes: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Request {
    #[default]
    None,
    Arrived,
    MayStore,
}

/// The record and its id on the disk. The id is remembered when the record has left.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Disk {
    #[default]
    Nothing,
    Waits,
    Published,
    Withdrawn,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Confirmed {
    #[default]
    NotYet,
    Ours,
    /// Redis was away for longer than records are held.
    LetGo,
}

impl Held {
    fn text(&self) -> String {
        match self {
            Self::Claim(replica) => protocol::claimant(&replica.to_string()),
            Self::Copy(replica) => protocol::copy(&replica.to_string(), "run", 1),
        }
    }
}

impl World {
    fn text(&self) -> Option<String> {
        self.redis.as_ref().map(Held::text)
    }

    /// All worlds that may follow.
    fn next(&self, faults: Faults) -> Vec<Self> {
        let mut next = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            next.push(world);
        };
        for at in 0..2 {
            let replica = &self.replicas[at];
            match replica.request {
                Request::None if replica.tries_left > 0 => add(&|world| {
                    world.replicas[at].tries_left -= 1;
                    world.replicas[at].request = Request::Arrived;
                }),
                Request::None => {}
                Request::Arrived => add(&|world| world.claim(at, faults)),
                Request::MayStore => {
                    add(&|world| world.store(at));
                    // The disk is full.
                    add(&|world| world.fail(at));
                }
            }
            if replica.disk == Disk::Waits {
                if replica.confirmed == Confirmed::NotYet {
                    add(&|world| world.confirm(at, faults));
                }
                let may_leave = replica.confirmed != Confirmed::NotYet
                    || faults.plant == Some(Plant::PublishesUnconfirmed);
                if may_leave {
                    add(&|world| world.publish(at));
                }
            }
            if replica.owes && !self.is_away {
                add(&|world| world.settle(at));
            }
            // Killed and started again: what is on the disk stays.
            add(&|world| {
                let replica = &mut world.replicas[at];
                replica.request = Request::None;
                replica.confirmed = Confirmed::NotYet;
                replica.owes = false;
            });
        }
        if matches!(self.redis, Some(Held::Claim(_))) {
            add(&|world| world.redis = None);
        }
        if faults.away {
            add(&|world| world.is_away = !world.is_away);
        }
        if faults.loses {
            add(&|world| {
                world.redis = None;
                world.forgot = true;
            });
        }
        next
    }

    fn claim(&mut self, at: usize, faults: Faults) {
        if self.replicas[at].disk != Disk::Nothing {
            // The local window.
            self.answer(at);
            return;
        }
        if self.is_away {
            self.replicas[at].request = Request::MayStore;
            return;
        }
        let mine = Held::Claim(at);
        match protocol::claim(self.text().as_deref(), &mine.text()) {
            Claim::Granted => {
                self.redis = Some(mine);
                self.replicas[at].request = Request::MayStore;
            }
            Claim::Confirmed => self.answer(at),
            Claim::Anothers if faults.plant == Some(Plant::ClaimIsARepeat) => self.answer(at),
            // Answered 503 in the end.
            Claim::Anothers => self.replicas[at].request = Request::None,
        }
    }

    fn answer(&mut self, at: usize) {
        self.replicas[at].request = Request::None;
        self.answered = true;
    }

    fn store(&mut self, at: usize) {
        self.replicas[at].disk = Disk::Waits;
        self.replicas[at].confirmed = Confirmed::NotYet;
        self.answer(at);
    }

    fn fail(&mut self, at: usize) {
        self.replicas[at].request = Request::None;
        if !self.is_away && self.redis == Some(Held::Claim(at)) {
            self.redis = None;
        }
    }

    fn confirm(&mut self, at: usize, faults: Faults) {
        if self.is_away {
            self.replicas[at].confirmed = Confirmed::LetGo;
            self.replicas[at].owes = true;
            return;
        }
        let mine = Held::Copy(at);
        let is_claimed =
            self.redis.is_some() && matches!(self.redis, Some(Held::Claim(by)) if by != at);
        if faults.plant == Some(Plant::ClaimBeatsConfirmation) && is_claimed {
            self.replicas[at].disk = Disk::Withdrawn;
            return;
        }
        match protocol::confirm(self.text().as_deref(), &mine.text()) {
            Confirmation::Ours => {
                self.redis = Some(mine);
                self.replicas[at].confirmed = Confirmed::Ours;
            }
            Confirmation::Anothers => self.replicas[at].disk = Disk::Withdrawn,
        }
    }

    /// The record and its position in one transaction, so that a kill leaves both or neither.
    fn publish(&mut self, at: usize) {
        self.replicas[at].disk = Disk::Published;
        self.published += 1;
        if self.replicas[at].confirmed == Confirmed::LetGo {
            self.unconfirmed += 1;
        }
    }

    fn settle(&mut self, at: usize) {
        self.replicas[at].owes = false;
        let mine = Held::Copy(at);
        if protocol::confirm(self.text().as_deref(), &mine.text()) == Confirmation::Ours {
            self.redis = Some(mine);
        }
    }

    fn wrong(&self) -> Option<String> {
        let is_on_a_disk = self.replicas.iter().any(|replica| replica.disk == Disk::Waits);
        if self.answered && !is_on_a_disk && self.published == 0 {
            return Some(format!("answered, and nobody has it: {self:?}"));
        }
        if self.published > 1 && self.unconfirmed == 0 && !self.forgot {
            return Some(format!("published twice, and nothing was unconfirmed: {self:?}"));
        }
        None
    }
}

fn explore(faults: Faults) -> Found {
    let mut first = World::default();
    for replica in &mut first.replicas {
        replica.tries_left = 2;
    }
    let mut known = BTreeSet::from([first.clone()]);
    let mut waiting = VecDeque::from([first]);
    let mut found = Found { states: 0, most_published: 0, wrong: None };
    while let Some(world) = waiting.pop_front() {
        found.states += 1;
        found.most_published = found.most_published.max(world.published);
        // Planted faults are looked for to the end, by what they lead to.
        if found.wrong.is_none() {
            found.wrong = world.wrong();
        }
        for next in world.next(faults) {
            if known.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
    }
    found
}
