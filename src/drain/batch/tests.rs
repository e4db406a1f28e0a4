use super::*;
use crate::kafka::outcome::Trouble;
use crate::record::layout::Record;
use crate::spool::Run;
use crate::spool::lanes::chunk::Builder;
use std::sync::Arc;

const WRITTEN: Report = Report::Written { partition: 3, offset: 40 };

fn record(value: &str) -> Vec<u8> {
    let mut record = Record::builder("key", 64);
    record.value().extend_from_slice(value.as_bytes());
    record.finish().as_bytes().to_vec()
}

/// The part of a chunk that follows a sequence.
fn rest(records: &[(u64, &str)], committed_at: u64, after: u64) -> Rest {
    let mut builder = Builder::default();
    for (sequence, value) in records {
        builder.push(*sequence, &record(value), 0);
    }
    Rest { chunk: Arc::new(builder.finish(0, committed_at).unwrap()), after }
}

fn lane(number: u16) -> Lane {
    Lane::new(LaneId(number), format!("topic-{number}").into())
}

/// Has a batch take a chunk of a lane of which nothing is in it yet. True if more may go.
fn take(batch: &mut Batch, lane: &Lane, rest: &Rest) -> bool {
    batch.take(&mut Turn::of(lane, rest.after), rest, &[])
}

fn sequences(batch: &Batch) -> Vec<u64> {
    batch.records.iter().map(|record| record.sequence).collect()
}

#[test]
fn a_lane_gives_no_more_than_it_has_room_for() {
    let mut narrow = lane(0);
    narrow.split(2);
    let mut batch = Batch::default();

    assert!(!take(&mut batch, &narrow, &rest(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")], 0, 1)));

    assert_eq!(sequences(&batch), [2, 3]);
}

#[test]
fn a_record_over_the_topics_limit_goes_alone() {
    let mut limited = lane(0);
    limited.limit = Some(200);
    let large = "x".repeat(300);
    let chunk = [(1, "a"), (2, &*large), (3, "c")];
    let (mut before, mut alone, mut behind) =
        (Batch::default(), Batch::default(), Batch::default());

    assert!(!take(&mut before, &limited, &rest(&chunk, 0, 0)));
    assert!(!take(&mut alone, &limited, &rest(&chunk, 0, 1)));
    assert!(take(&mut behind, &limited, &rest(&chunk, 0, 2)));

    assert_eq!([sequences(&before), sequences(&alone), sequences(&behind)], [[1], [2], [3]]);
}

#[test]
fn a_refused_record_goes_alone_to_quarantine_and_leaves_with_its_own_bytes() {
    let mut troubled = lane(0);
    troubled.refused = Some(RefusedRecord { sequence: 1, trouble: Trouble::TooLarge });
    let mut batch = Batch::default();

    assert!(!take(&mut batch, &troubled, &rest(&[(1, "poison"), (2, "b")], 0, 0)));

    let lanes = [troubled];
    let outgoing = batch.outgoing(&lanes, "quarantine");
    assert_eq!(outgoing.iter().map(|one| one.topic).collect::<Vec<_>>(), ["quarantine"]);
    assert!(batch.shares()[0].quarantined);
    let departure = &batch.departures(&[(LaneId(0), 1)], &[WRITTEN])[&LaneId(0)];
    let bytes = record("poison").len() as u64;
    assert_eq!(
        departure.leaving,
        Leaving { through: 1, published: 0, quarantined: 1, bytes, ..Leaving::default() }
    );
    assert_eq!(departure.places, [Published { sequence: 1, partition: 3, offset: 40 }]);
}

#[test]
fn a_batch_of_too_many_bytes_takes_the_chunk_that_it_has_begun_and_no_more() {
    let mut batch = Batch { bytes: MAX_BYTES - 1, ..Batch::default() };
    assert!(!batch.is_full());

    assert!(take(&mut batch, &lane(0), &rest(&[(1, "a"), (2, "b")], 0, 0)));

    assert!(batch.is_full());
    assert_eq!(sequences(&batch), [1, 2]);
}

#[test]
fn of_two_lanes_each_leaves_as_far_as_it_is_settled() {
    let lanes = [lane(0), lane(1)];
    let mut batch = Batch::default();
    take(&mut batch, &lanes[0], &rest(&[(1, "a"), (3, "c")], 0, 0));
    take(&mut batch, &lanes[1], &rest(&[(2, "b")], 0, 0));
    take(&mut batch, &lanes[0], &rest(&[(4, "d")], 0, 3));

    let shares = batch.shares();
    let reports = [WRITTEN, Report::Unheard, WRITTEN, WRITTEN];
    let departures = batch.departures(&[(LaneId(0), 2)], &reports);

    assert_eq!(shares[0].records, [(0, 1), (1, 3), (3, 4)]);
    assert_eq!(shares[1].records, [(2, 2)]);
    let departure = &departures[&LaneId(0)];
    assert_eq!((departure.leaving.through, departure.leaving.published), (3, 2));
    assert_eq!(departure.places.len(), 1, "Kafka said nothing of the second record");
    assert_eq!(departures.len(), 1, "nothing of the other lane is settled");
}

#[test]
fn each_run_and_lane_in_a_batch_has_its_position() {
    let lanes = [lane(0), lane(1)];
    let run = |name: &str, first| Run { name: name.to_owned(), first };
    let identity =
        Identity { instance: "us".to_owned(), runs: vec![run("old", 1), run("new", 10)] };
    let mut batch = Batch::default();
    take(&mut batch, &lanes[0], &rest(&[(8, "a"), (9, "b"), (10, "c")], 0, 0));
    take(&mut batch, &lanes[1], &rest(&[(11, "d")], 0, 0));

    let positions = batch.positions(&identity, &lanes);

    let expected = [("old", 0, 9), ("new", 0, 10), ("new", 1, 11)]
        .map(|(run, lane, sequence)| Position::new("us", run, &format!("topic-{lane}"), sequence));
    assert_eq!(positions, expected);
}

#[test]
fn a_delay_is_counted_for_each_record_that_is_out() {
    let one = lane(0);
    let mut batch = Batch::default();
    take(&mut batch, &one, &rest(&[(1, "a"), (2, "b")], 1_000, 0));
    take(&mut batch, &one, &rest(&[(3, "c"), (4, "d")], 4_000, 2));
    let now = Timestamp::from_millisecond(5_000).unwrap();

    assert_eq!(batch.delays(LaneId(0), 3, now), [(4.0, 2), (1.0, 1)]);
}

#[test]
fn withdrawn_records_are_not_sent_and_leave_with_the_record_before_them() {
    let one = lane(0);
    let mut batch = Batch::default();
    let chunk = rest(&[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")], 0, 0);
    let mut turn = Turn::of(&one, 0);

    assert!(batch.take(&mut turn, &chunk, &[1, 3, 5]));

    let bytes = record("a").len() as u64;
    assert_eq!(sequences(&batch), [2, 4]);
    let passed = Leaving { through: 1, withdrawn: 1, bytes, ..Leaving::default() };
    assert_eq!(batch.passed()[&LaneId(0)], passed);
    let leaving =
        |settled| batch.departures(&[(LaneId(0), settled)], &[WRITTEN; 2])[&LaneId(0)].leaving;
    let first =
        Leaving { through: 3, published: 1, withdrawn: 1, bytes: 2 * bytes, ..Leaving::default() };
    assert_eq!(leaving(1), first);
    let all =
        Leaving { through: 5, published: 2, withdrawn: 2, bytes: 4 * bytes, ..Leaving::default() };
    assert_eq!(leaving(2), all);
    assert_eq!(turn.after, 5);
}
