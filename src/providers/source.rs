//! A configured inlet: one provider, one tenant, and what it must prove.

use crate::event::Event;
use crate::event::proof::Proofs;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::json;
use crate::providers::notification::Notification;
use crate::providers::proof::{Asked, Checks};
use crate::providers::{aps, onshape};
use crate::quantity::Duration;
use crate::secret::written;
use bytes::Bytes;
use jiff::Timestamp;

/// One `[[sources]]` of the settings.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name in the URL, `/webhooks/{name}`: letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// Who posts here.
    pub provider: Provider,
    /// What must be proven: a table with `hmac`, `basic`, `url_token` or `data_token`, all of which
    /// must hold, or `"none"`.
    pub proof: Asked,
    /// Onshape: how old a signature may be. Default: the window, for which repeats are recognised.
    pub freshness: Option<Duration>,
    /// APS: what a body without its hook is, for hooks with `callbackWithEventPayloadOnly`.
    pub assume: Option<Assume>,
    /// For how long the same fact from another hook is a repeat. Default: it never is.
    pub facts_window: Option<Duration>,
}

/// What an APS body is that does not say so itself.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assume {
    /// The system: `data`.
    pub system: String,
    /// The event: `dm.version.added`.
    pub event: String,
}

/// A configured inlet, `/webhooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    provider: Provider,
    checks: Checks,
    assume: Option<Assume>,
    facts_window: Option<std::time::Duration>,
}

/// What is wrong with the settings of a source.
#[derive(Debug, thiserror::Error)]
#[error("source {name:?}: {}", .faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
pub struct Error {
    /// The source's name, as written.
    pub name: String,
    /// Everything that is wrong with it, never nothing.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with the settings of a source.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The name cannot be part of a URL and a label.
    #[error("name: takes 1 to 100 letters, digits, `.`, `-` and `_`, and no dot first")]
    Name,
    /// A secret is not at hand.
    #[error("{key}: {cause}")]
    Secret {
        /// The key in the settings: `proof.hmac[0]`.
        key: String,
        /// Why not.
        cause: written::Error,
    },
    /// A list of secrets is empty.
    #[error("{key}: needs at least one secret")]
    NoSecret {
        /// The key in the settings: `proof.hmac`.
        key: &'static str,
    },
    /// HTTP Basic cannot send such a name.
    #[error("proof.basic.username: cannot have a colon in it")]
    ColonInUsername,
    /// Only Onshape echoes something.
    #[error("proof.data_token: only onshape echoes `data`; accepted are hmac, basic, url_token")]
    NoData,
    /// Only Onshape signs a time.
    #[error("freshness: needs provider = \"onshape\" and proof.hmac, as only onshape signs a time")]
    NoSignedTime,
    /// Only APS sends bodies that do not say what they are.
    #[error("assume: only for provider = \"aps\"; each onshape body names its event")]
    NothingToAssume,
    /// An assumption is empty.
    #[error("assume.{key}: cannot be empty")]
    EmptyAssumption {
        /// The key: `system` or `event`.
        key: &'static str,
    },
}

/// A notification whose source's proof held. Only [`Source::prove`] makes one, and
/// [`Source::proven_before`] of what it made.
#[derive(Clone, Debug)]
pub struct Proven<'r> {
    source: &'r Source,
    body: Bytes,
    delivery_id: Option<&'r str>,
    verified: Proofs,
}

/// Why a notification was not believed, or could not be. Nothing of it was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A required proof is missing, wrong, or too old.
    #[error("the notification does not prove where it comes from")]
    Unproven,
    /// Nothing had to be proven, and the body is not JSON.
    #[error("the body is not JSON")]
    Malformed,
}

/// What became of a proven body.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It is understood.
    Event(Box<Event>),
    /// It is authentic and not understood; it is kept whole.
    Quarantine {
        /// Why, from a closed set.
        reason: Reason,
        /// The body as posted.
        raw: Bytes,
        /// What was proven of it.
        verified: Proofs,
        /// The id of its delivery, of APS: it can be part of the event's identity.
        delivery_id: Option<String>,
    },
}

