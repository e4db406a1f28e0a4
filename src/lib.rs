//! cadrelay: webhook notifications from Onshape and Autodesk Platform Services in; clean,
//! deduplicated, ordered events on Kafka topics out.
//!
//! ARCHITECTURE.md has the map. Modules import downwards only.

pub mod app;
pub mod cli;
pub mod config;
pub mod drain;
pub mod event;
pub mod gaps;
pub mod http;
pub mod ingest;
pub mod json;
pub mod kafka;
#[cfg(test)]
mod lengths;
pub mod lock;
#[cfg(test)]
mod map;
pub mod metrics;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod outbound;
pub mod pause;
pub mod printable;
pub mod providers;
pub mod quantity;
pub mod quarantine;
pub mod recent;
pub mod record;
pub mod scratch;
pub mod secret;
pub mod shared;
pub mod simulator;
pub mod small_file;
pub mod spool;
pub mod telemetry;
pub mod throttle;
pub mod topics;
pub mod veil;
pub mod webhooks;
