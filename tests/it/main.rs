//! What the running program promises, one file for each promise.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests of the commands")]
#[path = "../subscriptions/support.rs"]
mod provider;

mod answers;
mod books;
mod configuration;
mod connections;
mod consuming;
mod delivery;
mod examples;
mod explain;
mod facts;
mod hostile;
mod keeping;
mod order;
mod outage;
mod positions;
mod proof;
mod quarantine;
mod records;
mod repeats;
mod secrets;
mod spool;
mod stopping;
mod wire;
mod workflows;
