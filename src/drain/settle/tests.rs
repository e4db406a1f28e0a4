use super::*;

const WRITTEN: Report = Report::Written { partition: 0, offset: 0 };

fn share(lane: LaneId, records: &[(usize, u64)]) -> Share {
    Share { lane, records: records.to_vec(), quarantined: false, suspected: false }
}

fn two_lanes() -> Vec<Share> {
    vec![share(LaneId(0), &[(0, 10), (2, 12)]), share(LaneId(1), &[(1, 11)])]
}

fn settled(reports: Vec<Report>, ending: Ending) -> Settlement {
    settle(&two_lanes(), &BatchOutcome { reports, ending })
}

#[test]
fn a_committed_batch_is_out_whole() {
    let settlement = settled(vec![WRITTEN; 3], Ending::Committed);

    assert_eq!(settlement.settled, [(LaneId(0), 2), (LaneId(1), 1)]);
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

        assert_eq!(settlement.lanes, [(LaneId(1), Measure::SetAside(trouble))]);
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
            (LaneId(0), Measure::Split { records: 1 }),
            (LaneId(1), Measure::Poison { sequence: 11, trouble: Trouble::TooLarge }),
        ]
    );
    assert_eq!(settlement.renew, Some(Renew::Refusal));
}

#[test]
fn what_quarantine_refuses_too_waits_and_is_not_lost() {
    let shares = [Share { quarantined: true, ..share(LaneId(0), &[(0, 10)]) }];
    let reports = vec![Report::Refused(Trouble::TooLarge)];
    let outcome = BatchOutcome { reports, ending: Ending::Aborted(Trouble::TooLarge) };

    let settlement = settle(&shares, &outcome);

    assert_eq!(settlement.lanes, [(LaneId(0), Measure::SetAside(Trouble::TooLarge))]);
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
fn a_refusal_counts_also_when_the_batch_ends_in_doubt_or_silence() {
    for ending in [Ending::Silent, Ending::InDoubt(Trouble::Timeout)] {
        let reports = vec![WRITTEN, Report::Unheard, Report::Refused(Trouble::TooLarge)];
        let settlement = settled(reports, ending);

        // The first record of the lane is innocent: the refused one is behind it.
        assert_eq!(settlement.lanes, [(LaneId(0), Measure::Split { records: 1 })], "{ending:?}");
        assert!(matches!(settlement.renew, Some(Renew::Lost(_))), "{ending:?}");
        assert!(!settlement.pause, "{ending:?}");
    }
}

#[test]
fn a_batch_that_fails_without_a_word_is_narrowed_to_a_lane_to_a_record_and_to_a_pause() {
    let fails = |shares: &[Share]| {
        let count = shares.iter().map(|share| share.records.len()).sum();
        let outcome =
            BatchOutcome { reports: vec![Report::Unheard; count], ending: Ending::Silent };
        let settlement = settle(shares, &outcome);
        assert!(settlement.pause);
        settlement.lanes
    };
    let alone = |records: &[(usize, u64)]| [Share { suspected: true, ..share(LaneId(0), records) }];

    assert_eq!(fails(&two_lanes()), [(LaneId(0), Measure::Suspect), (LaneId(1), Measure::Suspect)]);
    assert_eq!(fails(&alone(&[(0, 1), (1, 2)])), [(LaneId(0), Measure::Split { records: 1 })]);
    assert_eq!(fails(&alone(&[(0, 1)])), [(LaneId(0), Measure::SetAside(Trouble::Timeout))]);
}

#[test]
fn lanes_that_were_written_are_not_suspected_and_none_is_for_what_is_about_the_cluster() {
    let reports = vec![WRITTEN, Report::Unheard, WRITTEN];
    assert_eq!(settled(reports.clone(), Ending::Silent).lanes, [(LaneId(1), Measure::Suspect)]);
    for trouble in [Trouble::Fenced, Trouble::Transport, Trouble::Authentication] {
        let settlement = settled(reports.clone(), Ending::InDoubt(trouble));
        assert_eq!(settlement.lanes, [], "{trouble:?}");
        assert!(settlement.pause);
    }
}

#[test]
fn without_transactions_the_unbroken_beginning_of_each_lane_is_out() {
    let reports = vec![WRITTEN, WRITTEN, Report::Refused(Trouble::UnknownTopic)];
    let settlement = settled(reports, Ending::Untied);

    assert_eq!(settlement.settled, [(LaneId(0), 1), (LaneId(1), 1)]);
    assert_eq!(settlement.lanes, [(LaneId(0), Measure::SetAside(Trouble::UnknownTopic))]);
}

#[test]
fn without_transactions_what_was_written_before_silence_is_out() {
    let reports = vec![WRITTEN, Report::Unheard, Report::Unheard];
    let settlement = settled(reports, Ending::UntiedSilent);

    assert_eq!(settlement.settled, [(LaneId(0), 1)]);
    assert_eq!(settlement.renew, Some(Renew::Lost(Restart::Silent)));
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
    assert_eq!(settlement.lanes, [(LaneId(0), Measure::Suspect), (LaneId(1), Measure::Suspect)]);
}
