//! `[spool]`: where records wait, and how many may.

use crate::quantity::ByteSize;
use serde::Deserialize;
use std::path::PathBuf;

/// Settings of the spool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The directory of the store; one process at a time. Default `/var/lib/cadrelay`.
    pub dir: PathBuf,
    /// The most bytes of records that may wait for Kafka. Past it notifications are answered 503.
    /// Default `4GiB`.
    pub max_bytes: ByteSize,
    /// Space on the disk that is left free for the store's own work. Default `256MiB`.
    pub disk_reserve: ByteSize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("/var/lib/cadrelay"),
            max_bytes: ByteSize(4 << 30),
            disk_reserve: ByteSize(256 << 20),
        }
    }
}
