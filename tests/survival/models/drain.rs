//! What the drain decides, against a model of Kafka's transactions.
//!
//! The spool, Kafka and the client are models; [`settle`] is the real one. Whatever fails, dies or
//! stays in doubt, in the end each record is in Kafka once and in order.

use cadrelay::drain::settle::{Settlement, Share, Verdict, settle};
use cadrelay::kafka::outcome::{Ending, Outcome, Report, Trouble};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn each_record_is_published_once_and_in_order_whatever_happens_between(
        poison in vec((0..LANES, 1..=RECORDS), 0..4),
        script in vec(happening(), 0..60),
    ) {
        let mut world = World::new(poison);

        for happening in script {
            world.step(happening);
        }
        for _ in 0..ENOUGH {
            world.step(Happening { room: RECORDS as usize, fate: Fate::Well, dies: None });
        }

        for (lane, topic) in world.kafka.topics.iter().enumerate() {
            let all: Vec<u64> = (1..=RECORDS).collect();
            prop_assert_eq!(sequences(topic), all, "lane {}", lane);
            for (sequence, place) in topic {
                let poisoned = world.is_poison(lane, *sequence);
                prop_assert_eq!(*place == Place::Quarantine, poisoned, "record {}", sequence);
            }
        }
        prop_assert_eq!(world.released, [RECORDS; LANES]);
    }
}

/// One attempt to publish.
#[derive(Clone, Copy, Debug)]
struct Happening {
    /// How many records of a lane go at most.
    room: usize,
    fate: Fate,
    /// The process dies when the outcome is there and not yet acted on.
    dies: Option<Death>,
}

/// What Kafka and the network make of a batch.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Well,
    /// A lane's topic is in trouble.
    Lane(usize, Trouble),
    /// All brokers are away.
    Away,
    /// Nothing is heard before the commit is asked for.
    Silent,
    /// The commit is asked for and its answer lost; it counts or it does not.
    Doubt {
        counts: bool,
        trouble: Trouble,
    },
}

#[derive(Clone, Copy, Debug)]
enum Death {
    /// What was noted of releases is there again.
    Kill,
    /// Releases are not synced: they are as they were at the last start.
    PowerCut,
}

fn happening() -> impl Strategy<Value = Happening> {
    let lane_troubles = prop::sample::select(vec![
        Trouble::UnknownTopic,
        Trouble::Authorization,
        Trouble::NotEnoughReplicas,
        Trouble::Quota,
    ]);
    let doubts = prop::sample::select(vec![
        Trouble::Timeout,
        Trouble::Transport,
        Trouble::Fenced,
        Trouble::Fatal,
    ]);
    let fate = prop_oneof![
        4 => Just(Fate::Well),
        1 => (0..LANES, lane_troubles).prop_map(|(lane, trouble)| Fate::Lane(lane, trouble)),
        1 => Just(Fate::Away),
        1 => Just(Fate::Silent),
        2 => (any::<bool>(), doubts).prop_map(|(counts, trouble)| Fate::Doubt { counts, trouble }),
    ];
    let dies = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Death::Kill)),
        1 => Just(Some(Death::PowerCut)),
    ];
    (1..8_usize, fate, dies).prop_map(|(room, fate, dies)| Happening { room, fate, dies })
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Topic,
    Quarantine,
}

/// What counts in Kafka.
#[derive(Default)]
struct Kafka {
    topics: [Vec<(u64, Place)>; LANES],
    positions: [u64; LANES],
}

/// What the drain keeps of a lane between two batches.
struct Lane {
    limit: usize,
    refused: Option<u64>,
}

struct World {
    poison: Vec<(usize, u64)>,
    kafka: Kafka,
    /// How far each lane is released, as the running process knows.
    released: [u64; LANES],
    /// The same as a power cut would leave it.
    synced: [u64; LANES],
    lanes: [Lane; LANES],
}

impl World {
    fn new(poison: Vec<(usize, u64)>) -> Self {
        Self {
            poison,
            kafka: Kafka::default(),
            released: [0; LANES],
            synced: [0; LANES],
            lanes: fresh_lanes(),
        }
    }

    fn is_poison(&self, lane: usize, sequence: u64) -> bool {
        self.poison.contains(&(lane, sequence))
    }

    fn step(&mut self, happening: Happening) {
        let shares = self.compose(happening.room);
        if shares.is_empty() {
            return;
        }
        let outcome = self.publish(&shares, happening.fate);
        if let Some(death) = happening.dies {
            if matches!(death, Death::PowerCut) {
                self.released = self.synced;
            }
            self.synced = self.released;
            self.lanes = fresh_lanes();
            self.begin_session();
            return;
        }
        let settlement = settle(&shares, &outcome);
        self.apply(&shares, settlement);
    }

