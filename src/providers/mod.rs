//! What we know of the senders: how they prove themselves and what their bodies mean.
//!
//! # Promises
//! - Nothing reads a body before its source's proof held: only [`source::Source::prove`] makes a
//!   [`source::Proven`], and only a `Proven` can be read.
//! - A proven body is always understood or kept whole, never refused.
//!
//! Knows nothing of HTTP status codes, topics, the spool or Kafka.

pub mod aps;
mod attributes;
pub mod catalog;
mod fingerprint;
mod identity;
pub mod notification;
pub mod onshape;
mod proof;
pub mod reading;
pub mod sample;
pub mod settings;
pub mod source;
