//! Settles a batch: decides what its outcome means. A pure function; its tests enumerate every
//! case.

#[cfg(test)]
mod tests;

use crate::drain::status::Restart;
use crate::kafka::outcome::{BatchOutcome, Concerns, Ending, Report, Trouble};
use crate::spool::LaneId;

/// The part of a batch that belongs to one lane.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Share {
    /// The lane.
    pub lane: LaneId,
    /// Its records in the batch, in order: the index in the batch, and the sequence.
    pub records: Vec<(usize, u64)>,
    /// True if it is one record for the quarantine topic, because its own topic refused it.
    pub quarantined: bool,
    /// True if it is the whole batch, because an earlier batch failed for an unknown reason.
    pub suspected: bool,
}

/// The decisions about a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settlement {
    /// The number of settled records by lane, counted from the first.
    pub settled: Vec<(LaneId, usize)>,
    /// The measures for lanes that are not settled completely.
    pub lanes: Vec<(LaneId, Measure)>,
    /// The reason for making the producer anew, if it must be.
    pub renew: Option<Renew>,
    /// True if the drain must pause before the next attempt.
    pub pause: bool,
    /// The trouble, if it concerns the whole way to Kafka.
    pub trouble: Option<Trouble>,
}

/// A measure for a lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Sets it aside for a while, longer each time.
    SetAside(Trouble),
    /// Sends fewer of its records at once: one of those that went is refused, or spoils the batch.
    Split {
        /// The most records at once: fewer than went, and at least one.
        records: usize,
    },
    /// Sends its first record to quarantine.
    Poison {
        /// Its sequence.
        sequence: u64,
        /// The reason of the refusal.
        trouble: Trouble,
    },
    /// Looks at its topic, and sends it alone next time: the batch failed, and it may be the
    /// reason.
    Suspect,
}

/// The reason for making the producer anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renew {
    /// A record was refused. That leaves a gap in the producer's sequence, for which its next batch
    /// would fail.
    Refusal,
    /// Its state is unknown.
    Lost(Restart),
}

/// Decides what the outcome of a batch means.
///
/// No batch comes back unchanged: some of it is settled, or less goes next time, or there is a
/// growing pause. A refused record is handled whatever the ending, because a producer that can no
/// longer end its transaction has still reported the refusal.
pub fn settle(shares: &[Share], outcome: &BatchOutcome) -> Settlement {
    let mut settlement = Settlement::default();
    let rest = match outcome.ending {
        Ending::Committed => {
            settlement.settled =
                shares.iter().map(|share| (share.lane, share.records.len())).collect();
            return settlement;
        }
        // Each record counts by itself. The written records at the head of each lane are settled.
        Ending::Untied | Ending::UntiedSilent => settlement.take_written(shares, &outcome.reports),
        Ending::Aborted(_) | Ending::Silent | Ending::InDoubt(_) => shares.to_vec(),
    };
    for share in &rest {
        settlement.judge(share, &outcome.reports);
    }
    match outcome.ending {
        Ending::Committed | Ending::Untied => {}
        // If a record was refused, the refusal is the reason.
        Ending::Aborted(_) if !settlement.lanes.is_empty() => {}
        Ending::Aborted(trouble) => settlement.trouble = Some(trouble),
        Ending::Silent | Ending::UntiedSilent => {
            settlement.renew = Some(Renew::Lost(Restart::Silent));
            settlement.trouble = Some(Trouble::Timeout);
        }
        Ending::InDoubt(trouble) => {
            settlement.renew = Some(Renew::Lost(restart(trouble)));
            settlement.trouble = Some(trouble);
        }
    }
    if settlement.lanes.is_empty() && settlement.settled.is_empty() {
        settlement.pause = true;
        let trouble = settlement.trouble.unwrap_or(Trouble::Timeout);
        settlement.trouble = Some(trouble);
        if may_be_of_a_lane(trouble) {
            settlement.suspect(&rest, &outcome.reports, trouble);
        }
    }
    settlement
}

