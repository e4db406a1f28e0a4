//! The position of each lane, computed from the positions of our runs in Kafka.

use crate::drain::lane::Lane;
use crate::kafka::positions::HeldPositions;
use crate::kafka::publisher::Position;
use crate::spool::{Identity, ReadError, Run, Spool};
use jiff::Timestamp;

/// The positions of an instance in Kafka.
#[derive(Debug)]
pub struct Committed {
    /// The instance and its runs.
    pub identity: Identity,
    /// The positions.
    pub held: HeldPositions,
}

impl Committed {
    /// The last sequence of a lane that is committed.
    pub fn reached(&self, spool: &Spool, lane: &Lane) -> Result<u64, ReadError> {
        let position = |run: &Run| {
            let key = (run.name.clone(), lane.topic.to_string());
            self.held.positions.get(&key).copied()
        };
        let next_after = |sequence| spool.first_after(lane.number, sequence);
        reached(&self.identity.runs, spool.released(lane.number), position, next_after)
    }

    /// Returns tombstones for the positions of runs that ended long ago.
    pub fn tombstones(&self, now: Timestamp) -> Vec<Position> {
        let alive: Vec<&str> = self.identity.runs.iter().map(|run| run.name.as_str()).collect();
        self.held.tombstones(&self.identity.instance, &alive, now)
    }
}

/// Follows a lane through its runs. A position counts for its own run only: a restored copy of a
/// spool gives its new records sequences that the original has used as well.
fn reached(
    runs: &[Run],
    released: u64,
    position: impl Fn(&Run) -> Option<u64>,
    next_after: impl Fn(u64) -> Result<Option<u64>, ReadError>,
) -> Result<u64, ReadError> {
    let mut reached = released;
    for (at, run) in runs.iter().enumerate() {
        let end = runs.get(at + 1).map_or(u64::MAX, |next| next.first - 1);
        if let Some(position) = position(run) {
            reached = reached.max(position.min(end));
        }
        if next_after(reached)?.is_none_or(|next| next <= end) {
            // Nothing waits, or the rest of this run still waits, and later runs wait behind it.
            break;
        }
    }
    Ok(reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs that begin at 1, 10 and 20, with a record at every sequence up to 25.
    #[track_caller]
    fn check(released: u64, positions: [Option<u64>; 3], expected: u64) {
        let runs = [1, 10, 20].map(|first| Run { name: first.to_string(), first });
        let position = |run: &Run| {
            let at = runs.iter().position(|known| known == run)?;
            positions[at]
        };
        let next_after = |sequence| Ok((sequence < 25).then_some(sequence + 1));
        assert_eq!(reached(&runs, released, position, next_after).unwrap(), expected);
    }

    #[test]
    fn a_run_counts_when_the_run_before_it_is_out_whole() {
        check(0, [None, None, None], 0);
        check(4, [None, Some(15), None], 4);
        check(0, [Some(7), Some(15), None], 7);
        check(0, [Some(9), Some(15), None], 15);
        check(0, [Some(9), Some(19), Some(22)], 22);
    }

    #[test]
    fn a_position_beyond_the_end_of_its_run_is_of_a_copy_and_counts_up_to_that_end() {
        check(0, [Some(40), None, None], 9);
        check(0, [Some(40), Some(12), None], 12);
    }
}
