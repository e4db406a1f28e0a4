//! Lists the waiting records.

use crate::record::layout::Parts;
use crate::spool::ReadError;
use crate::spool::inspect::{Look, moment};
use crate::spool::lanes::chunk::Stored;
use crate::spool::lanes::walk::walk;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A waiting record.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingRecord {
    /// Its sequence number in the instance.
    pub sequence: u64,
    /// Its topic.
    pub topic: String,
    /// Its Kafka key.
    pub key: String,
    /// Its event's id, `ce_id` to consumers; empty if the record does not name it.
    pub id: String,
    /// The time at which it was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Look<'_> {
    /// The first waiting records, oldest first, of one topic if it is given.
    pub fn pending(
        &self,
        topic: Option<&str>,
        limit: usize,
    ) -> Result<Vec<PendingRecord>, ReadError> {
        let mut pending = Vec::new();
        for book in self.books() {
            if topic.is_some_and(|topic| topic != &*book.topic) {
                continue;
            }
            let mut room = limit;
            for rest in walk(book.released, |after| self.chunk_after(book.number, after)) {
                let rest = rest?;
                let before = pending.len();
                let records = rest.records().take(room);
                pending.extend(records.map(|record| read_record(&book.topic, record)));
                room -= pending.len() - before;
                if room == 0 {
                    break;
                }
            }
        }
        pending.sort_unstable_by_key(|record| record.sequence);
        pending.truncate(limit);
        Ok(pending)
    }
}

fn read_record(topic: &str, record: Stored<'_>) -> PendingRecord {
    let parts = Parts::read(record.bytes).ok();
    let key = parts.map(|parts| String::from_utf8_lossy(parts.key).into_owned());
    PendingRecord {
        sequence: record.sequence,
        topic: topic.to_owned(),
        key: key.unwrap_or_default(),
        id: parts.and_then(|parts| id_of(&parts)).unwrap_or_default(),
        committed_at: moment(record.committed_at),
        bytes: record.bytes.len() as u64,
    }
}

/// Reads the id from the headers, or from the top level of the value in structured mode and in
/// quarantine.
fn id_of(parts: &Parts<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    match parts.headers().find(|(name, _)| *name == "ce_id") {
        Some((_, id)) => Some(String::from_utf8_lossy(id).into_owned()),
        None => serde_json::from_slice::<Named>(parts.value).ok().map(|named| named.id),
    }
}
