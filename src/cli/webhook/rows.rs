//! The keys of the rows in the results.

use crate::cli::output::Layout;
use crate::webhooks::{aps, onshape};

/// Hooks of Onshape.
pub const ONSHAPE: Layout = Layout {
    keys: onshape::hook::Hook::KEYS,
    table: &["status", "events", "url", "name", "droppedEvents", "id"],
    empty: "No webhooks found.",
};

/// Hooks of APS.
pub const APS: Layout = Layout {
    keys: aps::hook::Hook::KEYS,
    table: &["status", "events", "url", "scope", "id"],
    empty: "No webhooks found.",
};
