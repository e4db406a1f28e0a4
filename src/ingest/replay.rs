//! Puts a body from quarantine through the relay again, after its cause was removed.
//!
//! The walk is that of a notification, except for the proof: the quarantine record carries what was
//! proven at the time, and the event repeats it.
//!
//! # Promises
//! - However often a record is replayed here, its event is published at most once: the key of the
//!   replay is committed with the event's own record. Replicas that share a Redis share this memory.
//! - A body that is still not understood is not stored again.
//! - An event keeps its own id and the time at which it was received, and the sender's redelivery
//!   of it is still a repeat.
//!
//! Knows nothing of HTTP or Kafka.

use crate::event::id::EventId;
use crate::event::reason::Reason;
use crate::ingest::claims::Unavailable;
use crate::ingest::{Ingest, Now};
use crate::providers::reading::Reading;
use crate::record::cloudevents::Context;
use crate::record::quarantine::read::Quarantined;
use crate::spool::window::IdKey;
use crate::spool::{Appended, Submission, Telling};
use std::time::Duration;

/// The result of replaying a body from quarantine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replayed {
    /// It is understood now, and is in the spool under its own id.
    Accepted(EventId),
    /// It was replayed before, or its event has come in another way since.
    Duplicate(EventId),
    /// It is still not understood.
    StillQuarantined(Reason),
}

/// Identifies one record of the quarantine topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its time in Kafka, in milliseconds since the epoch. It is needed because a topic that was
    /// deleted and made anew begins with the same offsets.
    pub timestamp: i64,
}

impl Ingest {
    /// Reads, identifies, routes, encodes and commits a body that was posted to this source before.
    pub async fn replay(
        &self,
        quarantined: &Quarantined,
        place: Place,
        now: Now,
    ) -> Result<Replayed, Unavailable> {
        let again = match self.prepare(quarantined, place, now).await? {
            Prepared::Again(again) => again,
            Prepared::Over(replayed) => return Ok(replayed),
        };
        let appended = self.append(again.submission).await?;
        // The record stays in its topic, perhaps longer than the window, and may be replayed again.
        // After a kill at this point only the window remembers, until the next replay.
        self.spool.remember_for_good(&again.key);
        if let Some(shared) = &self.shared {
            shared.note_replay(&again.key).await;
        }
        match appended {
            Appended::New { .. } => Ok(Replayed::Accepted(again.id)),
            Appended::Duplicate => Ok(Replayed::Duplicate(again.id)),
        }
    }

    /// Returns the result that [`Ingest::replay`] would have now. Stores nothing.
    pub async fn rehearse(
        &self,
        quarantined: &Quarantined,
        place: Place,
        now: Now,
    ) -> Result<Replayed, Unavailable> {
        let again = match self.prepare(quarantined, place, now).await? {
            Prepared::Again(again) => again,
            Prepared::Over(replayed) => return Ok(replayed),
        };
        match self.spool.remembers(&again.submission.id, now.steady) {
            true => Ok(Replayed::Duplicate(again.id)),
            false => Ok(Replayed::Accepted(again.id)),
        }
    }

    /// Reads the body again, and decides whether there is anything to store.
    async fn prepare(
        &self,
        quarantined: &Quarantined,
        place: Place,
        now: Now,
    ) -> Result<Prepared, Unavailable> {
        let again = match self.read_again(quarantined, place, now) {
            Ok(again) => again,
            Err(reason) => return Ok(Prepared::Over(Replayed::StillQuarantined(reason))),
        };
        let was_replayed = self.spool.remembers_for_good(&again.key)?
            || match &self.shared {
                Some(shared) => shared.was_replayed(&again.key).await,
                None => false,
            };
        match was_replayed {
            true => Ok(Prepared::Over(Replayed::Duplicate(again.id))),
            false => Ok(Prepared::Again(again)),
        }
    }

    fn read_again(
        &self,
        quarantined: &Quarantined,
        place: Place,
        now: Now,
    ) -> Result<Again, Reason> {
        let Quarantined { raw, delivery_id, verified, .. } = quarantined;
        let proven = self.source.proven_before(raw.clone(), delivery_id.as_deref(), *verified);
        let mut event = match proven.read() {
            Reading::Event(event) => event,
            Reading::Quarantine { reason, .. } => return Err(reason),
        };
        let was_accepted = quarantined.event.is_some();
        if was_accepted {
            // Consumers and `explain` know the event by this id, whatever reading it now gives.
            event.id = quarantined.id.clone();
        }
        let context = Context {
            source: self.source.name(),
            received_at: quarantined.received_at,
            traceparent: quarantined.traceparent.as_deref(),
            replay_of: None,
        };
        let key = place.key(self.source.name(), &quarantined.id);
        let submission = self.submission(&event, context, self.accounts.of_replays(), now.steady);
        let submission = match was_accepted {
            false => submission,
            // Its id is remembered, because it was accepted. So the key asks whether this refusal
            // was replayed before. The id is remembered anew beside it: within no time nothing is a
            // repeat.
            true => {
                let (fact, by_hook) = (submission.id, submission.id);
                let again = Telling { fact, by_hook, within: Duration::ZERO };
                Submission { id: key, fact: Some(again), ..submission }
            }
        };
        Ok(Again { id: event.id, key, submission })
    }
}

/// A replay before anything was stored.
enum Prepared {
    /// Nothing is to be stored.
    Over(Replayed),
    /// The record is to be stored, unless its id is remembered.
    Again(Again),
}

/// A body that is now understood.
struct Again {
    /// The id of its event.
    id: EventId,
    /// The key of its replay.
    key: IdKey,
    submission: Submission,
}

impl Place {
    /// The key that remembers a replay of this record.
    fn key(self, source: &str, id: &EventId) -> IdKey {
        let Self { partition, offset, timestamp } = self;
        IdKey::of_replay(source, &format!("{id}@{partition}/{offset}/{timestamp}"))
    }
}
