use super::*;
use crate::spool::lanes::chunk::Builder;
use crate::spool::lanes::lane::MAX_TAIL_BYTES;

fn chunk(sequences: &[u64]) -> Chunk {
    let mut builder = Builder::default();
    for sequence in sequences {
        builder.push(*sequence, b"record", 0);
    }
    builder.finish(0, 0).unwrap()
}

fn lanes() -> Lanes {
    let known = |topic: &str| LaneStart {
        topic: topic.to_owned(),
        released: 0,
        pending: 0,
        pending_bytes: 0,
    };
    Lanes::new(vec![known("a"), known("quarantine")], BTreeMap::new(), 2, Gate::Open)
}

#[test]
fn what_was_committed_is_pending_until_it_is_published() {
    let mut lanes = lanes();

    lanes.commit(1, vec![(LaneId(0), chunk(&[1, 2, 3]))], &[(Account(0), 3)]);
    lanes.release(
        LaneId(0),
        Leaving { through: 2, published: 1, quarantined: 1, bytes: 12, ..Leaving::default() },
        LaneId(1),
    );

    let books = lanes.books();
    assert_eq!(books.committed, [3, 0]);
    assert_eq!((books.lanes[0].pending, books.lanes[0].pending_bytes), (1, 6));
    assert_eq!((books.lanes[0].published, books.lanes[1].published), (1, 1));
}

#[test]
fn the_tail_gives_the_chunk_that_holds_the_next_record() {
    let mut lanes = lanes();
    lanes.commit(1, vec![(LaneId(0), chunk(&[1, 2]))], &[]);
    lanes.commit(1, vec![(LaneId(0), chunk(&[5, 6]))], &[]);

    let last_after = |sequence| lanes.tail_after(LaneId(0), sequence).map(|chunk| chunk.last);

    assert_eq!(last_after(0), Some(2));
    assert_eq!(last_after(1), Some(2));
    assert_eq!(last_after(2), Some(6));
    assert_eq!(last_after(6), None);
}

#[test]
fn a_tail_that_lost_its_oldest_chunks_does_not_skip_them() {
    let mut lanes = lanes();
    let big = vec![0; MAX_TAIL_BYTES];
    let mut builder = Builder::default();
    builder.push(4, &big, 0);
    lanes.commit(1, vec![(LaneId(0), chunk(&[1, 2]))], &[]);
    lanes.commit(1, vec![(LaneId(0), builder.finish(0, 0).unwrap())], &[]);

    assert!(lanes.tail_after(LaneId(0), 0).is_none());
    assert_eq!(lanes.tail_after(LaneId(0), 2).map(|chunk| chunk.last), Some(4));
}

#[test]
fn nothing_waits_in_a_segment_when_all_of_it_is_released() {
    let mut lanes = lanes();
    lanes.commit(1, vec![(LaneId(0), chunk(&[1, 2]))], &[]);
    lanes.commit(2, vec![(LaneId(0), chunk(&[3]))], &[]);

    assert!(lanes.waits_in(1));
    lanes.release(LaneId(0), Leaving { through: 2, published: 2, ..Leaving::default() }, LaneId(1));
    assert!(!lanes.waits_in(1));
    assert!(lanes.waits_in(2));
}
