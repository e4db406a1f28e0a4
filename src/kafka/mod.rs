//! Publishes records to Kafka: the only module that names its client.
//!
//! # Promises
//! - Exactly-once: a batch and the positions of all lanes are one transaction; a `read_committed`
//!   consumer sees all of it or nothing.
//! - Nothing is retried on a client whose state is not known: its outcome says so, and the caller
//!   makes it anew.
//!
//! Knows nothing of the spool, or of the meaning of records.

mod authorization;
pub mod client;
mod deliveries;
pub mod embedded;
pub mod outcome;
pub mod partition_reader;
pub mod patience;
pub mod positions;
pub mod publisher;
pub mod quarantine;
pub mod readers;
pub mod settings;
pub mod tailing;
mod tls_alerts;
pub mod topics;
