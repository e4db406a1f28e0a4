//! Notifications, from their bytes to the record's, without HTTP, spool or Kafka.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod contract;
mod fixtures;
mod given;
mod identity;
mod proof;
mod reading;
mod schemas;
mod strict;
mod tables;
