//! Begins a session: connects, and releases the records that are committed already.

use crate::drain::lane::Lane;
use crate::drain::session::{Begun, Session};
use crate::drain::status::Restart;
use crate::drain::{Drain, Error, Stepped};
use crate::kafka::outcome::Trouble;
use crate::kafka::positions::OpenPosition;
use crate::spool::lanes::Leaving;
use crate::spool::{LaneId, Spool};
use jiff::Timestamp;
use std::time::{Duration, Instant};

impl Drain {
    /// Connects, and releases the records that are committed already.
    pub(super) fn begin(&mut self, now: Instant, patience: Duration) -> Result<Stepped, Error> {
        let identity = self.spool.identity();
        // A relay may have no right to look at the topics of a provider that it does not serve.
        let used = self.lanes.iter().filter(|lane| self.spool.is_used(lane.number));
        let fed: Vec<&str> = used.map(|lane| &*lane.topic).collect();
        let begun = Session::begin(
            &self.settings,
            identity,
            self.making.clone(),
            &fed,
            self.largest,
            patience,
            |open| has_left(&self.spool, &self.lanes, open),
        );
        match begun.map_err(|error| error.trouble(&self.settings.brokers)) {
            Ok((session, Begun { committed, aborted })) => {
                for lane in &mut self.lanes {
                    lane.forget();
                    lane.limit = session.limits.get(&*lane.topic).copied();
                    let through = committed.reached(&self.spool, lane)?;
                    let sent = lane.uncommitted().unwrap_or(0);
                    lane.found_committed(through);
                    release_through(&self.spool, lane.number, through, sent)?;
                    // It may have gone to quarantine with a commit that we did not hear of.
                    lane.refused = lane.refused.filter(|refused| refused.sequence > through);
                    for position in &aborted {
                        if position.topic == *lane.topic {
                            lane.was_left_open(position.sequence);
                        }
                    }
                }
                self.tombstones = committed.tombstones(Timestamp::now());
                self.session = Some(session);
                self.heard(now);
            }
            Err(trouble) => {
                self.lost(trouble);
                if trouble == Trouble::Fenced {
                    self.status.restarted(Restart::Fenced);
                }
                self.timing.back_off(now, Some(trouble));
            }
        }
        Ok(Stepped::On)
    }
}

/// True if the record of a position has left the spool: Kafka had said that it is committed.
fn has_left(spool: &Spool, lanes: &[Lane], open: &OpenPosition) -> bool {
    let runs = &spool.identity().runs;
    let lane = lanes.iter().find(|lane| *lane.topic == *open.topic);
    lane.is_some_and(|lane| {
        !runs.iter().any(|run| run.name == open.run) || open.sequence <= spool.released(lane.number)
    })
}

/// Releases the records that Kafka has committed, though this run did not hear of it. This run sent
/// those up to `sent`; an earlier one sent the others.
fn release_through(spool: &Spool, lane: LaneId, through: u64, sent: u64) -> Result<(), Error> {
    for rest in spool.records_after(lane, spool.released(lane)) {
        let rest = rest?;
        let mut leaving = Leaving::default();
        for record in rest.records().take_while(|record| record.sequence <= through) {
            leaving.through = record.sequence;
            leaving.published += 1;
            leaving.found += u64::from(record.sequence > sent);
            leaving.bytes += record.bytes.len() as u64;
        }
        if leaving.published == 0 {
            break;
        }
        spool.release(lane, leaving, &[]);
    }
    Ok(())
}
