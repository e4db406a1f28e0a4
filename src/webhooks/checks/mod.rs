//! Checks a registration against the catalogs, before anything is sent.
//!
//! # Promises
//! - A registration that a provider would certainly refuse, or never serve, is an [`Objection`]
//!   that names what would be accepted.
//! - An event that is merely unknown to the catalog leads to a warning: both providers add events
//!   without notice.

mod aps;
mod look_up;
mod objection;
mod onshape;
#[cfg(test)]
mod tests;

pub use crate::webhooks::checks::aps::{Target, aps_event, aps_scope};
pub use crate::webhooks::checks::look_up::{scope_keys, unknown};
pub use crate::webhooks::checks::objection::{Objection, Setting};
pub use crate::webhooks::checks::onshape::{onshape_events, onshape_scope};
