//! The names of an instance and of its runs.

use serde::{Deserialize, Serialize};

/// The identity of a spool.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The directory's name, chosen once.
    pub instance: String,
    /// All runs that may have records here, oldest first. The last one is this run.
    pub runs: Vec<Run>,
}

impl Identity {
    /// The name of this run. Empty for a spool that is only read and never had a run.
    pub fn run(&self) -> &str {
        self.runs.last().map(|run| run.name.as_str()).unwrap_or_default()
    }

    /// The run that stored a record; the oldest known run for an older record.
    pub fn run_of(&self, sequence: u64) -> Option<&Run> {
        let at = self.runs.partition_point(|run| run.first <= sequence);
        self.runs.get(at.saturating_sub(1))
    }
}

/// One start of the process on this directory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// Its name, new at each start.
    pub name: String,
    /// The sequence of its first record, which ends the run before.
    pub first: u64,
}
