//! The common parts of the tests and the benches: the program in a process of its own, a real
//! Kafka, senders, simulated providers, and hostile bytes.
//!
//! # Promises
//! - No process that is started here outlives the process that started it.
//! - Nothing is skipped when something is missing: the test fails and says what.

pub mod hostile;
pub mod kafka;
pub mod load;
pub mod notification;
pub mod process;
pub mod provider;
pub mod redis;
pub mod relay;
pub mod terminal;
pub mod tools;
pub mod waiting;
