//! The spine: decides everything about a notification between its last byte and its answer.
//!
//! # Promises
//! - [`Ingest::accept`] accepts a notification only if its record is durable, or was so before.
//! - Nothing unproven reaches the spool.
//!
//! Does not know HTTP or Kafka.

pub mod accounts;
pub mod claims;
pub mod clock;
mod decisions;
pub mod gaps;
pub mod pings;
pub mod publish_again;
pub mod replay;
pub mod routing;

use crate::event::Event;
use crate::event::encoding::Encoding;
use crate::event::id::EventId;
use crate::ingest::accounts::Accounts;
use crate::ingest::claims::Unavailable;
use crate::ingest::pings::Pings;
use crate::ingest::routing::Routes;
use crate::providers::notification::Notification;
use crate::providers::reading::Reading;
use crate::providers::source::{Refusal, Source};
use crate::recent::Recent;
use crate::record::cloudevents::{self, Context};
use crate::record::quarantine::write::{self, Kept};
use crate::shared::Shared;
use crate::spool::window::IdKey;
use crate::spool::{Account, Appended, Spool, Submission, Telling};
use crate::telemetry::traces::walk::{Stage, Walk};
use jiff::Timestamp;
use std::time::Instant;

/// Takes notifications of one source.
#[derive(Debug)]
pub struct Ingest {
    source: Source,
    routes: Routes,
    accounts: Accounts,
    encoding: Encoding,
    spool: Spool,
    pings: Pings,
    recent: Recent,
    shared: Option<Shared>,
}

/// The answer of acceptance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Receipt {
    /// The record is durable.
    Accepted(EventId),
    /// The record was durable before; this is a redelivery.
    Duplicate(EventId),
    /// The notification is authentic and not understood; its record is durable.
    Quarantined(EventId),
}

/// The answer of rejection, with its reason. Nothing was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The notification is not proven, or cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record cannot be stored now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The moment of a request, by two clocks. Each is read once for a request.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time of day, for people and proofs.
    pub wall: Timestamp,
    /// Milliseconds since the epoch that never jump while the process runs, for the window.
    pub steady: u64,
    /// The same moment, for measuring durations.
    pub instant: Instant,
}

impl Ingest {
    /// Makes the spine of a source.
    pub fn new(
        source: Source,
        routes: Routes,
        accounts: Accounts,
        encoding: Encoding,
        spool: Spool,
        pings: Pings,
        recent: Recent,
    ) -> Self {
        Self { source, routes, accounts, encoding, spool, pings, recent, shared: None }
    }

    /// Shares the window with other replicas, if there is one to share.
    pub fn sharing(self, shared: Option<Shared>) -> Self {
        Self { shared, ..self }
    }

    /// The accounts in which its records are counted.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The recent decisions.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// The source of the notifications.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Proves, reads, identifies, routes, encodes and commits a notification. `walk` times the stages.
    pub async fn accept(
        &self,
        notification: Notification<'_>,
        now: Now,
        walk: &mut Walk,
    ) -> Result<Receipt, Rejection> {
        let traceparent = notification.traceparent();
        let context = Context {
            source: self.source.name(),
            received_at: now.wall,
            traceparent,
            replay_of: None,
        };
        let proven = self.source.prove(notification, now.wall);
        walk.ended(Stage::Prove);
        let proven = proven?;
        let reading = proven.read_posted()?;
        walk.is_of(reading.id());
        let submission = match &reading {
            Reading::Event(event) => {
                let account = self.accounts.of_group(event.group);
                self.submission(event, context, account, now.steady)
            }
            Reading::Quarantine { id, reason, raw, verified, delivery_id } => {
                let kept = Kept {
                    source: self.source.name(),
                    provider: self.source.provider(),
                    received_at: now.wall,
                    verified: *verified,
                    delivery_id: *delivery_id,
                    traceparent,
                };
                Submission {
                    id: IdKey::of_id(self.source.name(), id.as_str()),
                    fact: None,
                    lane: self.routes.of_quarantine(),
                    record: write::encode(*reason, id, *raw, kept),
                    account: self.accounts.of_reason(*reason),
                    now: now.steady,
                }
            }
        };
        walk.ended(Stage::Read);
        let appended = self.append(submission).await;
        walk.ended(Stage::Commit);
        let decision = decisions::of(self.source.name(), &reading, &appended, now.wall);
        self.recent.note(&decision.after(now.instant.elapsed()), Some(reading.body()));
        match appended? {
            Appended::New { sequence } => {
                tracing::debug!(event.id = %reading.id(), sequence, "stored");
                match reading {
                    Reading::Event(event) => {
                        if let Some(hook) = self.pings.hook(&event) {
                            self.pings.tell(hook, now.wall);
                        }
                        Ok(Receipt::Accepted(event.id))
                    }
                    Reading::Quarantine { id, .. } => Ok(Receipt::Quarantined(id)),
                }
            }
            Appended::Duplicate => Ok(Receipt::Duplicate(reading.into_id())),
        }
    }

    /// Builds the submission of an event: the final bytes, and the ids by which it is recognised.
    fn submission(
        &self,
        event: &Event<'_>,
        context: Context<'_>,
        account: Account,
        now: u64,
    ) -> Submission {
        let source = self.source.name();
        Submission {
            id: IdKey::of_id(source, event.id.as_str()),
            fact: self.telling(event),
            lane: self.routes.of_group(event.group),
            record: cloudevents::encode(event, context, self.encoding),
            account,
            now,
        }
    }

    /// The event's fact as its hook tells it. `None` unless the source drops repeats from other
    /// hooks.
    fn telling(&self, event: &Event<'_>) -> Option<Telling> {
        let (source, fact) = (self.source.name(), event.fact.as_ref()?.as_str());
        Some(Telling {
            fact: IdKey::of_fact(source, fact),
            by_hook: IdKey::of_telling(source, fact, event.webhook_id.as_deref()),
            within: self.source.facts_window()?,
        })
    }
}
