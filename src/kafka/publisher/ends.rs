//! The ends of transactions in their partitions: whether the last one has its end in each, and an end
//! that is written later.

use crate::kafka::deliveries::Deliveries;
use crate::kafka::outcome::{Report, Trouble};
use crate::kafka::publisher::{Outgoing, Publisher};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

/// The partitions of a committed transaction that are not known to have its end, each with the
/// offset of its first record there.
#[derive(Debug, Default)]
pub struct Ended(BTreeMap<(String, i32), i64>);

/// What the partitions show of the end of a transaction.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Seen {
    /// Each has it.
    Everywhere,
    /// Some may have it, but an older transaction of another producer is open there and hides it.
    Hidden,
    /// Some do not have it.
    Missing,
}

impl Ended {
    /// The partitions of a batch and its positions, by the reports of both.
    pub(super) fn of<H>(batch: &[Outgoing<'_, H>], positions: &str, reports: &[Report]) -> Self {
        let mut ended = Self::default();
        let mut reports = reports.iter();
        for same in batch.chunk_by(|one, next| one.topic == next.topic) {
            ended.add(same[0].topic, reports.by_ref().take(same.len()));
        }
        ended.add(positions, reports);
        ended
    }

    fn add<'r>(&mut self, topic: &str, reports: impl Iterator<Item = &'r Report>) {
        let mut firsts = BTreeMap::new();
        for report in reports {
            if let Report::Written { partition, offset } = report {
                firsts.entry(*partition).or_insert(*offset);
            }
        }
        for (partition, first) in firsts {
            self.0.entry((topic.to_owned(), partition)).or_insert(first);
        }
    }

    /// The partitions.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.0.keys().map(|(topic, partition)| (&**topic, *partition))
    }

    /// True if all have the end.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at the last stable offset of each partition, in the order of [`Self::partitions`], and
    /// drops the partitions that have the end.
    ///
    /// The last stable offset is the first one of the oldest open transaction, or the end of the log.
    pub fn look(&mut self, stable: &[i64]) -> Seen {
        let (mut stable, mut seen) = (stable.iter(), Seen::Everywhere);
        self.0.retain(|_, first| match stable.next().map(|stable| stable.cmp(first)) {
            Some(Ordering::Greater) => false,
            Some(Ordering::Equal) => {
                seen = seen.max(Seen::Missing);
                true
            }
            Some(Ordering::Less) | None => {
                seen = seen.max(Seen::Hidden);
                true
            }
        });
        seen
    }
}

/// The end of a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End<'k> {
    /// None of it counts.
    Abort,
    /// All of it counts.
    Commit {
        /// The key of the tombstone that is committed with it.
        key: &'k str,
    },
}

impl End<'_> {
    /// The key of its record. A compacted topic refuses a record without one.
    fn key(&self) -> &[u8] {
        match self {
            Self::Abort => b"aborted",
            Self::Commit { key } => key.as_bytes(),
        }
    }
}

impl Publisher {
    /// The partitions of the last committed batch and its positions, once.
    pub fn take_ended(&mut self) -> Ended {
        std::mem::take(&mut self.ended)
    }

    /// Writes an end of a transaction into partitions of a topic, by a transaction of its own with a
    /// tombstone for each.
    pub fn end_in(
        &mut self,
        topic: &str,
        partitions: &[i32],
        end: End<'_>,
        patience: Duration,
    ) -> Result<(), Trouble> {
        let trouble = |error: KafkaError| Trouble::of(&error);
        self.batches += 1;
        let context = self.producer.context();
        context.begin(self.batches, partitions.len());
        self.producer.begin_transaction().map_err(trouble)?;
        for (index, partition) in partitions.iter().enumerate() {
            let record: BaseRecord<'_, [u8], [u8], usize> =
                BaseRecord::with_opaque_to(topic, Deliveries::tag(self.batches, index))
                    .key(end.key())
                    .partition(*partition);
            self.producer.send(record).map_err(|(error, _)| Trouble::of(&error))?;
        }
        self.producer.flush(patience).map_err(trouble)?;
        match end {
            End::Abort => self.producer.abort_transaction(patience),
            End::Commit { .. } => self.producer.commit_transaction(patience),
        }
        .map_err(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transaction that begins at offset 7 of one partition.
    #[track_caller]
    fn check(stable: i64, expected: Seen) {
        let mut ended = Ended::default();
        let written = [7, 8, 9].map(|offset| Report::Written { partition: 0, offset });
        ended.add("t", written.iter());

        assert_eq!(ended.look(&[stable]), expected);
        assert_eq!(ended.is_empty(), expected == Seen::Everywhere);
    }

    #[test]
    fn the_last_stable_offset_tells_our_open_transaction_from_anothers() {
        check(6, Seen::Hidden);
        check(7, Seen::Missing);
        check(10, Seen::Everywhere);
    }

    /// The other one began within ours, and is still open.
    #[test]
    fn a_younger_transaction_of_another_does_not_hide_the_end() {
        check(8, Seen::Everywhere);
    }

    #[test]
    fn a_partition_that_has_the_end_is_not_asked_again() {
        let mut ended = Ended::default();
        ended.add("t", [Report::Written { partition: 0, offset: 7 }].iter());
        ended.add("u", [Report::Written { partition: 2, offset: 3 }].iter());
        ended.add("t", [Report::Written { partition: 0, offset: 9 }].iter());

        assert_eq!(ended.look(&[7, 4]), Seen::Missing);
        assert_eq!(ended.partitions().collect::<Vec<_>>(), [("t", 0)]);
    }
}
