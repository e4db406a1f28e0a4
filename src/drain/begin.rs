//! Begins a session: connects, and releases the records that are committed already.

use crate::drain::session::Session;
use crate::drain::status::Restart;
use crate::drain::{Drain, Error, Stepped};
use crate::kafka::outcome::Trouble;
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
        );
        match begun.map_err(|error| error.trouble(&self.settings.brokers)) {
            Ok((session, positions)) => {
                for lane in &mut self.lanes {
                    lane.forget();
                    lane.limit = session.limits.get(&*lane.topic).copied();
                    let through = positions.reached(&self.spool, lane)?;
                    let sent = lane.uncommitted().unwrap_or(0);
                    lane.found_committed(through);
                    release_through(&self.spool, lane.number, through, sent)?;
                    // It may have gone to quarantine with a commit that we did not hear of.
                    lane.refused = lane.refused.filter(|refused| refused.sequence > through);
                }
                self.tombstones = positions.tombstones(Timestamp::now());
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
