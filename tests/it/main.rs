//! What the running program promises, one file for each promise.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod connections;
mod explain;
mod order;
mod proof;
mod repeats;
mod spool;
mod stopping;
mod wire;
