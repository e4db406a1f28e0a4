//! What the drain knows of a lane between two batches.

use crate::drain::pause::Pause;
use crate::event::reason::Reason;
use crate::kafka::outcome::Trouble;
use crate::spool::Spool;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A lane as the drain sees it.
#[derive(Debug)]
pub struct Lane {
    /// Its number in the spool.
    pub number: u16,
    /// The topic it feeds.
    pub topic: Arc<str>,
    /// How long it is set aside.
    pub pause: Pause,
    /// The record that comes next and that Kafka refused for good.
    pub refused: Option<Refused>,
    /// How much may go at once; less while a refused record is searched.
    pub room: Room,
    ready: bool,
    troubled: bool,
    /// The last sequence that was sent and did not come to count.
    vain: Option<u64>,
    /// Its topic has had a partition without leader since it last delivered.
    leaderless: bool,
}

/// How much of a lane may go at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room {
    /// So many records.
    pub records: usize,
    /// So many bytes as Kafka counts them; a single record may have more.
    pub bytes: usize,
}

impl Room {
    /// What is left behind a record of so many bytes; `None` if it does not fit.
    pub fn after(self, bytes: usize) -> Option<Self> {
        Some(Self {
            records: self.records.checked_sub(1)?,
            bytes: self.bytes.checked_sub(bytes + OVERHEAD)?,
        })
    }
}

/// A record that Kafka does not take, for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Its sequence.
    pub sequence: u64,
    /// Why.
    pub trouble: Trouble,
}

impl Refused {
    /// Why it is in quarantine.
    pub fn reason(&self) -> Reason {
        match self.trouble {
            Trouble::TooLarge => Reason::TooLargeForKafka,
            _ => Reason::InvalidRecord,
        }
    }
}

impl Lane {
    /// A lane that was not looked at yet.
    pub fn new(number: u16, topic: Arc<str>) -> Self {
        Self {
            number,
            topic,
            pause: Pause::up_to(LONGEST_PAUSE),
            refused: None,
            room: Room { records: usize::MAX, bytes: usize::MAX },
            ready: false,
            troubled: false,
            vain: None,
            leaderless: false,
        }
    }

    /// Whether its topic must be looked at before it may send.
    pub fn wants_a_look(&self, spool: &Spool, now: Instant) -> bool {
        !self.ready && self.pause.left(now).is_none() && spool.waits(self.number)
    }

    /// Whether it may send now.
    pub fn may_send(&self, now: Instant) -> bool {
        self.ready && self.pause.left(now).is_none()
    }

    /// Its topic is there.
    pub fn found_ready(&mut self) {
        self.ready = true;
    }

    /// Its topic must be looked at again.
    pub fn forget(&mut self) {
        self.ready = false;
    }

    /// Holds it back for a while, longer each time.
    pub fn set_aside(&mut self, trouble: Trouble, now: Instant) -> Duration {
        self.ready = false;
        self.troubled = true;
        self.leaderless |= trouble == Trouble::NotEnoughReplicas;
        self.pause.begin(now)
    }

    /// Records of it were sent, up to this sequence, and do not count.
    pub fn sent_in_vain(&mut self, through: u64) {
        self.vain = self.vain.max(Some(through));
    }

    /// Kafka says that it is committed so far, whatever we heard.
    pub fn found_committed(&mut self, through: u64) {
        self.vain = self.vain.filter(|vain| *vain > through);
    }

    /// Whether what was sent in vain may still lie open in a partition: see
    /// [`crate::drain::sweeping`].
    pub fn wants_a_sweep(&self) -> bool {
        self.leaderless && self.vain.is_some()
    }

    /// The last sequence that was sent and does not count.
    pub fn vain(&self) -> Option<u64> {
        self.vain
    }

    /// Nothing lies open.
    pub fn swept(&mut self) {
        self.leaderless = false;
    }

    /// Records of it were committed. True if it was in trouble until now.
    pub fn delivered(&mut self) -> bool {
        self.pause.end();
        self.vain = None;
        self.leaderless = false;
        self.room.records = self.room.records.saturating_mul(2);
        std::mem::take(&mut self.troubled)
    }

    /// Sends less at once, to find the record that is refused. `records` went and failed together,
    /// and `largest` is what the topic takes, if that is known.
    ///
    /// Within that bound only a record that is larger itself can be refused for its size, and it
    /// goes alone; so it is found at the next attempt.
    pub fn split(&mut self, records: usize, largest: Option<usize>) {
        match largest {
            Some(bytes) if bytes != self.room.bytes => self.room.bytes = bytes,
            _ => self.room.records = (records / SPLIT).max(1),
        }
    }
}

/// What Kafka's framing adds to a record at most, and its share of its batch's head.
const OVERHEAD: usize = 100;
/// A topic is mended by people; a look every quarter of a minute is enough.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A batch that was refused is cut to a quarter: six steps from ten thousand to one.
const SPLIT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_batch_is_bounded_by_what_the_topic_takes_and_cut_if_that_does_not_help() {
        let mut lane = Lane::new(0, "t".into());

        lane.split(400, Some(20_000));
        assert_eq!(lane.room, Room { records: usize::MAX, bytes: 20_000 });
        lane.split(40, Some(20_000));
        assert_eq!(lane.room, Room { records: 10, bytes: 20_000 });
        lane.split(10, None);
        assert_eq!(lane.room.records, 2);
        lane.split(2, None);
        assert_eq!(lane.room.records, 1);
        lane.delivered();
        assert_eq!(lane.room, Room { records: 2, bytes: 20_000 });
    }

    #[test]
    fn a_sweep_is_due_when_a_leader_was_away_and_what_was_sent_does_not_count() {
        let now = Instant::now();
        let mut lane = Lane::new(0, "t".into());

        lane.sent_in_vain(7);
        lane.set_aside(Trouble::UnknownTopic, now);
        assert!(!lane.wants_a_sweep());
        lane.set_aside(Trouble::NotEnoughReplicas, now);
        lane.found_committed(6);
        assert!(lane.wants_a_sweep());
        lane.found_committed(7);
        assert!(!lane.wants_a_sweep());
        lane.sent_in_vain(9);
        assert!(lane.wants_a_sweep());
        lane.swept();
        assert!(!lane.wants_a_sweep());
    }
}