impl Source {
    /// Makes the inlet that the settings describe. `window` is how long ids are remembered: an older
    /// signature is refused unless the settings say otherwise, as its repeat would not be noticed.
    pub fn new(settings: &Settings, window: std::time::Duration) -> Result<Self, Error> {
        let mut faults = settings.faults();
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
            facts_window: settings.facts_window.map(|window| window.0),
        })
    }

    /// The name in the URL, the labels and the key of last resort.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who posts here.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether anyone who posts here is believed.
    pub fn asks_nothing(&self) -> bool {
        self.checks.ask_nothing()
    }

    /// For how long the same fact from another hook is a repeat; then events have their
    /// [`Event::fact`].
    pub fn facts_window(&self) -> Option<std::time::Duration> {
        self.facts_window
    }

    /// Believes the notification, or says why not.
    pub fn prove<'r>(
        &'r self,
        notification: Notification<'r>,
        now: Timestamp,
    ) -> Result<Proven<'r>, Refusal> {
        let shown = self.checks.hold(&notification, now).ok_or(Refusal::Unproven)?;
        // Without a proof there is nothing to say that such a body is worth keeping.
        if self.asks_nothing() && json::checked(json::without_mark(&shown.body)).is_err() {
            return Err(Refusal::Malformed);
        }
        Ok(Proven {
            source: self,
            body: shown.body,
            delivery_id: notification.headers.get("x-adsk-delivery-id"),
            verified: shown.proofs,
        })
    }

    /// Takes a body from quarantine. What was proven when it came is not asked for again: signatures
    /// are not kept, and would be too old by now.
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
    /// Understands the body, or keeps it whole.
    pub fn read(self) -> Reading {
        match self.event() {
            Ok(event) => Reading::Event(Box::new(event)),
            Err(reason) => Reading::Quarantine {
                reason,
                raw: self.body,
                verified: self.verified,
                delivery_id: self.delivery_id.map(str::to_owned),
            },
        }
    }

    fn event(&self) -> Result<Event, Reason> {
        let text = json::without_mark(&self.body);
        let raw = self.body.slice(self.body.len() - text.len()..);
        let tree = json::parse(text).map_err(Reason::from)?;
        let body = tree.object().ok_or(Reason::NotAnObject)?;
        let identity = match self.source.facts_window {
            None => Identity::OfDeliveries,
            Some(_) => Identity::OfFactsToo,
        };
        let posted = Posted {
            tree: &tree,
            body,
            assume: self.source.assume.as_ref(),
            delivery_id: self.delivery_id,
            identity,
            verified: self.verified.clone(),
            raw,
        };
        match self.source.provider {
            Provider::Onshape => onshape::payload::read(posted),
            Provider::Aps => aps::payload::read(posted),
        }
    }
}

/// A proven body that is a JSON object, and what helps to understand it.
pub(super) struct Posted<'b> {
    /// The body.
    pub tree: &'b json::Node<'b>,
    /// The same, as an object.
    pub body: &'b json::Object<'b>,
    /// What it is if it does not say so.
    pub assume: Option<&'b Assume>,
    /// The id of this delivery, of APS.
    pub delivery_id: Option<&'b str>,
    /// What the event is to be recognised by.
    pub identity: Identity,
    /// What was proven.
    pub verified: Proofs,
    /// The body's bytes.
    pub raw: Bytes,
}

/// What an event is to be recognised by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Identity {
    /// By its id alone.
    OfDeliveries,
    /// Also by what it says, whichever hook says it.
    OfFactsToo,
}

impl From<json::Fault> for Reason {
    fn from(fault: json::Fault) -> Self {
        match fault {
            json::Fault::NotJson => Self::NotJson,
            json::Fault::TooDeep => Self::TooDeep,
        }
    }
}

impl Settings {
    /// What is wrong with the settings, as far as they show it themselves.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        // A leading dot would be a step in a path to some proxies.
        let is_name = (1..=100).contains(&self.name.len()) && self.name.bytes().all(fits);
        if !is_name || self.name.starts_with('.') {
            faults.push(Fault::Name);
        }
        let signs_time = self.provider == Provider::Onshape
            && matches!(&self.proof, Asked::All(kinds) if kinds.hmac.is_some());
        if self.freshness.is_some() && !signs_time {
            faults.push(Fault::NoSignedTime);
        }
        if let Some(assume) = &self.assume {
            if self.provider != Provider::Aps {
                faults.push(Fault::NothingToAssume);
            }
            for (key, text) in [("system", &assume.system), ("event", &assume.event)] {
                if text.is_empty() {
                    faults.push(Fault::EmptyAssumption { key });
                }
            }
        }
        faults
    }
}
