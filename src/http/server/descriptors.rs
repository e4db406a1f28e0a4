//! File descriptors: raises the limit, and keeps some from connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Returns the number of connections that may be open at
/// once: as many as asked for, unless that leaves the spool and Kafka too few files.
pub fn connections(asked: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error, "the limit of open files cannot be raised");
    }
    let Some(files) = getrlimit(Resource::Nofile).current else { return asked };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let connections = most(files).min(asked);
    if connections < asked {
        tracing::warn!(
            event = "few_descriptors",
            files,
            connections,
            "{files} open files are allowed: {connections} connections at once instead of the \
             {asked} of http.max_connections"
        );
    }
    connections
}

/// The number of connections that this many files allow.
fn most(files: usize) -> usize {
    files.saturating_sub(KEPT.min(files / 2)).max(1)
}

/// Files for the spool's segments and tables, Kafka's brokers, the admin listener, and connections
/// that are closing: some hundred in all, if there are that many.
const KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_files_half_are_kept_and_of_many_a_thousand() {
        assert_eq!(most(1_024), 512);
        assert_eq!(most(20_000), 18_976);
        assert_eq!(most(0), 1);
    }
}
