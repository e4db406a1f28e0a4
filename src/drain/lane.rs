//! The drain's knowledge of a lane between two batches.

use crate::event::reason::Reason;
use crate::kafka::outcome::Trouble;
use crate::pause::Pause;
use crate::spool::{LaneId, Spool};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A lane as the drain sees it.
#[derive(Debug)]
pub struct Lane {
    /// Its number in the spool.
    pub number: LaneId,
    /// The topic it feeds.
    pub topic: Arc<str>,
    /// The pauses while it is set aside.
    pub pause: Pause,
    /// The next record, if Kafka refused it for good.
    pub refused: Option<RefusedRecord>,
    /// The most records that may go at once. Smaller while the drain searches for the record that
    /// is refused or spoils the batch.
    pub room: usize,
    /// The largest batch in bytes that its topic takes, if the cluster tells us.
    pub limit: Option<usize>,
    ready: bool,
    troubled: bool,
    /// A batch failed, and this lane may be the cause.
    suspected: bool,
    /// The last sequence that was sent and is not known to be committed.
    uncommitted: Option<u64>,
    /// An earlier run may have sent records that are not committed.
    is_inherited: bool,
    /// Records of an aborted transaction may lie open in its topic.
    may_lie_open: bool,
}

/// A record that Kafka refuses for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefusedRecord {
    /// Its sequence.
    pub sequence: u64,
    /// The reason.
    pub trouble: Trouble,
}

impl RefusedRecord {
    /// The reason for quarantine.
    pub fn reason(&self) -> Reason {
        match self.trouble {
            Trouble::TooLarge => Reason::TooLargeForKafka,
            _ => Reason::InvalidRecord,
        }
    }
}

impl Lane {
    /// A lane whose topic was not looked at yet.
    pub fn new(number: LaneId, topic: Arc<str>) -> Self {
        Self {
            number,
            topic,
            pause: Pause::up_to(LONGEST_PAUSE),
            refused: None,
            room: usize::MAX,
            limit: None,
            ready: false,
            troubled: false,
            suspected: false,
            uncommitted: None,
            is_inherited: false,
            may_lie_open: false,
        }
    }

    /// A lane with records that wait since an earlier run.
    pub fn inherited(number: LaneId, topic: Arc<str>) -> Self {
        Self { is_inherited: true, may_lie_open: true, ..Self::new(number, topic) }
    }

    /// True if its topic must be looked at before it may send.
    pub fn wants_a_look(&self, spool: &Spool, now: Instant) -> bool {
        !self.ready && self.pause.left(now).is_none() && spool.waits(self.number)
    }

    /// True if it may send now.
    pub fn may_send(&self, now: Instant) -> bool {
        self.ready && self.pause.left(now).is_none()
    }

    /// Notes that its topic takes records.
    pub fn found_ready(&mut self) {
        self.ready = true;
    }

    /// Has its topic looked at again before the next record.
    pub fn forget(&mut self) {
        self.ready = false;
    }

    /// Sets it aside for a while, longer each time.
    pub fn set_aside(&mut self, trouble: Trouble, now: Instant) -> Duration {
        self.ready = false;
        self.troubled = true;
        self.may_lie_open |= trouble == Trouble::NotEnoughReplicas;
        self.pause.begin(now)
    }

    /// Suspects it of having spoiled a batch: its topic is looked at, and it goes alone until it
    /// delivers.
    pub fn suspect(&mut self) {
        self.ready = false;
        self.suspected = true;
    }

    /// True if it goes alone.
    pub fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// True if a record of this size may be too large for the topic. Compression may still make it
    /// fit, so it is sent, but without any other record of its lane, so that a refusal is its own.
    pub fn may_be_too_large(&self, bytes: usize) -> bool {
        self.limit.is_some_and(|limit| bytes + OVERHEAD > limit)
    }

    /// Notes that records were sent, up to this sequence, and are not known to be committed.
    pub fn sent_uncommitted(&mut self, through: u64) {
        self.uncommitted = self.uncommitted.max(Some(through));
    }

    /// Notes that records up to this sequence were sent, and that their transaction was left without
    /// an end, and is to count as aborted.
    pub fn was_left_open(&mut self, through: u64) {
        self.sent_uncommitted(through);
        self.may_lie_open = true;
    }

    /// Notes that Kafka has committed it up to this sequence, whatever we heard of it.
    pub fn found_committed(&mut self, through: u64) {
        self.uncommitted = self.uncommitted.filter(|uncommitted| *uncommitted > through);
    }

    /// True if records that were sent and not committed may still lie open in a partition: see
    /// [`crate::drain::leftovers`].
    pub fn may_have_leftovers(&self) -> bool {
        self.may_lie_open && (self.is_inherited || self.uncommitted.is_some())
    }

    /// The last sequence that was sent and is not known to be committed.
    pub fn uncommitted(&self) -> Option<u64> {
        self.uncommitted
    }

    /// Notes that no record of it lies open.
    pub fn leftovers_ended(&mut self) {
        self.may_lie_open = false;
    }

    /// Notes that records were committed. True if it was in trouble until now.
    pub fn delivered(&mut self) -> bool {
        self.pause.end();
        self.uncommitted = None;
        self.is_inherited = false;
        self.may_lie_open = false;
        self.suspected = false;
        self.room = self.room.saturating_mul(2);
        std::mem::take(&mut self.troubled)
    }

    /// Limits the number of records that go at once.
    pub fn split(&mut self, records: usize) {
        self.room = records.max(1);
    }
}

/// The most bytes that Kafka adds to a record, including its share of the batch's header.
const OVERHEAD: usize = 100;
/// The longest pause. People mend a topic; a look every quarter of a minute is enough.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_was_narrowed_grows_with_each_delivery() {
        let mut lane = Lane::new(LaneId(0), "t".into());

        lane.split(0);
        lane.suspect();
        assert!(lane.room == 1 && lane.is_suspected());
        lane.delivered();
        assert!(lane.room == 2 && !lane.is_suspected());
    }

    #[test]
    fn a_record_near_its_topics_limit_may_be_too_large() {
        let mut lane = Lane::new(LaneId(0), "t".into());

        assert!(!lane.may_be_too_large(usize::MAX - OVERHEAD));
        lane.limit = Some(100_000);
        assert!(!lane.may_be_too_large(99_000));
        assert!(lane.may_be_too_large(99_950));
    }

    #[test]
    fn leftovers_are_looked_for_when_a_leader_was_away_and_what_was_sent_does_not_count() {
        let now = Instant::now();
        let mut lane = Lane::new(LaneId(0), "t".into());

        lane.sent_uncommitted(7);
        lane.set_aside(Trouble::UnknownTopic, now);
        assert!(!lane.may_have_leftovers());
        lane.set_aside(Trouble::NotEnoughReplicas, now);
        lane.found_committed(6);
        assert!(lane.may_have_leftovers());
        lane.found_committed(7);
        assert!(!lane.may_have_leftovers());
        lane.sent_uncommitted(9);
        assert!(lane.may_have_leftovers());
        lane.leftovers_ended();
        assert!(!lane.may_have_leftovers());
    }
}
