//! Finds the life of an event by its id.

use crate::spool::ReadError;
use crate::spool::inspect::{Look, moment};
use crate::spool::notes::Elsewhere;
use crate::spool::window::IdKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The life of an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// The event's id, or that of a quarantined body.
    pub id: String,
    /// The source that it was posted to.
    pub source: String,
    /// The state of its record.
    pub state: RecordState,
    /// The time at which it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Its sequence number in the instance.
    pub sequence: u64,
    /// The topic of its record; the quarantine topic if Kafka refused it.
    pub topic: String,
    /// The partition in which it is published, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Its offset there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// The reason of Kafka's refusal, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The topic that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
}

/// The state of a record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordState {
    /// In the spool.
    Pending,
    /// In Kafka.
    Committed,
    /// In Kafka, in the quarantine topic.
    Quarantined,
}

impl Look<'_> {
    /// The lives of the events with this id, at the sources that had one. `quarantine` is the topic
    /// of bodies that were not understood and of refused records.
    pub fn lives<'n>(
        &self,
        sources: impl IntoIterator<Item = &'n str>,
        id: &str,
        quarantine: &str,
    ) -> Result<Vec<Life>, ReadError> {
        let mut lives = Vec::new();
        for source in sources {
            let Some(entry) = self.entry(&IdKey::of_id(source, id))? else { continue };
            let books = self.books();
            let book = books.get(entry.lane.index());
            let topic = book.map(|book| book.topic.to_string()).unwrap_or_default();
            let place = self.place(entry.lane, entry.sequence)?;
            let is_out = book.is_some_and(|book| entry.sequence <= book.released);
            let state = match (is_out, topic == quarantine) {
                (false, _) => RecordState::Pending,
                (true, false) => RecordState::Committed,
                (true, true) => RecordState::Quarantined,
            };
            let life = Life {
                id: id.to_owned(),
                source: source.to_owned(),
                state,
                accepted_at: moment(entry.accepted_at),
                sequence: entry.sequence,
                topic,
                partition: place.map(|place| place.partition),
                offset: place.map(|place| place.offset),
                reason: None,
                refused_by: None,
            };
            lives.push(match self.elsewhere(entry.lane, entry.sequence)? {
                Some(went) => life.elsewhere(went, quarantine),
                None => life,
            });
        }
        Ok(lives)
    }
}

impl Life {
    /// Moves the life of a refused record to the quarantine topic.
    fn elsewhere(self, went: Elsewhere, quarantine: &str) -> Self {
        Self {
            state: RecordState::Quarantined,
            topic: quarantine.to_owned(),
            partition: Some(went.place.partition),
            offset: Some(went.place.offset),
            reason: Some(went.reason),
            refused_by: Some(self.topic),
            ..self
        }
    }
}
