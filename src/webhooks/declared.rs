//! The declared subscriptions: those that should exist.
//!
//! # Promises
//! A [`Declared`] can be created at its provider, as far as that can be told without asking it:
//! only [`crate::webhooks::settings::resolve`] makes one.

use crate::event::provider::Provider;
use crate::webhooks::aps::region::Region;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A valid subscription.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The URL that the provider posts to.
    pub url: CallbackUrl,
    /// Its scope.
    pub scope: Scope,
    /// True if `serve` keeps it.
    pub keep: bool,
    /// The source of this relay that it feeds, if it was named.
    pub source: Option<String>,
    /// The settings that only one provider has.
    pub at: At,
}

/// The settings that only one provider has.
#[derive(Clone, Debug)]
pub enum At {
    /// One hook.
    Onshape(Onshape),
    /// One hook for each event.
    Aps(Aps),
}

/// A hook at Onshape.
#[derive(Clone, Debug)]
pub struct Onshape {
    /// The events.
    pub events: Vec<String>,
    /// A text that each notification echoes.
    pub data: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Send one notification for similar events.
    pub collapse: bool,
    /// Let Onshape remove it after some idle days.
    pub transient: bool,
    /// The older way to narrow the scope.
    pub filter: Option<String>,
}

/// Hooks at APS.
#[derive(Clone, Debug)]
pub struct Aps {
    /// The region of the hooks.
    pub region: Region,
    /// The events, each with its system.
    pub events: Vec<Event>,
    /// JSON paths that a payload must match.
    pub filter: Vec<String>,
    /// The attributes that each callback repeats, beside our mark.
    pub attributes: Map<String, Value>,
    /// Let APS try it again a week after it became inactive.
    pub auto_reactivate: bool,
    /// Send callbacks without the hook.
    pub payload_only: bool,
    /// The time at which they expire.
    pub expires: Option<Timestamp>,
    /// The hub.
    pub hub: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
}

/// An event or pattern of APS, and the system that owns it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The system.
    pub system: String,
    /// The event or pattern.
    pub name: String,
}

impl Aps {
    /// True if it has expired.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Declared {
    /// The provider of the subscription.
    pub fn provider(&self) -> Provider {
        match self.at {
            At::Onshape(_) => Provider::Onshape,
            At::Aps(_) => Provider::Aps,
        }
    }

    /// A text that stays the same as long as the declaration does, and reveals nothing of it.
    pub fn fingerprint(&self) -> String {
        let url = self.url.reveal();
        let declared = match &self.at {
            At::Onshape(at) => format!("{:?} {:?} {:?}", at.events, at.filter, at.collapse),
            At::Aps(at) => format!("{:?} {:?} {:?}", at.region, at.events, at.filter),
        };
        let text = format!("{url} {:?} {declared}", self.scope);
        hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
    }

    /// True if APS would take one for the other.
    pub(super) fn collides(&self, other: &Self) -> bool {
        let (At::Aps(mine), At::Aps(theirs)) = (&self.at, &other.at) else { return false };
        mine.region == theirs.region
            && self.url == other.url
            && self.scope == other.scope
            && mine.events.iter().any(|event| theirs.events.contains(event))
    }
}
