//! Finds the leftovers in a topic: records of an aborted transaction of ours that is still open
//! there.
//!
//! A cluster that ends a transaction while one of its partitions has no leader takes that partition
//! for deleted, and leaves the end out of its log (KAFKA-20734, seen with Apache Kafka 4.4.0:
//! "these partitions are likely deleted already and hence can be skipped"). When the leader is
//! back, our next end of a transaction applies to the open records. That is right for committed
//! records. It is wrong for aborted ones: they would be published twice, so they need an abort of
//! their own.

use crate::drain::lane::Lane;
use crate::record::layout::Parts;
use crate::spool::{ReadError, Spool};
use std::collections::HashSet;

/// The values of a lane's records that were sent and not committed.
pub fn uncommitted_values(spool: &Spool, lane: &Lane) -> Result<HashSet<Vec<u8>>, ReadError> {
    let through = lane.uncommitted().unwrap_or(0);
    let mut values = HashSet::new();
    for rest in spool.records_after(lane.number, spool.released(lane.number)) {
        let rest = rest?;
        let sent = rest.records().take_while(|record| record.sequence <= through);
        values
            .extend(sent.filter_map(|record| Some(Parts::read(record.bytes).ok()?.value.to_vec())));
        if rest.last() >= through {
            break;
        }
    }
    Ok(values)
}

/// True if an abort is the right end for the open records of a partition.
///
/// It is wrong if another record comes first: an abort could take back records that were committed,
/// and publishing twice is better than losing.
pub fn need_an_abort(open: &[Vec<u8>], uncommitted: &HashSet<Vec<u8>>) -> bool {
    open.first().is_some_and(|first| uncommitted.contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(open: &[&str], expected: bool) {
        let uncommitted = HashSet::from([b"v1".to_vec(), b"v2".to_vec()]);
        let open: Vec<Vec<u8>> = open.iter().map(|value| value.as_bytes().to_vec()).collect();
        assert_eq!(need_an_abort(&open, &uncommitted), expected);
    }

    #[test]
    fn what_was_sent_uncommitted_is_aborted_and_what_was_committed_is_not() {
        check(&[], false);
        check(&["v1", "v2"], true);
        check(&["committed"], false);
        check(&["committed", "v1"], false);
    }
}
