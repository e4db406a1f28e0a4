//! Two replicas and a Redis at one moment, and every step that may follow.

use crate::shared::model::{Faults, Plant};
use crate::shared::protocol::{self, Claim, Confirmation};

/// Two replicas, one event that is posted to both, Redis, and Kafka.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct World {
    pub(super) replicas: [Replica; 2],
    pub(super) redis: Option<Held>,
    pub(super) is_away: bool,
    /// Redis lost its data at least once.
    pub(super) forgot: bool,
    /// A sender was answered 200.
    pub(super) answered: bool,
    pub(super) published: u8,
    /// Records that were published without a confirmation.
    pub(super) unconfirmed: u8,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Held {
    Claim(usize),
    Copy(usize),
}

#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Replica {
    pub(super) request: Request,
    /// The number of attempts that its sender still has.
    pub(super) tries_left: u8,
    pub(super) disk: Disk,
    /// The confirmer's state for the record on the disk. In memory only.
    pub(super) confirmed: Confirmed,
    pub(super) owes: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Request {
    #[default]
    None,
    Arrived,
    MayStore,
}

/// The record and its id on the disk. The id is remembered when the record has left.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Disk {
    #[default]
    Nothing,
    Waits,
    Published,
    Withdrawn,
}

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Confirmed {
    #[default]
    NotYet,
    Ours,
    /// Redis was away for longer than records are held.
    LetGo,
}

impl Held {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Claim(replica) => protocol::claimant(&replica.to_string()),
            Self::Copy(replica) => protocol::copy(&replica.to_string(), "run", 1),
        }
    }
}

impl World {
    pub(super) fn text(&self) -> Option<String> {
        self.redis.as_ref().map(Held::text)
    }

    /// All worlds that may follow.
    pub(super) fn next(&self, faults: Faults) -> Vec<Self> {
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
            // Kills the replica and starts it again: the content of the disk stays.
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

    pub(super) fn claim(&mut self, at: usize, faults: Faults) {
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
            // The request is answered 503 in the end.
            Claim::Anothers => self.replicas[at].request = Request::None,
        }
    }

    pub(super) fn answer(&mut self, at: usize) {
        self.replicas[at].request = Request::None;
        self.answered = true;
    }

    pub(super) fn store(&mut self, at: usize) {
        self.replicas[at].disk = Disk::Waits;
        self.replicas[at].confirmed = Confirmed::NotYet;
        self.answer(at);
    }

    pub(super) fn fail(&mut self, at: usize) {
        self.replicas[at].request = Request::None;
        if !self.is_away && self.redis == Some(Held::Claim(at)) {
            self.redis = None;
        }
    }

    pub(super) fn confirm(&mut self, at: usize, faults: Faults) {
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
    pub(super) fn publish(&mut self, at: usize) {
        self.replicas[at].disk = Disk::Published;
        self.published += 1;
        if self.replicas[at].confirmed == Confirmed::LetGo {
            self.unconfirmed += 1;
        }
    }

    pub(super) fn settle(&mut self, at: usize) {
        self.replicas[at].owes = false;
        let mine = Held::Copy(at);
        if protocol::confirm(self.text().as_deref(), &mine.text()) == Confirmation::Ours {
            self.redis = Some(mine);
        }
    }

    pub(super) fn wrong(&self) -> Option<String> {
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
