//! `[spool]`: the directory of waiting records, and its bounds.

use crate::quantity::ByteSize;
use serde::Deserialize;
use std::path::PathBuf;

/// Settings of the spool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The directory of the spool; one process at a time. Default `/var/lib/cadrelay`.
    pub dir: PathBuf,
    /// The most bytes of records that may wait for Kafka. Beyond it notifications are answered 503.
    /// Default `4GiB`.
    pub max_bytes: ByteSize,
    /// Space on the disk that stays free for the log's own work: further segments and the window.
    /// Default `256MiB`; less than 96 MiB counts as 96 MiB.
    pub disk_reserve: ByteSize,
}

impl Settings {
    /// The folder of the recent decisions, which the spool itself does not use.
    pub fn recent(&self) -> PathBuf {
        self.dir.join("recent")
    }

    /// Returns the faults in these settings, each with its key.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.dir.as_os_str().is_empty() {
            faults.push("spool.dir: empty; expected a directory".to_owned());
        }
        if self.max_bytes.0 == 0 {
            faults.push("spool.max_bytes: 0 would let nothing in; give 1B or more".to_owned());
        }
        faults
    }

    /// The bytes that stay free for the log's own work.
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

/// The least reserve: two laid out segments of 24 MB, and the journal and a few tables of the
/// window.
const LEAST_RESERVE: u64 = 96 << 20;
