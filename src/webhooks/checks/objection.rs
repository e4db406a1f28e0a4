//! The objections to a registration.

use crate::event::provider::Provider;

/// An objection to a registration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Objection {
    /// No event is given.
    #[error("at least one event is needed")]
    NoEvent,
    /// The provider has no such event, as far as we know.
    #[error("{event} is not an event of {provider}{}", near_it(.near))]
    UnknownEvent {
        /// The provider.
        provider: Provider,
        /// The unknown event.
        event: String,
        /// The known events that are most similar.
        near: Vec<&'static str>,
    },
    /// It is sent to every hook.
    #[error("{0} cannot be registered: it is sent to every webhook by itself")]
    Automatic(String),
    /// The catalog cannot tell the system of an APS event.
    #[error("the system of {0} is not known; it must be given")]
    NoSystem(String),
    /// The scope has no key that the event needs.
    #[error("{event} needs a scope: {}", keys.join(" or "))]
    NoScope {
        /// The event.
        event: String,
        /// The keys of which it needs one.
        keys: Vec<&'static str>,
    },
    /// A key of the scope does not belong to any of the events.
    #[error("the scope {key} does not fit {events}; it can be {}", fitting.join(" or "))]
    WrongScope {
        /// The key.
        key: String,
        /// The events, joined.
        events: String,
        /// The fitting keys.
        fitting: Vec<&'static str>,
    },
    /// APS takes exactly one key.
    #[error("a hook of aps has exactly one scope key, here there are {0}")]
    ManyScopes(usize),
    /// The name of a workflow has a fixed form.
    #[error("a workflow has up to 35 letters, digits, dots and hyphens")]
    BadWorkflow,
}

/// The setting that an objection concerns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// The events.
    Events,
    /// The system.
    System,
    /// The scope.
    Scope,
}

impl Objection {
    /// The setting that has to change.
    pub fn setting(&self) -> Setting {
        match self {
            Self::NoEvent | Self::UnknownEvent { .. } | Self::Automatic(_) => Setting::Events,
            Self::NoSystem(_) => Setting::System,
            Self::NoScope { .. }
            | Self::WrongScope { .. }
            | Self::ManyScopes(_)
            | Self::BadWorkflow => Setting::Scope,
        }
    }
}

/// The end of a message: similar names, if there are any.
pub(super) fn near_it(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}
