//! The senders: how each proves itself, and what its bodies mean.
//!
//! # Promises
//! - No body is read before its source's proof held: only [`source::Source::prove`] makes a
//!   [`source::Proven`], and only a `Proven` can be read.
//! - A proven body is understood or kept whole, never refused.
//!
//! Knows nothing of HTTP status codes, topics, the spool or Kafka.

pub mod aps;
mod attributes;
pub mod catalog;
mod fingerprint;
pub mod flaw;
mod identity;
pub mod notification;
pub mod onshape;
mod proof;
pub mod reading;
pub mod sample;
pub mod settings;
pub mod source;
