//! The names of an instance and of its runs.

use serde::{Deserialize, Serialize};

/// Who this spool is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The directory's name, given once.
    pub instance: String,
    /// All runs that may have records here, oldest first, this one last.
    pub runs: Vec<Run>,
}

impl Identity {
    /// The name of this run. Empty for a spool that is only looked at and never had one.
    pub fn run(&self) -> &str {
        self.runs.last().map(|run| run.name.as_str()).unwrap_or_default()
    }

    /// The run that stored a record; the oldest that is known, for one from before.
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
    /// The sequence of its first record; those of the run before end there.
    pub first: u64,
}
