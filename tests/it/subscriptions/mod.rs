//! The webhook commands as a user runs them: the real binary against the simulated providers.
//!
//! Every run of a command checks that no credential, token or secret is in what it prints.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod apply;
mod aps;
mod bad_input;
mod burst;
mod interactive;
mod keeper;
mod limits;
mod onshape;
mod plan;
mod raps;
mod scripted;
mod simulator;
