//! Finds the leftovers in a topic: records of an aborted transaction of ours that is still open
//! there.
//!
//! A cluster that ends a transaction while one of its partitions has no leader takes that partition
//! for deleted, and leaves the end out of its log (KAFKA-20734, seen with Apache Kafka 4.4.0:
//! "these partitions are likely deleted already and hence can be skipped"). A single broker that is
//! shut down under load does so, too: its partitions lose their leader before its coordinator
//! stops. When the leader is back, our next end of a transaction applies to the open records. That
//! is right for committed records. It is wrong for aborted ones: they would be published twice, so
//! they need an abort of their own.

use crate::drain::batch::{MAX_BYTES, MAX_RECORDS};
use crate::drain::lane::Lane;
use crate::kafka::readers::{OpenRecord, OpenRecords};
use crate::record::layout::Parts;
use crate::spool::{ReadError, Spool};
use std::collections::HashSet;

/// The values of a lane's records that were sent and not committed, by this run or an earlier one:
/// at most one batch.
pub fn values(spool: &Spool, lane: &Lane) -> Result<HashSet<Vec<u8>>, ReadError> {
    let through = lane.uncommitted().unwrap_or(u64::MAX);
    let (mut values, mut bytes) = (HashSet::new(), 0);
    for rest in spool.records_after(lane.number, spool.released(lane.number)) {
        let rest = rest?;
        for record in rest.records() {
            if record.sequence > through || values.len() > MAX_RECORDS || bytes > MAX_BYTES {
                return Ok(values);
            }
            bytes += record.bytes.len() as u64;
            values.extend(Parts::read(record.bytes).ok().map(|parts| parts.value.to_vec()));
        }
    }
    Ok(values)
}

/// The partitions of which an abort is the right end for the open records.
///
/// It is wrong if another record comes first: an abort could take back records that were committed,
/// and publishing twice is better than losing.
pub fn among<E>(
    open: OpenRecords,
    values: impl FnOnce() -> Result<HashSet<Vec<u8>>, E>,
) -> Result<Vec<i32>, E> {
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let values = values()?;
    let begins_with_ours =
        |records: &[OpenRecord]| records.first().is_some_and(|first| values.contains(&first.value));
    let ours = open.into_iter().filter(|(_, records)| begins_with_ours(records));
    Ok(ours.map(|(partition, _)| partition).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[track_caller]
    fn check(open: &[&str], expected: bool) {
        let record = |value: &&str| OpenRecord { key: Vec::new(), value: value.as_bytes().into() };
        let open = vec![(3, open.iter().map(record).collect())];
        let values = || Ok::<_, Infallible>(HashSet::from([b"v1".to_vec(), b"v2".to_vec()]));
        let expected: &[i32] = if expected { &[3] } else { &[] };
        assert_eq!(among(open, values).unwrap(), expected);
    }

    #[test]
    fn what_was_sent_uncommitted_is_aborted_and_what_was_committed_is_not() {
        check(&["v1", "v2"], true);
        check(&["committed"], false);
        check(&["committed", "v1"], false);
    }

    #[test]
    fn the_spool_is_not_read_where_nothing_lies_open() {
        let values = || -> Result<_, Infallible> { panic!("the spool was read") };
        assert!(among(Vec::new(), values).unwrap().is_empty());
    }
}
