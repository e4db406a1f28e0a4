//! Applies the outcome of a batch to the spool, the lanes and the producer.

use crate::drain::batch::{Batch, Departure};
use crate::drain::lane::RefusedRecord;
use crate::drain::settle::{Measure, Renew, Settlement};
use crate::drain::status::Restart;
use crate::drain::{Drain, Error, Stepped};
use crate::kafka::outcome::{Report, Trouble};
use jiff::Timestamp;
use std::time::{Duration, Instant};

impl Drain {
    /// Applies a settlement.
    pub(super) fn apply(
        &mut self,
        now: Instant,
        batch: &Batch,
        reports: &[Report],
        settlement: Settlement,
    ) -> Result<Stepped, Error> {
        for (lane, departure) in batch.departures(&settlement.settled, reports) {
            let Departure { leaving, places } = departure;
            let refused = match leaving.quarantined {
                0 => None,
                _ => self.lanes[lane.index()].refused.take(),
            };
            match refused {
                None => self.spool.release(lane, leaving, &places),
                // The record went alone, and its place is in the quarantine topic.
                Some(refused) => {
                    self.spool.note_quarantined(lane, &places, refused.reason().as_str());
                    self.spool.release(lane, leaving, &[]);
                }
            }
            self.status.delivered(&batch.delays(lane, leaving.through, Timestamp::now()));
            let lane = &mut self.lanes[lane.index()];
            if lane.delivered() {
                self.status.resumed(&lane.topic);
            }
            self.status.quarantined(&lane.topic, refused);
        }
        for (number, verdict) in settlement.lanes {
            let at = number.index();
            match verdict {
                Measure::SetAside(trouble) => self.set_aside(at, trouble, now),
                Measure::Split { records } => {
                    // If the topic does not tell its limit, too many innocent records may have gone
                    // together.
                    if settlement.renew == Some(Renew::Refusal) && self.lanes[at].limit.is_none() {
                        self.largest = (self.largest.min(LARGEST) / 4).max(SMALLEST);
                    }
                    self.lanes[at].split(records);
                }
                Measure::Poison { sequence, trouble } => {
                    self.lanes[at].refused = Some(RefusedRecord { sequence, trouble });
                    // Its quarantined form goes to another topic.
                    self.lanes[at].forget();
                }
                Measure::Suspect => self.lanes[at].suspect(),
            }
        }
        if let Some(trouble) = settlement.trouble {
            self.status.error(trouble);
        } else {
            self.heard(now);
            self.timing.batch_ended();
        }
        if let Some(reason) = settlement.renew {
            self.renew(reason);
        }
        if settlement.pause {
            self.timing.back_off(now, settlement.trouble);
        }
        Ok(Stepped::On)
    }

    /// Waits until the last transaction has its end everywhere. If that cannot be seen, all clients
    /// are ended, and made anew when the cluster answers.
    pub(super) fn last_batch_has_its_end(&mut self, now: Instant, patience: Duration) -> bool {
        let awaited = self.session.as_mut().map(|session| session.await_end(patience));
        let Some(Err(trouble)) = awaited else { return true };
        if matches!(trouble, Trouble::Transport | Trouble::Timeout) {
            self.give_up(trouble, now);
            return false;
        }
        self.status.error(trouble);
        self.renew(Renew::Lost(Restart::CommitTimeout));
        self.timing.back_off(now, Some(trouble));
        false
    }

    /// Handles a cluster of which no broker answers. A client that has lost all brokers may not
    /// find them again by itself, so all clients are ended, and made anew until one finds a broker.
    pub(super) fn give_up(&mut self, trouble: Trouble, now: Instant) {
        self.lost(trouble);
        self.renew(Renew::Lost(Restart::Silent));
        self.timing.back_off(now, Some(trouble));
    }

    /// Ends the producer; the next step makes a new one.
    pub(super) fn renew(&mut self, reason: Renew) {
        if let Some(session) = self.session.take() {
            session.end();
        }
        match reason {
            Renew::Refusal => {}
            Renew::Lost(restart) => {
                self.timing.producer_lost();
                self.status.restarted(restart);
            }
        }
    }

    /// Notes that Kafka answered.
    pub(super) fn heard(&mut self, now: Instant) {
        self.timing.heard(now);
        self.status.up(self.settings.brokers.as_str(), self.settings.delivery);
    }

    /// Notes that Kafka did not answer: counted each time, logged once.
    pub(super) fn lost(&self, trouble: Trouble) {
        self.status.error(trouble);
        self.status.down(trouble, self.settings.brokers.as_str());
    }
}

/// After a first refusal a request may hold a quarter of this many bytes, and so on.
const LARGEST: usize = 262_144;

/// The fewest bytes. A topic that takes less still takes records one by one.
const SMALLEST: usize = 4_096;
