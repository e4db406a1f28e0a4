//! The decisions of the drain, against a model of Kafka's transactions.
//!
//! The spool, Kafka and the client are models; [`settle`] is the real one. Whatever fails, dies or
//! stays in doubt, in the end each record is in Kafka once and in order.

use cadrelay::drain::lane::{Lane, RefusedRecord};
use cadrelay::drain::settle::{Measure, Settlement, Share, settle};
use cadrelay::drain::timing::Timing;
use cadrelay::drain::turns::Turns;
use cadrelay::kafka::outcome::{BatchOutcome, Concerns, Ending, Report, Trouble};
use cadrelay::spool::LaneId;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn each_record_is_published_once_and_in_order_whatever_happens_between(
        poison in vec((0..LANES, 1..=RECORDS), 0..4),
        script in vec(happening(), 0..60),
        // A client that can never end an abort must not stand in the way, either.
        fate in prop::sample::select(vec![Fate::Well, Fate::AbortInDoubt]),
        blame in prop::sample::select(vec![Blame::All, Blame::Behind, Blame::Exact]),
    ) {
        let mut world = World::new(poison);

        for happening in script {
            world.step(happening);
        }
        for _ in 0..ENOUGH {
            world.step(Happening { fate, blame, dies: None });
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

    /// Whatever is said of a batch that does not count, it does not come back at once as it was: less
    /// of it goes, or it waits longer and longer.
    #[test]
    fn nothing_is_tried_again_and_again_without_a_pause(
        outcomes in vec(failure(), ATTEMPTS),
    ) {
        let mut world = World::new(Vec::new());
        let began = world.now;

        for outcome in outcomes {
            world.fail(&outcome);
        }

        let took = world.now - began;
        prop_assert!(took > Duration::from_secs(60), "{} attempts within {:?}", ATTEMPTS, took);
    }

    /// A record that spoils every batch it is in, and nobody says so, holds back what is behind it
    /// alone.
    #[test]
    fn what_spoils_a_batch_without_a_word_holds_back_its_own_lane_alone(
        (lane, sequence) in (0..LANES, 1..=RECORDS),
        fates in vec(spoiling(), ATTEMPTS),
    ) {
        let mut world = World::new(Vec::new());

        for fate in fates {
            world.step_with(|world, shares| world.spoil(shares, (lane, sequence), fate));
        }

        let mut expected = [RECORDS; LANES];
        expected[lane] = sequence - 1;
        prop_assert_eq!(world.released, expected);
    }
}

/// One attempt to publish.
#[derive(Clone, Copy, Debug)]
struct Happening {
    fate: Fate,
    blame: Blame,
    /// The process dies when the outcome is there and not yet acted on.
    dies: Option<Death>,
}

/// The fate of a batch, decided by Kafka and the network.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Well,
    /// All is well, but where a record is refused, the abort does not end.
    AbortInDoubt,
    /// A lane's topic is in trouble.
    Lane(usize, Trouble),
    /// All brokers are away.
    Away,
    /// Nothing is heard before the commit is asked for.
    Silent,
    /// The commit, or the abort, is asked for and its answer lost; a commit counts or it does not.
    Doubt {
        counts: bool,
        trouble: Trouble,
    },
}

/// Of which records the client says what is true of one of them.
#[derive(Clone, Copy, Debug)]
enum Blame {
    /// Of all that went together.
    All,
    /// Of that one and those behind it.
    Behind,
    /// Of that one.
    Exact,
}

#[derive(Clone, Copy, Debug)]
enum Death {
    /// A kill: the notes of releases are still there.
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
    let blame = prop::sample::select(vec![Blame::All, Blame::Behind, Blame::Exact]);
    let dies = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Death::Kill)),
        1 => Just(Some(Death::PowerCut)),
    ];
    (fate, blame, dies).prop_map(|(fate, blame, dies)| Happening { fate, blame, dies })
}

/// Anything that can be said of a batch that does not count.
fn failure() -> impl Strategy<Value = BatchOutcome> {
    let report = prop_oneof![
        2 => Just(WRITTEN),
        2 => Just(Report::Unheard),
        1 => trouble().prop_map(Report::Refused),
    ];
    // Some outcomes speak of every record in the same way.
    let count = LANES * RECORDS as usize;
    let reports =
        prop_oneof![vec(report.clone(), count), report.prop_map(move |one| vec![one; count])];
    let ending = prop_oneof![
        trouble().prop_map(Ending::Aborted),
        trouble().prop_map(Ending::InDoubt),
        Just(Ending::Silent),
    ];
    (reports, ending).prop_map(|(reports, ending)| BatchOutcome { reports, ending })
}

