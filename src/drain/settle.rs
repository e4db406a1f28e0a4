//! What a batch's outcome means. A pure function: every case is enumerated in its tests.

use crate::drain::status::Restart;
use crate::kafka::outcome::{Concerns, Ending, Outcome, Report, Trouble};

/// The part of a batch that belongs to one lane.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Share {
    /// The lane.
    pub lane: u16,
    /// Its records in the batch: where in the batch, and their sequences, in order.
    pub records: Vec<(usize, u64)>,
    /// Whether it is one record on its way to quarantine, because its own topic refused it.
    pub quarantined: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settlement {
    /// By lane, how many of its records are out; all in the batch's order.
    pub settled: Vec<(u16, usize)>,
    /// What is to be done about lanes that are not all out.
    pub lanes: Vec<(u16, Verdict)>,
    /// The producer must be ended and made anew.
    pub renew: Option<Renew>,
    /// Everything pauses before the next attempt.
    pub pause: bool,
    /// What went wrong, if it concerns the way to Kafka.
    pub trouble: Option<Trouble>,
}

/// What is to be done about a lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Hold it back for a while.
    SetAside(Trouble),
    /// Send fewer of its records at once: one among these is refused, and Kafka does not say which.
    Split {
        /// How many went together.
        records: usize,
    },
    /// This record, its first, goes to quarantine.
    Poison {
        /// Its sequence.
        sequence: u64,
        /// Why Kafka refuses it.
        trouble: Trouble,
    },
    /// Look at its topic before the next attempt.
    LookAgain,
}

/// Why the producer must be made anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renew {
    /// It was told that a batch is too large; used again it hangs in its next flush.
    Refusal,
    /// Its state is not known any more.
    Lost(Restart),
}

