//! A configured inlet: one provider, one tenant, and the proof it asks for.

use crate::event::Event;
use crate::event::id::EventId;
use crate::event::proof::{Proof, Proofs};
use crate::event::provider::Provider;
use crate::event::raw::Raw;
use crate::event::reason::Reason;
use crate::json;
use crate::providers::flaw::Flaw;
use crate::providers::notification::{Headers, Notification};
use crate::providers::proof::Checks;
use crate::providers::reading::{Facts, Posted, Reading};
use crate::providers::settings::{Assume, Error, Settings};
use crate::providers::{aps, onshape};
use crate::quantity::Duration;
use bytes::Bytes;
use jiff::Timestamp;

/// A configured inlet, `/webhooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    provider: Provider,
    checks: Checks,
    assume: Option<Assume>,
    tells_deliveries_apart: bool,
    facts_window: Option<std::time::Duration>,
    /// The settings as text, without secrets.
    written: String,
}

/// A notification whose source's proof held. Only [`Source::prove`] makes one, and
/// [`Source::proven_before`] for a body that was proven earlier.
#[derive(Clone, Debug)]
pub struct Proven<'r> {
    source: &'r Source,
    body: Bytes,
    delivery_id: Option<&'r str>,
    verified: Proofs,
}

/// The reason why a notification was not accepted. Nothing of it was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A required proof is missing, wrong, or too old.
    #[error("the notification does not prove where it comes from")]
    Unproven,
    /// No proof was asked for, and the body is not JSON.
    #[error("the body is not JSON")]
    Malformed,
}

impl Source {
    /// Makes the inlet that the settings describe. `window` is the time for which ids are
    /// remembered: an older signature is refused unless the settings say otherwise, because its
    /// repeat would go unnoticed.
    pub fn new(settings: &Settings, window: std::time::Duration) -> Result<Self, Error> {
        let mut faults = settings.faults(window);
        let freshness = settings.freshness.unwrap_or(Duration(window)).signed();
        let checks = Checks::resolve(&settings.proof, settings.provider, freshness, &mut faults);
        if !faults.is_empty() {
            return Err(Error { name: settings.name.clone(), faults });
        }
        Ok(Self {
            name: settings.name.clone(),
            provider: settings.provider,
            checks,
            assume: settings.assume.clone(),
            tells_deliveries_apart: settings.delivery_id.unwrap_or(true),
            facts_window: settings.facts_window.map(|window| window.0),
            written: format!("{settings:?}"),
        })
    }

    /// True if another source is configured in the same way and has the same secrets.
    pub fn is(&self, other: &Self) -> bool {
        self.written == other.written && self.checks.fingerprint == other.checks.fingerprint
    }

    /// The name in the URL and the labels. It is the record's key if the sender named nothing.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The provider that posts here.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The lead that a signed time may have over our clock; zero if the source asks for no signed
    /// time.
    pub fn max_ahead(&self) -> std::time::Duration {
        match self.provider {
            Provider::Onshape if self.asked().contains(&Proof::Hmac) => {
                onshape::MAX_AHEAD.unsigned_abs()
            }
            Provider::Onshape | Provider::Aps => std::time::Duration::ZERO,
        }
    }

    /// The kinds of proof that are asked for; empty if anyone is believed.
    pub fn asked(&self) -> Vec<Proof> {
        self.checks.asked()
    }

    /// True if HTTP Basic credentials are part of the proof.
    pub fn asks_basic(&self) -> bool {
        self.checks.ask_basic()
    }

    /// True if anyone who posts here is believed.
    pub fn asks_nothing(&self) -> bool {
        self.checks.ask_nothing()
    }

    /// The period in which the same fact from another hook is a repeat. If there is one, events
    /// have their [`Event::fact`].
    pub fn facts_window(&self) -> Option<std::time::Duration> {
        self.facts_window
    }

    /// The apparent flaw of a notification with this head, which did not prove its source.
    pub fn flaw(&self, headers: &Headers<'_>, query: &str, now: Timestamp) -> Flaw {
        self.checks.flaw(headers, query, now)
    }

    /// Checks the proof of a notification.
    pub fn prove<'r>(
        &'r self,
        notification: Notification<'r>,
        now: Timestamp,
    ) -> Result<Proven<'r>, Refusal> {
        let shown = self.checks.hold(&notification, now).ok_or(Refusal::Unproven)?;
        Ok(Proven {
            source: self,
            body: shown.body,
            delivery_id: notification.headers.get("x-adsk-delivery-id"),
            verified: shown.proofs,
        })
    }

    /// Takes a body from quarantine. Its proof is not checked again: signatures are not kept, and
    /// would be too old by now.
    pub fn proven_before<'r>(
        &'r self,
        body: Bytes,
        delivery_id: Option<&'r str>,
        verified: Proofs,
    ) -> Proven<'r> {
        Proven { source: self, body, delivery_id, verified }
    }
}

impl Proven<'_> {
    /// Reads the body of a notification that was just posted. Refuses a body that is not JSON if
    /// the source asks for no proof: then nothing says that it is worth keeping.
    pub fn read_posted(&self) -> Result<Reading<'_>, Refusal> {
        match self.read() {
            Reading::Quarantine { reason: Reason::NotJson, .. } if self.source.asks_nothing() => {
                Err(Refusal::Malformed)
            }
            reading => Ok(reading),
        }
    }

    /// Reads the body, or keeps it whole if it is not understood.
    pub fn read(&self) -> Reading<'_> {
        let text = json::without_mark(&self.body);
        let (reason, is_portable) = match json::parse(text) {
            Err(fault) => (Reason::from(fault), false),
            Ok(tree) => match self.event(&tree) {
                Ok(event) => return Reading::Event(event),
                // Quarantine keeps a byte order mark, and no strict parser takes one.
                Err(reason) => (reason, tree.is_portable() && text.len() == self.body.len()),
            },
        };
        Reading::Quarantine {
            id: EventId::of_content(&self.body),
            reason,
            raw: Raw::new(&self.body, is_portable),
            verified: self.verified,
            delivery_id: self.delivery_id,
        }
    }

    fn event<'b>(&'b self, tree: &json::Node<'b>) -> Result<Event<'b>, Reason> {
        let body = tree.object().ok_or(Reason::NotAnObject)?;
        let facts = match self.source.facts_window {
            None => Facts::Ignored,
            Some(_) => Facts::Recognised,
        };
        let posted = Posted {
            tree,
            body,
            assume: self.source.assume.as_ref(),
            delivery_id: self.delivery_id.filter(|_| self.source.tells_deliveries_apart),
            facts,
            verified: self.verified,
            raw: Raw::new(json::without_mark(&self.body), tree.is_portable()),
        };
        match self.source.provider {
            Provider::Onshape => onshape::payload::read(posted),
            Provider::Aps => aps::payload::read(posted),
        }
    }
}