/// The endings of a batch that is spoiled although no record is refused.
fn spoiling() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Silent,
        Ending::InDoubt(Trouble::Timeout),
        Ending::InDoubt(Trouble::Fatal),
        Ending::Aborted(Trouble::Timeout),
    ])
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let mut all = Trouble::COUNTED.to_vec();
    all.extend([Trouble::TooLarge, Trouble::Invalid]);
    prop::sample::select(all)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Topic,
    Quarantine,
}

/// The records that count in Kafka.
#[derive(Default)]
struct Kafka {
    topics: [Vec<(u64, Place)>; LANES],
    positions: [u64; LANES],
}

struct World {
    poison: Vec<(usize, u64)>,
    kafka: Kafka,
    /// The released sequence of each lane, as the running process knows it.
    released: [u64; LANES],
    /// The same as a power cut would leave it.
    synced: [u64; LANES],
    lanes: Vec<Lane>,
    turns: Turns,
    timing: Timing,
    now: Instant,
}

impl World {
    fn new(poison: Vec<(usize, u64)>) -> Self {
        let now = Instant::now();
        Self {
            poison,
            kafka: Kafka::default(),
            released: [0; LANES],
            synced: [0; LANES],
            lanes: fresh_lanes(),
            turns: Turns::default(),
            timing: Timing::new(now),
            now,
        }
    }

    fn is_poison(&self, lane: usize, sequence: u64) -> bool {
        self.poison.contains(&(lane, sequence))
    }

    fn step(&mut self, happening: Happening) {
        let shares = self.compose();
        if shares.is_empty() {
            return;
        }
        let outcome = self.publish(&shares, happening);
        match happening.dies {
            None => self.apply(&shares, &outcome),
            Some(death) => {
                if matches!(death, Death::PowerCut) {
                    self.released = self.synced;
                }
                self.synced = self.released;
                self.lanes = fresh_lanes();
                self.timing = Timing::new(self.now);
                self.begin_session();
            }
        }
    }

    fn step_with(&mut self, publish: impl FnOnce(&mut Self, &[Share]) -> BatchOutcome) {
        let shares = self.compose();
        if !shares.is_empty() {
            let outcome = publish(self, &shares);
            self.apply(&shares, &outcome);
        }
    }

    fn fail(&mut self, outcome: &BatchOutcome) {
        self.step_with(|_, shares| {
            let count = shares.iter().map(|share| share.records.len()).sum();
            BatchOutcome { reports: outcome.reports[..count].to_vec(), ..outcome.clone() }
        });
    }

    /// Waits until something may go, and says what does.
    fn compose(&mut self) -> Vec<Share> {
        let waits = |lane: &Lane| self.released[lane.number.index()] < RECORDS;
        if !self.lanes.iter().any(waits) {
            return Vec::new();
        }
        self.now += ATTEMPT + self.timing.paused(self.now).unwrap_or_default();
        let pauses = self.lanes.iter().filter(|lane| waits(lane));
        let pause = pauses.map(|lane| lane.pause.left(self.now).unwrap_or_default()).min();
        self.now += pause.unwrap_or_default();
        self.lanes.iter_mut().for_each(Lane::found_ready);
        let now = self.now;
        let going = self.turns.next(&self.lanes, |lane| lane.may_send(now) && waits(lane));
        let mut index = 0;
        let share = |lane: &Lane| {
            let next = self.released[lane.number.index()] + 1;
            let refused = lane.refused.map(|refused| refused.sequence);
            let quarantined = refused == Some(next);
            let room = if quarantined { 1 } else { lane.room };
            let records: Vec<(usize, u64)> = (next..=RECORDS)
                .take_while(|sequence| quarantined || refused != Some(*sequence))
                .take(room)
                .zip(index..)
                .map(|(sequence, at)| (at, sequence))
                .collect();
            index += records.len();
            Share { lane: lane.number, records, quarantined, suspected: lane.is_suspected() }
        };
        going.into_iter().map(share).collect()
    }

