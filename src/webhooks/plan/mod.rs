//! Plans the changes that make a provider's hooks match the declarations. A pure decision;
//! [`crate::webhooks::apply`] makes the changes.
//!
//! # Promises
//! - Only hooks with our mark are changed or deleted; others are left alone, whatever their URL.
//!   The one exception: an APS hook with our URL, event and scope is taken over, because APS would
//!   refuse a second one.
//! - A hook that is as declared needs no change.

mod aps;
mod onshape;

pub use aps::plan as aps;
pub use onshape::plan as onshape;

use crate::event::provider::Provider;
use crate::webhooks::aps::hook::{Address, New};
use crate::webhooks::aps::patch::Patch;
use crate::webhooks::aps::region::Region;
use crate::webhooks::onshape::hook::Params;
use serde::Serialize;

/// All changes.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes, deletions last.
    pub changes: Vec<Change>,
    /// The number of hooks that are as declared.
    pub unchanged: usize,
    /// The number of hooks of others.
    pub foreign: usize,
}

/// One change.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its kind.
    pub action: Action,
    /// The subscription that needs it, or that once did.
    pub subscription: String,
    /// The provider.
    pub provider: Provider,
    /// The event of an APS hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The existing hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The fields that differ, named as in the settings.
    pub fields: Vec<&'static str>,
    /// The call.
    #[serde(skip)]
    pub step: Step,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The hook does not exist.
    Create,
    /// The hook exists, and differs.
    Update,
    /// The hook differs in fields that cannot be changed: a new one is created, then the old one is
    /// deleted.
    Replace,
    /// The hook is ours and no longer declared, or exists twice.
    Delete,
}

impl Action {
    /// The name in output and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// The call to the provider.
#[derive(Clone, Debug)]
pub enum Step {
    /// At Onshape.
    Onshape(Call<Params, String, Params>),
    /// At APS, in a region.
    Aps(Region, Call<New, Address, Patch>),
}

/// The calls of one change.
#[derive(Clone, Debug)]
pub enum Call<New, Id, Changed> {
    /// Creates the hook.
    Create(New),
    /// Changes the hook.
    Update(Id, Changed),
    /// Creates the new hook, then deletes the old one.
    Replace(Id, New),
    /// Deletes the hook.
    Delete(Id),
}

impl Plan {
    /// Joins two plans.
    pub fn and(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self.unchanged += other.unchanged;
        self.foreign += other.foreign;
        self
    }

    /// Adds a change, or counts a hook that needs none.
    fn settle(&mut self, change: Option<Change>) {
        match change {
            Some(change) => self.changes.push(change),
            None => self.unchanged += 1,
        }
    }
}

impl Change {
    /// The keys of its serialised form, in order.
    pub const KEYS: &'static [&'static str] =
        &["action", "subscription", "provider", "event", "id", "fields"];
}
