//! The ends of transactions in their partitions: where the last one has to have one, and an end that
//! is written later.

use crate::kafka::deliveries::Deliveries;
use crate::kafka::outcome::{Report, Trouble};
use crate::kafka::publisher::Publisher;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Partitions of topics, each with an offset.
pub type Places = BTreeMap<(String, i32), i64>;

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
    /// The partitions of the last committed batch and its positions, each with the offset of the last
    /// record there. Empties them.
    pub fn take_ended(&mut self) -> Places {
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

/// The last offset of each partition that records were written to.
pub(super) fn last_of_each<'t>(
    topics: impl Iterator<Item = &'t str>,
    reports: &[Report],
) -> Places {
    let mut places: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for (topic, report) in topics.zip(reports) {
        if let Report::Written { partition, offset } = report {
            let last = places.entry((topic, *partition)).or_insert(*offset);
            *last = (*offset).max(*last);
        }
    }
    let owned =
        |((topic, partition), last): ((&str, i32), i64)| ((topic.to_owned(), partition), last);
    places.into_iter().map(owned).collect()
}
