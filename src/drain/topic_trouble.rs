//! Holds back the lanes whose topics are in trouble: looks at each topic before it is sent to, and sets
//! the lane aside while the topic cannot take records.

use crate::drain::leftovers;
use crate::drain::settle::{Renew, restart};
use crate::drain::{Drain, Error};
use crate::kafka::outcome::Trouble;
use crate::kafka::topics::TopicState;
use std::time::Instant;

impl Drain {
    /// Looks at the topics of lanes that have records to send and were not looked at since their
    /// last trouble. False if the cluster did not answer.
    pub(super) fn look_at_topics(&mut self, now: Instant) -> Result<bool, Error> {
        for at in 0..self.lanes.len() {
            let Some(session) = &self.session else { return Ok(false) };
            if !self.lanes[at].wants_a_look(&self.spool, now) {
                continue;
            }
            match session.topics.look_for(&self.lanes[at], &self.settings) {
                Ok(TopicState::Ready { partitions }) => {
                    if self.abort_leftovers(at, partitions, now)? {
                        self.lanes[at].found_ready();
                    }
                }
                Ok(TopicState::Troubled(trouble)) => self.set_aside(at, trouble, now),
                Err(trouble) => {
                    self.give_up(trouble, now);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Aborts the leftovers in a lane's topic, if there may be some. If that fails, the lane is set
    /// aside, and the others go on. True if the lane may send.
    fn abort_leftovers(&mut self, at: usize, partitions: i32, now: Instant) -> Result<bool, Error> {
        let lane = &mut self.lanes[at];
        let Some(session) = self.session.as_mut().filter(|_| lane.may_have_leftovers()) else {
            return Ok(true);
        };
        let open = match session.open_in(&self.settings, &lane.topic, partitions) {
            Ok(open) => open,
            // A relay needs no right to read what it publishes. To publish leftovers twice is better
            // than to stop for good.
            Err(Trouble::Authorization) => {
                tracing::warn!(topic = &*lane.topic, "no right to look for an aborted transaction");
                Vec::new()
            }
            Err(trouble) => {
                self.set_aside(at, trouble, now);
                return Ok(false);
            }
        };
        let leftovers = leftovers::among(open, || leftovers::values(&self.spool, lane))?;
        if !leftovers.is_empty()
            && let Err(trouble) = session.abort_in(&lane.topic, &leftovers)
        {
            self.set_aside(at, trouble, now);
            self.renew(Renew::Lost(restart(trouble)));
            return Ok(false);
        }
        lane.leftovers_ended();
        Ok(true)
    }

    /// Sets a lane aside for a while, longer each time.
    pub(super) fn set_aside(&mut self, at: usize, trouble: Trouble, now: Instant) {
        let lane = &mut self.lanes[at];
        let pause = lane.set_aside(trouble, now);
        self.status.error(trouble);
        self.status.set_aside(&lane.topic, trouble, pause);
    }
}