/// Decides what a batch's outcome means.
pub fn settle(shares: &[Share], outcome: &Outcome) -> Settlement {
    match outcome.ending {
        Ending::Committed => Settlement {
            settled: shares.iter().map(|share| (share.lane, share.records.len())).collect(),
            ..Settlement::default()
        },
        Ending::Aborted(trouble) => aborted(shares, &outcome.reports, trouble),
        Ending::Untied => untied(shares, &outcome.reports),
        Ending::Silent => Settlement {
            renew: Some(Renew::Lost(Restart::Silent)),
            trouble: Some(Trouble::Timeout),
            ..Settlement::default()
        },
        Ending::InDoubt(trouble) => Settlement {
            renew: Some(Renew::Lost(restart(trouble))),
            // Fenced means that another relay is at work: do not fight over every transaction.
            pause: matches!(trouble, Trouble::Fenced | Trouble::Fatal | Trouble::Authentication),
            trouble: Some(trouble),
            ..Settlement::default()
        },
    }
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

/// Nothing counts; find out whose fault it was.
fn aborted(shares: &[Share], reports: &[Report], trouble: Trouble) -> Settlement {
    let mut settlement = Settlement::default();
    for share in shares {
        if let Some(trouble) = first_refusal(share, reports) {
            settlement.judge(share, trouble);
        }
    }
    if settlement.lanes.is_empty() {
        // No record was refused: a position was, or the commit itself.
        settlement.trouble = Some(trouble);
        settlement.pause = true;
    }
    settlement
}

/// Each record counts for itself. What is out is the unbroken beginning of each lane.
fn untied(shares: &[Share], reports: &[Report]) -> Settlement {
    let mut settlement = Settlement::default();
    for share in shares {
        let written = |(index, _): &&(usize, u64)| {
            matches!(reports.get(*index), Some(Report::Written { .. }))
        };
        let settled = share.records.iter().take_while(written).count();
        if settled > 0 {
            settlement.settled.push((share.lane, settled));
        }
        let rest = Share { records: share.records[settled..].to_vec(), ..share.clone() };
        if let Some(trouble) = first_refusal(&rest, reports) {
            settlement.judge(&rest, trouble);
        }
    }
    settlement
}

fn first_refusal(share: &Share, reports: &[Report]) -> Option<Trouble> {
    share.records.iter().find_map(|(index, _)| match reports.get(*index) {
        Some(Report::Refused(trouble)) => Some(*trouble),
        Some(Report::Written { .. } | Report::Unheard) | None => None,
    })
}

impl Settlement {
    fn judge(&mut self, share: &Share, trouble: Trouble) {
        let verdict = match (trouble.concerns(), share.records.as_slice()) {
            // Quarantine itself refuses it. It must not be lost: wait, and say so.
            (Concerns::Record, _) if share.quarantined => Verdict::SetAside(trouble),
            (Concerns::Record, [(_, sequence)]) => Verdict::Poison { sequence: *sequence, trouble },
            (Concerns::Record, records) => Verdict::Split { records: records.len() },
            (Concerns::Lane, _) => Verdict::SetAside(trouble),
            (Concerns::Everything, _) => {
                self.trouble = Some(trouble);
                self.pause = true;
                Verdict::LookAgain
            }
        };
        if trouble.concerns() == Concerns::Record {
            self.renew = Some(Renew::Refusal);
        }
        self.lanes.push((share.lane, verdict));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Report = Report::Written { partition: 0, offset: 0 };

    fn share(lane: u16, records: &[(usize, u64)]) -> Share {
        Share { lane, records: records.to_vec(), quarantined: false }
    }

    fn two_lanes() -> Vec<Share> {
        vec![share(0, &[(0, 10), (2, 12)]), share(1, &[(1, 11)])]
    }

    fn settled(reports: Vec<Report>, ending: Ending) -> Settlement {
        settle(&two_lanes(), &Outcome { reports, ending })
    }

    #[test]
    fn a_committed_batch_is_out_whole() {
        let settlement = settled(vec![WRITTEN; 3], Ending::Committed);

        assert_eq!(settlement.settled, [(0, 2), (1, 1)]);
        assert_eq!(
            settlement,
            Settlement { settled: settlement.settled.clone(), ..Settlement::default() }
        );
    }

    #[test]
    fn of_an_aborted_batch_nothing_is_out_whatever_was_written() {
        for trouble in Trouble::COUNTED {
            let settlement = settled(vec![WRITTEN; 3], Ending::Aborted(trouble));

            assert_eq!(settlement.settled, []);
            assert!(settlement.pause && settlement.trouble == Some(trouble));
        }
    }

    #[test]
    fn a_topic_in_trouble_sets_aside_its_own_lane_only() {
        for trouble in [Trouble::UnknownTopic, Trouble::Authorization, Trouble::NotEnoughReplicas] {
            let reports = vec![WRITTEN, Report::Refused(trouble), Report::Unheard];
            let settlement = settled(reports, Ending::Aborted(trouble));

            assert_eq!(settlement.lanes, [(1, Verdict::SetAside(trouble))]);
            assert!(!settlement.pause && settlement.renew.is_none());
        }
    }

    #[test]
    fn a_refused_batch_is_split_and_a_refused_record_alone_is_poison() {
        let refused = Report::Refused(Trouble::TooLarge);
        let settlement = settled(vec![refused; 3], Ending::Aborted(Trouble::TooLarge));

        assert_eq!(
            settlement.lanes,
            [
                (0, Verdict::Split { records: 2 }),
                (1, Verdict::Poison { sequence: 11, trouble: Trouble::TooLarge }),
            ]
        );
        assert_eq!(settlement.renew, Some(Renew::Refusal));
    }

    #[test]
    fn what_quarantine_refuses_too_waits_and_is_not_lost() {
        let shares = [Share { quarantined: true, ..share(0, &[(0, 10)]) }];
        let reports = vec![Report::Refused(Trouble::TooLarge)];
        let outcome = Outcome { reports, ending: Ending::Aborted(Trouble::TooLarge) };

        let settlement = settle(&shares, &outcome);

        assert_eq!(settlement.lanes, [(0, Verdict::SetAside(Trouble::TooLarge))]);
        assert_eq!(settlement.settled, []);
    }

    #[test]
    fn after_doubt_or_silence_nothing_is_out_and_the_producer_is_made_anew() {
        let cases = [
            (Ending::Silent, Restart::Silent),
            (Ending::InDoubt(Trouble::Timeout), Restart::CommitTimeout),
            (Ending::InDoubt(Trouble::Transport), Restart::CommitTimeout),
            (Ending::InDoubt(Trouble::Fenced), Restart::Fenced),
            (Ending::InDoubt(Trouble::Fatal), Restart::Fatal),
        ];
        for (ending, restart) in cases {
            for report in [WRITTEN, Report::Unheard, Report::Refused(Trouble::Timeout)] {
                let settlement = settled(vec![report; 3], ending);

                assert_eq!(settlement.settled, [], "{ending:?}");
                assert_eq!(settlement.renew, Some(Renew::Lost(restart)), "{ending:?}");
            }
        }
    }

    #[test]
    fn without_transactions_the_unbroken_beginning_of_each_lane_is_out() {
        let reports = vec![WRITTEN, WRITTEN, Report::Refused(Trouble::UnknownTopic)];
        let settlement = settled(reports, Ending::Untied);

        assert_eq!(settlement.settled, [(0, 1), (1, 1)]);
        assert_eq!(settlement.lanes, [(0, Verdict::SetAside(Trouble::UnknownTopic))]);
    }

    #[test]
    fn without_transactions_what_follows_a_gap_is_not_out() {
        let reports = vec![Report::Unheard, Report::Unheard, WRITTEN];

        assert_eq!(settled(reports, Ending::Untied).settled, []);
    }

    #[test]
    fn when_kafka_is_away_everything_pauses_and_topics_are_looked_at_again() {
        let reports = vec![Report::Refused(Trouble::Timeout); 3];
        let settlement = settled(reports, Ending::Aborted(Trouble::Timeout));

        assert!(settlement.pause);
        assert_eq!(settlement.lanes, [(0, Verdict::LookAgain), (1, Verdict::LookAgain)]);
    }
}
