//! What the running program promises, one file for each promise.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod connections;
mod order;
mod proof;
mod repeats;
mod stopping;
mod wire;
