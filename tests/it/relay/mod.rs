//! What the running program promises, one file for each promise.

mod answers;
mod books;
mod configuration;
mod connections;
mod consuming;
mod delivery;
mod examples;
mod explain;
mod facts;
mod gaps;
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
