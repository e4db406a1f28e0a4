//! cadrelay: webhook notifications from Onshape and Autodesk Platform Services in; clean,
//! deduplicated, ordered events on Kafka topics out.
//!
//! ARCHITECTURE.md has the map. Modules import downwards only.

pub mod cli;
pub mod event;
pub mod providers;
pub mod quantity;
pub mod record;
pub mod secret;
pub mod simulator;
pub mod webhooks;
