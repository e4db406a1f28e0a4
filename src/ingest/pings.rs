//! Reports each `webhook.ping` of Onshape that came through.
//!
//! # Promises
//! - Each ping that was proven and stored is reported once; a redelivery is not reported.
//!
//! Knows nothing of its listener.

use crate::event::Event;
use crate::event::provider::Provider;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// The listener for pings, if there is one.
#[derive(Clone, Default)]
pub struct Pings(Option<Arc<Listener>>);

/// Takes the id of the hook and the moment. It is called before the ping is answered, so it must
/// not wait for anything.
type Listener = dyn Fn(&str, Timestamp) + Send + Sync;

impl Pings {
    /// Reports pings to `listener`.
    pub fn to(listener: impl Fn(&str, Timestamp) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Returns the hook that an event is a ping of, if there is a listener.
    pub(super) fn hook<'e>(&self, event: &'e Event<'_>) -> Option<&'e str> {
        let is_ping = event.provider == Provider::Onshape && event.name == "webhook.ping";
        event.webhook_id.as_deref().filter(|_| is_ping && self.0.is_some())
    }

    /// Reports that a ping of this hook was stored.
    pub(super) fn tell(&self, hook: &str, at: Timestamp) {
        if let Some(listener) = &self.0 {
            listener(hook, at);
        }
    }
}

impl fmt::Debug for Pings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pings").field(&self.0.is_some()).finish()
    }
}
