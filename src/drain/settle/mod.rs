//! What a batch's outcome means. A pure function: every case is enumerated in its tests.

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
    /// Its records in the batch: where in the batch, and their sequences, in order.
    pub records: Vec<(usize, u64)>,
    /// Whether it is one record on its way to quarantine, because its own topic refused it.
    pub quarantined: bool,
    /// Whether it is all of the batch, because an earlier batch failed and nobody knows why.
    pub suspected: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settlement {
    /// By lane, how many of its records are out; all in the batch's order.
    pub settled: Vec<(LaneId, usize)>,
    /// What is to be done about lanes that are not all out.
    pub lanes: Vec<(LaneId, Measure)>,
    /// The producer must be ended and made anew.
    pub renew: Option<Renew>,
    /// Everything pauses before the next attempt.
    pub pause: bool,
    /// What went wrong, if it concerns the way to Kafka.
    pub trouble: Option<Trouble>,
}

/// What is to be done about a lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Hold it back for a while, longer each time.
    SetAside(Trouble),
    /// Send fewer of its records at once: one among those that went is refused, or spoils the batch.
    Split {
        /// So many at most: fewer than went, and at least one.
        records: usize,
    },
    /// This record, its first, goes to quarantine.
    Poison {
        /// Its sequence.
        sequence: u64,
        /// Why Kafka refuses it.
        trouble: Trouble,
    },
    /// Look at its topic, and send nothing else with it next time: the batch failed, and it may be
    /// the reason.
    Suspect,
}

/// Why the producer must be made anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renew {
    /// A record was refused, which leaves a gap in the producer's sequence; the next batch of the
    /// same producer would fail for that.
    Refusal,
    /// Its state is not known any more.
    Lost(Restart),
}

/// Decides what a batch's outcome means.
///
/// No batch comes back as it was: something of it is out, or less goes next time, or there is a
/// pause that grows. A refused record is dealt with however the batch ended, because a producer that
/// cannot end its transaction any more has still told what was refused.
pub fn settle(shares: &[Share], outcome: &BatchOutcome) -> Settlement {
    let mut settlement = Settlement::default();
    let rest = match outcome.ending {
        Ending::Committed => {
            settlement.settled =
                shares.iter().map(|share| (share.lane, share.records.len())).collect();
            return settlement;
        }
        // Each record counts for itself. What is out is the unbroken beginning of each lane.
        Ending::Untied | Ending::UntiedSilent => settlement.take_written(shares, &outcome.reports),
        Ending::Aborted(_) | Ending::Silent | Ending::InDoubt(_) => shares.to_vec(),
    };
    for share in &rest {
        settlement.judge(share, &outcome.reports);
    }
    match outcome.ending {
        Ending::Committed | Ending::Untied => {}
        // If a record was refused, that is why.
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

/// What a producer that is lost for this trouble is counted as.
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

/// Whether one lane can be why a batch failed, when no record of it was refused: its topic keeps a
/// broker from answering, or refuses to join the transaction.
fn may_be_of_a_lane(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Timeout | Trouble::Fatal => true,
        // These are about the cluster, or another relay.
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
    /// Settles the unbroken beginning of each share, and returns what is left of them.
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

    /// Decides about a lane of which a record was refused.
    fn judge(&mut self, share: &Share, reports: &[Report]) {
        let refusals = share.records.iter().enumerate().filter_map(|(place, (at, sequence))| {
            match reports.get(*at) {
                Some(Report::Refused(trouble)) => Some((place, *sequence, *trouble)),
                Some(Report::Written { .. } | Report::Unheard) | None => None,
            }
        });
        // What is about the lane comes first: after that nothing is known of single records.
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
            // Quarantine itself refuses it. It must not be lost: wait, and say so.
            Concerns::Record if share.quarantined => Measure::SetAside(trouble),
            Concerns::Record if share.records.len() == 1 => Measure::Poison { sequence, trouble },
            // The client says of all that went in one request what is true of one of them, so the
            // first of those need not be the one. Those before it are none.
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

    /// Narrows a batch that failed without a word of any record: to one lane of several, then to
    /// fewer of its records, and in the end that lane waits and the others go on.
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
