//! Looks at the topics of lanes before they are sent to, and at Kafka when nothing is sent.

use crate::drain::session::Unswept;
use crate::drain::settle::{Renew, restart};
use crate::drain::sweeping;
use crate::drain::{Drain, Error, Stepped};
use crate::kafka::outcome::Trouble;
use crate::kafka::topics::TopicState;
use std::time::{Duration, Instant};

impl Drain {
    /// Looks at the topics of lanes that have something to send and were not looked at since they
    /// were last in trouble. False if the cluster did not answer.
    pub(super) fn look_at_topics(&mut self, now: Instant) -> Result<bool, Error> {
        for at in 0..self.lanes.len() {
            let Some(session) = &self.session else { return Ok(false) };
            if !self.lanes[at].wants_a_look(&self.spool, now) {
                continue;
            }
            match session.topics.look_for(&self.lanes[at], &self.settings) {
                Ok(TopicState::Ready { partitions }) => {
                    if self.sweep(at, partitions, now)? {
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

    /// Ends what lies open in a lane's topic, if anything may. If that does not work, the lane waits,
    /// and the others go on.
    fn sweep(&mut self, at: usize, partitions: i32, now: Instant) -> Result<bool, Error> {
        let lane = &mut self.lanes[at];
        let Some(session) = self.session.as_mut().filter(|_| lane.wants_a_sweep()) else {
            return Ok(true);
        };
        let vain = sweeping::vain(&self.spool, lane)?;
        match session.sweep(&self.settings, &lane.topic, partitions, &vain) {
            Ok(()) => {
                lane.swept();
                Ok(true)
            }
            Err(Unswept::Reading(trouble)) => {
                self.set_aside(at, trouble, now);
                Ok(false)
            }
            Err(Unswept::Aborting(trouble)) => {
                self.set_aside(at, trouble, now);
                self.renew(Renew::Lost(restart(trouble)));
                Ok(false)
            }
        }
    }

    /// Holds a lane back for a while, longer each time.
    pub(super) fn set_aside(&mut self, at: usize, trouble: Trouble, now: Instant) {
        let lane = &mut self.lanes[at];
        let pause = lane.set_aside(trouble, now);
        self.status.error(trouble);
        self.status.set_aside(&lane.topic, trouble, pause);
    }

    /// Nothing to send: see now and then whether Kafka is still there.
    pub(super) fn idle(&mut self, now: Instant) -> Stepped {
        if self.pace.wants_a_probe(now)
            && let Some(session) = &self.session
        {
            match session.probe(&self.settings) {
                Ok(()) => self.heard(now),
                Err(trouble) => self.give_up(trouble, now),
            }
        }
        let next = self.lanes.iter().filter_map(|lane| lane.pause.left(now)).min();
        Stepped::Idle(next.map_or(IDLE, |next| next.min(IDLE)))
    }
}

const IDLE: Duration = Duration::from_secs(5);
