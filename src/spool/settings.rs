//! `[spool]`: where records wait, and how many may.

use crate::quantity::ByteSize;
use serde::Deserialize;
use std::path::PathBuf;

/// Settings of the spool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The directory of the spool; one process at a time. Default `/var/lib/cadrelay`.
    pub dir: PathBuf,
    /// The most bytes of records that may wait for Kafka. Past it notifications are answered 503.
    /// Default `4GiB`.
    pub max_bytes: ByteSize,
    /// Space on the disk that is left for the log's own work: further segments and the window.
    /// Default `256MiB`; less than 96 MiB counts as 96 MiB.
    pub disk_reserve: ByteSize,
}

impl Settings {
    /// Where the recent decisions are, which the spool itself does not know.
    pub fn recent(&self) -> PathBuf {
        self.dir.join("recent")
    }

    /// What is left for the log's own work.
    pub fn reserve(&self) -> u64 {
        self.disk_reserve.0.max(LEAST_RESERVE)
    }
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

/// The least reserve: two segments of 24 MB that are laid out, and the journal and a few tables of the
/// window.
const LEAST_RESERVE: u64 = 96 << 20;
