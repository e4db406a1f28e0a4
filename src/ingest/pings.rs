//! Tells who wants to know that a `webhook.ping` of Onshape came through.
//!
//! # Promises
//! - It is told once for each ping that was proven and stored; a redelivery says nothing new.
//!
//! Knows nothing of who listens.

use crate::event::Event;
use crate::event::provider::Provider;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Who is told of pings: nobody, unless somebody listens.
#[derive(Clone, Default)]
pub struct Pings(Option<Arc<Listener>>);

/// Takes the id of the hook and the moment. It is called before the ping is answered, so it must not
/// wait for anything.
type Listener = dyn Fn(&str, Timestamp) + Send + Sync;

impl Pings {
    /// Pings are told to `listener`.
    pub fn to(listener: impl Fn(&str, Timestamp) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// The hook that an event is a ping of, if somebody wants to know.
    pub(super) fn hook<'e>(&self, event: &'e Event<'_>) -> Option<&'e str> {
        let is_ping = event.provider == Provider::Onshape && event.name == "webhook.ping";
        event.webhook_id.as_deref().filter(|_| is_ping && self.0.is_some())
    }

    /// A ping of this hook was stored.
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