/// The reason that is counted when a producer is lost to this trouble.
pub fn restart(trouble: Trouble) -> Restart {
    match trouble {
        Trouble::Fenced => Restart::Fenced,
        Trouble::Timeout | Trouble::Transport => Restart::CommitTimeout,
        Trouble::Authentication
        | Trouble::Authorization
        | Trouble::UnknownTopic
        | Trouble::NotEnoughReplicas
        | Trouble::Fatal
        | Trouble::Quota
        | Trouble::TooLarge
        | Trouble::Invalid => Restart::Fatal,
    }
}

/// True if one lane can be the reason of a batch that failed without a refused record: its topic
/// keeps a broker from answering, or refuses to join the transaction.
fn may_be_of_a_lane(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Timeout | Trouble::Fatal => true,
        // These concern the cluster, or another relay.
        Trouble::Transport | Trouble::Authentication | Trouble::Fenced => false,
        // No record was refused for it, so a position was.
        Trouble::Authorization
        | Trouble::UnknownTopic
        | Trouble::NotEnoughReplicas
        | Trouble::Quota
        | Trouble::TooLarge
        | Trouble::Invalid => false,
    }
}

impl Settlement {
    /// Settles the written records at the head of each share, and returns the rest of the shares.
    fn take_written(&mut self, shares: &[Share], reports: &[Report]) -> Vec<Share> {
        let mut rest = Vec::new();
        for share in shares {
            let settled = share.records.iter().take_while(|(at, _)| is_written(*at, reports));
            let settled = settled.count();
            if settled > 0 {
                self.settled.push((share.lane, settled));
            }
            if settled < share.records.len() {
                rest.push(Share { records: share.records[settled..].to_vec(), ..share.clone() });
            }
        }
        rest
    }

    /// Decides on a lane with a refused record.
    fn judge(&mut self, share: &Share, reports: &[Report]) {
        let refusals = share.records.iter().enumerate().filter_map(|(place, (at, sequence))| {
            match reports.get(*at) {
                Some(Report::Refused(trouble)) => Some((place, *sequence, *trouble)),
                Some(Report::Written { .. } | Report::Unheard) | None => None,
            }
        });
        // A trouble of the lane comes first: after it nothing is known of single records.
        let Some((place, sequence, trouble)) =
            refusals.min_by_key(|(_, _, trouble)| match trouble.concerns() {
                Concerns::Lane => 0,
                Concerns::Record => 1,
                Concerns::Everything => 2,
            })
        else {
            return;
        };
        let verdict = match trouble.concerns() {
            // Quarantine itself refuses it. It must not be lost, so the lane waits, and the log
            // says so.
            Concerns::Record if share.quarantined => Measure::SetAside(trouble),
            Concerns::Record if share.records.len() == 1 => Measure::Poison { sequence, trouble },
            // The client reports for all records of a request what is true of one, so the first of
            // them need not be the one. The records before it are innocent.
            Concerns::Record if place > 0 => Measure::Split { records: place },
            Concerns::Record => Measure::Split { records: fewer(share.records.len()) },
            Concerns::Lane => Measure::SetAside(trouble),
            Concerns::Everything => {
                self.trouble = Some(trouble);
                return;
            }
        };
        if trouble.concerns() == Concerns::Record {
            self.renew = Some(Renew::Refusal);
        }
        self.lanes.push((share.lane, verdict));
    }

    /// Narrows a batch that failed without a report: first to one lane, then to fewer of its
    /// records. In the end that lane waits and the others go on.
    fn suspect(&mut self, shares: &[Share], reports: &[Report], trouble: Trouble) {
        let is_whole = |share: &Share| share.records.iter().all(|(at, _)| is_written(*at, reports));
        let all_are_whole = shares.iter().all(is_whole);
        for share in shares.iter().filter(|share| all_are_whole || !is_whole(share)) {
            let verdict = match share.records.len() {
                _ if !share.suspected => Measure::Suspect,
                0 | 1 => Measure::SetAside(trouble),
                records => Measure::Split { records: fewer(records) },
            };
            self.lanes.push((share.lane, verdict));
        }
    }
}

fn is_written(at: usize, reports: &[Report]) -> bool {
    matches!(reports.get(at), Some(Report::Written { .. }))
}

/// A quarter: eight steps from forty thousand to one.
fn fewer(records: usize) -> usize {
    (records / 4).max(1)
}
