//! The rooms between the last byte of a notification and the spool, compiled from the relay's own files.
//!
//! They know nothing of Kafka, HTTP and the store. So this builds without those, in a minute where the
//! whole relay takes eight.

#[path = "../../src/event/mod.rs"]
pub mod event;
#[path = "../../src/json/mod.rs"]
pub mod json;
#[path = "../../src/providers/mod.rs"]
pub mod providers;
#[path = "../../src/quantity.rs"]
pub mod quantity;
#[path = "../../src/record/mod.rs"]
pub mod record;
#[path = "../../src/secret/mod.rs"]
pub mod secret;
#[path = "../../src/small_file.rs"]
pub mod small_file;
#[path = "../../src/veil.rs"]
pub mod veil;
