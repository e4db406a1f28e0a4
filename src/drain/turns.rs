//! Chooses the lanes of the next batch.

use crate::drain::lane::Lane;

/// The turns of the lanes.
///
/// Lanes without suspicion go together. Lanes that are suspected of having spoiled a batch go one
/// at a time, in turn, and every second batch belongs to the others; so no lane waits for another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    /// The first lane to consider when a suspected one is due.
    next: usize,
    /// The last batch belonged to a suspected lane.
    was_suspected: bool,
}

impl Turns {
    /// Chooses the lanes of the next batch among those that can go.
    pub fn next<'a>(
        &mut self,
        lanes: &'a [Lane],
        mut can_go: impl FnMut(&Lane) -> bool,
    ) -> Vec<&'a Lane> {
        let (suspected, others): (Vec<&Lane>, Vec<&Lane>) =
            lanes.iter().filter(|lane| can_go(lane)).partition(|lane| lane.is_suspected());
        let due = suspected.iter().find(|lane| lane.number.index() >= self.next);
        let due = due.or(suspected.first()).filter(|_| others.is_empty() || !self.was_suspected);
        self.was_suspected = due.is_some();
        match due {
            None => others,
            Some(lane) => {
                self.next = lane.number.index() + 1;
                vec![lane]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::LaneId;

    #[test]
    fn suspected_lanes_go_alone_in_turn_and_the_others_between_them() {
        let mut lanes: Vec<Lane> =
            (0..4).map(|number| Lane::new(LaneId(number), "t".into())).collect();
        lanes[1].suspect();
        lanes[3].suspect();
        let mut turns = Turns::default();

        let went: Vec<Vec<u16>> = (0..5)
            .map(|_| turns.next(&lanes, |_| true).iter().map(|lane| lane.number.0).collect())
            .collect();

        assert_eq!(went, [vec![1], vec![0, 2], vec![3], vec![0, 2], vec![1]]);
    }

    #[test]
    fn without_others_the_suspected_follow_each_other() {
        let mut lanes: Vec<Lane> =
            (0..2).map(|number| Lane::new(LaneId(number), "t".into())).collect();
        lanes.iter_mut().for_each(Lane::suspect);
        let mut turns = Turns::default();

        let went: Vec<u16> = (0..3).map(|_| turns.next(&lanes, |_| true)[0].number.0).collect();

        assert_eq!(went, [0, 1, 0]);
    }
}
