//! Publishes an event again, for consumers that lost their copy.
//!
//! The second record has the event's own id, and `ce_replayof` marks it. The window is not
//! consulted: the caller wants a second record.
//!
//! Knows nothing of HTTP or Kafka.

use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::event::reason::Reason;
use crate::ingest::claims::Unavailable;
use crate::ingest::{Ingest, Now};
use crate::providers::reading::Reading;
use crate::record::cloudevents::Context;
use crate::spool::Submission;
use crate::spool::window::IdKey;
use bytes::Bytes;
use jiff::Timestamp;

/// An event that came before, as it is known now.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its id.
    pub id: EventId,
    /// Its body.
    pub raw: Bytes,
    /// The proofs that held for its sender.
    pub verified: Proofs,
    /// The time at which it was received.
    pub received_at: Timestamp,
}

/// The reason why an event is not published again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Its body is not understood: it is in quarantine.
    #[error("its body is not understood ({})", .0.as_str())]
    NotUnderstood(Reason),
    /// It cannot be stored now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Ingest {
    /// Commits a second record of an event.
    pub async fn publish_again(&self, posted: &Posted, now: Now) -> Result<(), Refused> {
        let proven = self.source.proven_before(posted.raw.clone(), None, posted.verified);
        let mut event = match proven.read() {
            Reading::Event(event) => event,
            Reading::Quarantine { reason, .. } => return Err(Refused::NotUnderstood(reason)),
        };
        // Without its delivery id an APS event may read with another id.
        event.id = posted.id.clone();
        let source = self.source.name();
        let context = Context {
            source,
            received_at: posted.received_at,
            traceparent: None,
            replay_of: Some(posted.id.as_str()),
        };
        let submission = self.submission(&event, context, self.accounts.of_replays(), now.steady);
        // A key of its own. Two requests within a millisecond, such as a double click, count as
        // one.
        let id = IdKey::of_replay(source, &format!("{} at {}", posted.id, now.steady));
        self.append(Submission { id, fact: None, ..submission }).await?;
        Ok(())
    }
}
