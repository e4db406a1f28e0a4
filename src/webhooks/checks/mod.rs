//! Whether a registration makes sense, decided from the catalogs before anything is sent.
//!
//! # Promises
//! - What a provider would certainly refuse, or never deliver, is an [`Objection`] that says what
//!   would be taken.
//! - What only the catalog does not know is a warning: both providers add events without notice.

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
