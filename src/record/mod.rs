//! The final bytes that go to Kafka: key, headers and value of one record.
//!
//! # Promises
//! - A record is encoded once, inside the request; after that only its bytes move.
//! - Reading back what was written gives the same key, headers and value, byte for byte.
//!
//! Knows nothing of the store, of Kafka's client, or of the way an event was made.

pub mod cloudevents;
pub mod gap;
pub mod layout;
mod members;
pub mod posted;
pub mod quarantine;
pub mod traceparent;
