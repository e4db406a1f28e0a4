//! A gap as it is listed for people.

use crate::event::gap::{Gap, Why};
use crate::event::id::EventId;
use crate::event::provider::Provider;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A gap as it is listed for people. A gap that lasts has no `to`, and no event yet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The id of the gap's event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The cause.
    pub why: Why,
    /// The number of missing events, if the provider counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// The scope that the subscription listens to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
}

impl Listed {
    /// A gap that is over.
    pub fn ended(gap: &Gap) -> Self {
        let id: EventId = gap.id();
        Self { id: Some(id.to_string()), to: Some(gap.to), ..Self::open(gap) }
    }

    /// A gap that lasts: its end is not known yet.
    pub fn open(gap: &Gap) -> Self {
        Self {
            id: None,
            provider: gap.provider,
            source: gap.source.clone(),
            subscription: gap.subscription.clone(),
            from: gap.from,
            to: None,
            why: gap.why,
            dropped: gap.dropped,
            scope: gap.scope.clone(),
        }
    }
}
