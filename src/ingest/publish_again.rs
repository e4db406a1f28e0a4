//! Publishes an event again, for consumers that lost their copy.
//!
//! The second record has the event's own id and says in `ce_replayof` that it is one. The window is
//! not asked: whoever asks for it wants a second record.
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

/// What is known of an event that came before.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its id.
    pub id: EventId,
    /// Its body.
    pub raw: Bytes,
    /// What was proven of its sender.
    pub verified: Proofs,
    /// When it was received.
    pub received_at: Timestamp,
}

/// Why an event is not published again.
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
        // Without its delivery's id an event of APS may be read with another.
        event.id = posted.id.clone();
        let source = self.source.name();
        let context = Context {
            source,
            received_at: posted.received_at,
            traceparent: None,
            replay_of: Some(posted.id.as_str()),
        };
        let submission = self.submission(&event, context, self.accounts.of_replays(), now.steady);
        // A key of its own: two requests within a millisecond are one, as a double click is.
        let id = IdKey::of_replay(source, &format!("{} at {}", posted.id, now.steady));
        self.append(Submission { id, fact: None, ..submission }).await?;
        Ok(())
    }
}