    /// The client's part: reports, and how it ended. What counts is in `kafka` afterwards.
    fn publish(&mut self, shares: &[Share], happening: Happening) -> BatchOutcome {
        let mut reports = vec![WRITTEN; records(shares)];
        let mut refusal = None;
        for share in shares {
            let lane = share.lane.index();
            let poison = share
                .records
                .iter()
                .position(|(_, sequence)| !share.quarantined && self.is_poison(lane, *sequence));
            let refused = match (happening.fate, poison, happening.blame) {
                (Fate::Lane(of, trouble), ..) if of == lane && !share.quarantined => {
                    Some((trouble, &share.records[..]))
                }
                (Fate::Away, ..) => Some((Trouble::Timeout, &share.records[..])),
                (_, None, _) => None,
                (_, Some(_), Blame::All) => Some((Trouble::TooLarge, &share.records[..])),
                (_, Some(at), Blame::Behind) => Some((Trouble::TooLarge, &share.records[at..])),
                (_, Some(at), Blame::Exact) => Some((Trouble::TooLarge, &share.records[at..=at])),
            };
            if let Some((trouble, records)) = refused {
                records.iter().for_each(|(at, _)| reports[*at] = Report::Refused(trouble));
                refusal = Some(trouble);
            }
        }
        let ending = match (happening.fate, refusal) {
            (Fate::Silent, _) => {
                reports.fill(Report::Unheard);
                Ending::Silent
            }
            // The abort that a refusal asks for can end in doubt, too.
            (Fate::Doubt { trouble, .. }, Some(_)) => Ending::InDoubt(trouble),
            (Fate::AbortInDoubt, Some(_)) => Ending::InDoubt(Trouble::Timeout),
            (_, Some(trouble)) => Ending::Aborted(trouble),
            (Fate::Doubt { counts, trouble }, None) => {
                if counts {
                    self.count(shares);
                }
                Ending::InDoubt(trouble)
            }
            (Fate::Well | Fate::AbortInDoubt | Fate::Lane(..) | Fate::Away, None) => {
                self.count(shares);
                Ending::Committed
            }
        };
        BatchOutcome { reports, ending }
    }

    /// A batch with this record in it fails so, and no record is refused.
    fn spoil(&mut self, shares: &[Share], record: (usize, u64), ending: Ending) -> BatchOutcome {
        let is_in = |share: &Share| {
            share.lane.index() == record.0
                && share.records.iter().any(|(_, sequence)| *sequence == record.1)
        };
        if shares.iter().any(is_in) {
            return BatchOutcome { reports: vec![Report::Unheard; records(shares)], ending };
        }
        self.count(shares);
        BatchOutcome { reports: vec![WRITTEN; records(shares)], ending: Ending::Committed }
    }

    /// The transaction counts: its records and its positions.
    fn count(&mut self, shares: &[Share]) {
        for share in shares {
            let lane = share.lane.index();
            let place = if share.quarantined { Place::Quarantine } else { Place::Topic };
            for (_, sequence) in &share.records {
                self.kafka.topics[lane].push((*sequence, place));
                self.kafka.positions[lane] = *sequence;
            }
        }
    }

    fn apply(&mut self, shares: &[Share], outcome: &BatchOutcome) {
        let Settlement { settled, lanes, renew, pause, trouble } = settle(shares, outcome);
        for (number, records) in settled {
            let share = shares.iter().find(|share| share.lane == number).expect("a share of ours");
            let lane = &mut self.lanes[number.index()];
            self.released[number.index()] = share.records[records - 1].1;
            lane.delivered();
            if share.quarantined {
                lane.refused = None;
            }
        }
        for (number, verdict) in lanes {
            let lane = &mut self.lanes[number.index()];
            match verdict {
                Measure::Split { records } => lane.split(records),
                Measure::Poison { sequence, trouble } => {
                    assert_eq!(trouble.concerns(), Concerns::Record);
                    lane.refused = Some(RefusedRecord { sequence, trouble });
                }
                Measure::SetAside(trouble) => drop(lane.set_aside(trouble, self.now)),
                Measure::Suspect => lane.suspect(),
            }
        }
        if trouble.is_none() {
            self.timing.batch_ended();
        }
        if pause {
            self.timing.back_off(self.now, trouble);
        }
        if renew.is_some() {
            self.begin_session();
        }
    }

    /// A new producer settles what was in doubt, and the positions say what counts.
    fn begin_session(&mut self) {
        self.timing.heard(self.now);
        for (lane, position) in self.lanes.iter_mut().zip(self.kafka.positions) {
            let released = &mut self.released[lane.number.index()];
            *released = position.max(*released);
            lane.refused = lane.refused.filter(|refused| refused.sequence > *released);
        }
    }
}

fn fresh_lanes() -> Vec<Lane> {
    (0..LANES as u16).map(|number| Lane::new(LaneId(number), "topic".into())).collect()
}

fn records(shares: &[Share]) -> usize {
    shares.iter().map(|share| share.records.len()).sum()
}

fn sequences(topic: &[(u64, Place)]) -> Vec<u64> {
    topic.iter().map(|(sequence, _)| *sequence).collect()
}

const WRITTEN: Report = Report::Written { partition: 0, offset: 0 };
const LANES: usize = 3;
const RECORDS: u64 = 12;
/// Of undisturbed attempts, for any number of poisoned records.
const ENOUGH: usize = 200;
/// Many more than it takes to narrow a batch down to one record of one lane.
const ATTEMPTS: usize = 200;
/// The least time of an attempt.
const ATTEMPT: Duration = Duration::from_millis(10);
