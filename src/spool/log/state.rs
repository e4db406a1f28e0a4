//! The identity and state of the instance, as the first frame of each segment holds it.
//!
//! A start reads the newest one, and the additions in the frames after it. So no fact about the
//! whole spool needs a file of its own, and it is on the disk exactly when the segment is.

use crate::spool::log::frame::{Kind, Section};
use crate::spool::{LaneId, Run};
use serde::{Deserialize, Serialize};

/// The facts about the whole spool.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct InstanceState {
    /// The directory's name, chosen once.
    pub instance: String,
    /// The runs that may have records here, oldest first.
    pub runs: Vec<Run>,
    /// Each lane, in the order of their numbers.
    pub lanes: Vec<LaneState>,
    /// Frames that may be missing: they were given back, or lost with an operator's consent.
    pub gone: Gone,
}

impl InstanceState {
    /// Encodes it as the section of a frame.
    pub fn section(&self) -> Section {
        let bytes = serde_json::to_vec(self).expect("text and numbers can be written");
        Section { kind: Kind::State, lane: LaneId(0), bytes: bytes.into() }
    }

    /// Reads a section.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The most bytes that its section can take as its numbers grow.
    pub fn most_bytes(&self) -> u64 {
        let numbers = 20 * (self.runs.len() + self.lanes.len());
        (self.section().bytes.len() + numbers + ROOM_FOR_GONE) as u64
    }
}

/// One lane.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LaneState {
    /// The topic it feeds.
    pub topic: String,
    /// The sequence up to which it is released.
    pub released: u64,
}

/// The numbers of frames that may be missing.
///
/// A segment is named here, in a frame, before its file is removed. So a missing segment that is
/// not named is lost, and an existing one that is named is a leftover.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Gone {
    /// In order, with frames between them.
    runs: Vec<FrameRun>,
}

/// A run of consecutive frames.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct FrameRun {
    first: u64,
    last: u64,
}

impl Gone {
    /// Adds frames.
    pub fn add(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let mut added = FrameRun { first, last };
        self.runs.retain(|run| {
            let touches = run.first <= added.last.saturating_add(1) && added.first <= run.last + 1;
            if touches {
                added.first = added.first.min(run.first);
                added.last = added.last.max(run.last);
            }
            !touches
        });
        let at = self.runs.partition_point(|run| run.first < added.first);
        self.runs.insert(at, added);
    }

    /// The last frame of the run that has this one.
    pub fn end_of(&self, frame: u64) -> Option<u64> {
        let run = self.runs.iter().find(|run| run.first <= frame && frame <= run.last);
        run.map(|run| run.last)
    }

    /// True if it has all of these frames.
    pub fn covers(&self, first: u64, last: u64) -> bool {
        first > last || self.runs.iter().any(|run| run.first <= first && last <= run.last)
    }
}

/// Some tens of runs, one after each segment in which a record waits for long.
const ROOM_FOR_GONE: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_touch_become_one_run() {
        let mut gone = Gone::default();
        for (first, last) in [(1, 4), (9, 10), (5, 6), (12, 12), (11, 11), (20, 19)] {
            gone.add(first, last);
        }

        assert_eq!(gone.runs.len(), 2, "{gone:?}");
        assert!(gone.covers(1, 6) && gone.covers(9, 12) && gone.covers(7, 6));
        assert!(!gone.covers(6, 7) && !gone.covers(8, 9) && !gone.covers(20, 20));
    }
}
