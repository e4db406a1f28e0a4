//! What the running program promises, one file for each promise.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, clippy::unwrap_used, reason = "shared with the tests of the commands")]
#[path = "../subscriptions/support.rs"]
mod provider;

mod answers;
mod connections;
mod keeping;
mod order;
mod proof;
mod repeats;
mod stopping;
mod wire;
mod workflows;
