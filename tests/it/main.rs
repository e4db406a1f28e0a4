//! What the running program promises, one file for each promise.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod books;
mod configuration;
mod connections;
mod consuming;
mod delivery;
mod order;
mod outage;
mod proof;
mod records;
mod repeats;
mod secrets;
mod stopping;
mod wire;
