//! What has to be done so that a provider's hooks are as declared. Decided purely; done by
//! [`crate::webhooks::apply`].
//!
//! # Promises
//! - Only hooks with our mark are changed or removed; others are left alone, whatever their URL. The
//!   one exception: an APS hook with our URL, event and scope is taken over, because APS would not
//!   take a second one.
//! - What is as declared leads to no step.

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

/// All that has to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes, removals last.
    pub changes: Vec<Change>,
    /// Hooks that are as declared.
    pub unchanged: usize,
    /// Hooks of others.
    pub foreign: usize,
}

/// One change.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What kind.
    pub action: Action,
    /// The subscription that asks for it, or that once did.
    pub subscription: String,
    /// Where.
    pub provider: Provider,
    /// The event of an APS hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The hook that exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What differs, by the words of the settings.
    pub fields: Vec<&'static str>,
    /// What is called.
    #[serde(skip)]
    pub step: Step,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there.
    Create,
    /// It is there, and differs.
    Update,
    /// It differs in what cannot be changed: a new one, then the old one goes.
    Replace,
    /// It is ours and not declared any more, or there twice.
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

/// What is called at the provider.
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
    /// Make it.
    Create(New),
    /// Change it.
    Update(Id, Changed),
    /// Make the new one, then remove the old one.
    Replace(Id, New),
    /// Remove it.
    Delete(Id),
}

impl Plan {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self.unchanged += other.unchanged;
        self.foreign += other.foreign;
        self
    }

    /// The hook does not exist, or is as declared, or differs.
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
