//! A time in which a consumer may have missed something.

use crate::event::id::EventId;
use crate::event::provider::Provider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A time in which a consumer may have missed something, told by an event of the relay's own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Whose events may be missing.
    pub provider: Provider,
    /// The source that they would have come to.
    pub source: String,
    /// The subscription; absent if all of the source's are concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// The last proof that the relay heard.
    pub from: Timestamp,
    /// When it heard again.
    pub to: Timestamp,
    /// The cause.
    pub why: Why,
    /// So many events are missing, where the provider counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// What the subscription listens to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
    /// What tells it from another gap of the same time and cause: a hook and its count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tally: String,
}

/// Why events may be missing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The hook was not there.
    HookMissing,
    /// The hook was there and silent.
    HookInactive,
    /// The hook was another than the declared one.
    HookChanged,
    /// The provider gave up on deliveries.
    DroppedEvents,
    /// The relay did not run for longer than the provider repeats.
    RelayDown,
    /// The relay answered 503 for longer than the provider repeats.
    RelayRefused,
}

impl Gap {
    /// The same for the same gap, also when it is found again after a crash. `to` is no part of it:
    /// that would be another moment then.
    pub fn id(&self) -> EventId {
        let Self { provider, source, subscription, from, to: _, why, dropped, scope: _, tally } =
            self;
        let parts = ("gap", provider, source, subscription, from, why, dropped, tally);
        EventId::of_content(&serde_json::to_vec(&parts).expect("text and numbers have a JSON form"))
    }

    /// The subscription, or the source: what keeps gaps in order.
    pub fn subject(&self) -> &str {
        self.subscription.as_deref().unwrap_or(&self.source)
    }
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::HookMissing,
        Self::HookInactive,
        Self::HookChanged,
        Self::DroppedEvents,
        Self::RelayDown,
        Self::RelayRefused,
    ];

    /// The name in attributes and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HookMissing => "hook_missing",
            Self::HookInactive => "hook_inactive",
            Self::HookChanged => "hook_changed",
            Self::DroppedEvents => "dropped_events",
            Self::RelayDown => "relay_down",
            Self::RelayRefused => "relay_refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_is_found_again_has_its_id_and_another_gap_has_another() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let gap = Gap {
            provider: Provider::Onshape,
            source: "acme".into(),
            subscription: Some("docs".into()),
            from: at(100),
            to: at(200),
            why: Why::HookMissing,
            dropped: None,
            scope: BTreeMap::new(),
            tally: String::new(),
        };

        assert_eq!(gap.id(), Gap { to: at(300), ..gap.clone() }.id());
        assert_ne!(gap.id(), Gap { from: at(101), ..gap.clone() }.id());
        assert_ne!(gap.id(), Gap { why: Why::HookChanged, ..gap.clone() }.id());
        assert_ne!(gap.id(), Gap { subscription: None, ..gap.clone() }.id());
    }

    #[test]
    fn a_cause_has_one_name() {
        for why in Why::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }
}
