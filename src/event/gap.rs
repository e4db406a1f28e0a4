//! A period in which a consumer may have missed something.

use crate::event::id::EventId;
use crate::event::provider::Provider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A period in which a consumer may have missed something. The relay publishes it as an event of
/// its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The provider whose events may be missing.
    pub provider: Provider,
    /// The source that the missing events would have come to.
    pub source: String,
    /// The subscription; absent if every subscription of the source is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// The last moment at which the relay had proof that nothing was missing.
    pub from: Timestamp,
    /// The moment at which the relay had such proof again.
    pub to: Timestamp,
    /// The cause.
    pub why: Why,
    /// The number of missing events, if the provider counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// The scope that the subscription listens to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
    /// Tells this gap from another one of the same time and cause: a hook and its count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tally: String,
}

/// The cause of a gap.
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
    /// The relay was down for longer than the provider retries.
    RelayDown,
    /// The relay answered 503 for longer than the provider retries.
    RelayRefused,
}

impl Gap {
    /// The id of the gap's event: the same when the gap is found again after a crash. `to` is no
    /// part of it, because it would then be another moment.
    pub fn id(&self) -> EventId {
        let Self { provider, source, subscription, from, to: _, why, dropped, scope: _, tally } =
            self;
        let parts = ("gap", provider, source, subscription, from, why, dropped, tally);
        EventId::of_content(&serde_json::to_vec(&parts).expect("text and numbers have a JSON form"))
    }

    /// The key of the record, which keeps gaps in order: the subscription, or else the source.
    pub fn subject(&self) -> &str {
        self.subscription.as_deref().unwrap_or(&self.source)
    }
}

impl Why {
    /// All causes.
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