    fn compose(&self, room: usize) -> Vec<Share> {
        let mut shares = Vec::new();
        let mut index = 0;
        for (number, lane) in self.lanes.iter().enumerate() {
            let next = self.released[number] + 1;
            let quarantined = lane.refused == Some(next);
            let room = if quarantined { 1 } else { room.min(lane.limit) };
            let stops_at = |sequence: &u64| !quarantined && lane.refused == Some(*sequence);
            let sequences: Vec<u64> =
                (next..=RECORDS).take_while(|sequence| !stops_at(sequence)).take(room).collect();
            if sequences.is_empty() {
                continue;
            }
            let records = sequences.into_iter().zip(index..).map(|(sequence, at)| (at, sequence));
            let records: Vec<(usize, u64)> = records.collect();
            index += records.len();
            shares.push(Share { lane: number as u16, records, quarantined });
        }
        shares
    }

    /// The client's part: reports, and how it ended. What counts is in `kafka` afterwards.
    fn publish(&mut self, shares: &[Share], fate: Fate) -> Outcome {
        let count = shares.iter().map(|share| share.records.len()).sum();
        let mut reports = vec![Report::Written { partition: 0, offset: 0 }; count];
        let mut refusal = None;
        for share in shares {
            let lane = usize::from(share.lane);
            let trouble = match fate {
                Fate::Lane(of, trouble) if of == lane && !share.quarantined => Some(trouble),
                Fate::Away => Some(Trouble::Timeout),
                // The client says of all that went together what is true of one of them.
                _ => share
                    .records
                    .iter()
                    .any(|(_, sequence)| !share.quarantined && self.is_poison(lane, *sequence))
                    .then_some(Trouble::TooLarge),
            };
            if let Some(trouble) = trouble {
                share.records.iter().for_each(|(at, _)| reports[*at] = Report::Refused(trouble));
                refusal = Some(trouble);
            }
        }
        let ending = match (fate, refusal) {
            (Fate::Silent, _) => {
                reports.fill(Report::Unheard);
                Ending::Silent
            }
            (_, Some(trouble)) => Ending::Aborted(trouble),
            (Fate::Doubt { counts, trouble }, None) => {
                if counts {
                    self.count(shares);
                }
                Ending::InDoubt(trouble)
            }
            (Fate::Well | Fate::Lane(..) | Fate::Away, None) => {
                self.count(shares);
                Ending::Committed
            }
        };
        Outcome { reports, ending }
    }

    /// The transaction counts: its records and its positions.
    fn count(&mut self, shares: &[Share]) {
        for share in shares {
            let lane = usize::from(share.lane);
            let place = if share.quarantined { Place::Quarantine } else { Place::Topic };
            for (_, sequence) in &share.records {
                self.kafka.topics[lane].push((*sequence, place));
                self.kafka.positions[lane] = *sequence;
            }
        }
    }

    fn apply(&mut self, shares: &[Share], settlement: Settlement) {
        for (lane, records) in settlement.settled {
            let share = shares.iter().find(|share| share.lane == lane).expect("a share of ours");
            let lane = usize::from(lane);
            self.released[lane] = share.records[records - 1].1;
            self.lanes[lane].limit = usize::MAX;
            if share.quarantined {
                self.lanes[lane].refused = None;
            }
        }
        for (lane, verdict) in settlement.lanes {
            let lane = &mut self.lanes[usize::from(lane)];
            match verdict {
                Verdict::Split { records } => lane.limit = (records / 4).max(1),
                Verdict::Poison { sequence, .. } => lane.refused = Some(sequence),
                Verdict::SetAside(_) | Verdict::LookAgain => {}
            }
        }
        if settlement.renew.is_some() {
            self.begin_session();
        }
    }

    /// A new producer settles what was in doubt, and the positions say what counts.
    fn begin_session(&mut self) {
        for (released, position) in self.released.iter_mut().zip(self.kafka.positions) {
            *released = position.max(*released);
        }
    }
}

fn fresh_lanes() -> [Lane; LANES] {
    std::array::from_fn(|_| Lane { limit: usize::MAX, refused: None })
}

fn sequences(topic: &[(u64, Place)]) -> Vec<u64> {
    topic.iter().map(|(sequence, _)| *sequence).collect()
}

const LANES: usize = 3;
const RECORDS: u64 = 12;
/// Of undisturbed attempts, for any number of poisoned records.
const ENOUGH: usize = 100;
