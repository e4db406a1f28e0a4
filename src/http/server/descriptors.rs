//! File descriptors: raises the limit, and divides what is allowed among workers, connections, and the
//! spool with Kafka.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most connections that each listener may have at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// Of the ingest listener.
    pub ingest: usize,
    /// Of the admin listener.
    pub admin: usize,
}

/// So many workers leave too few open files for everything else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "http.workers: {workers} worker threads need {} open files, and {files} are allowed; set fewer \
     workers, or raise the limit (ulimit -n, LimitNOFILE)",
    needed(*workers)
)]
pub struct TooFew {
    /// The worker threads of the ingest listener.
    pub workers: usize,
    /// The open files that are allowed.
    pub files: usize,
}

/// Checks that the open files that may be allowed are enough for so many workers.
pub fn check(workers: usize) -> Result<(), TooFew> {
    match count(getrlimit(Resource::Nofile).maximum) {
        None => Ok(()),
        Some(files) => share(files, workers).map(drop),
    }
}

/// Raises the soft limit to the hard one, and divides it. The ingest listener gets the connections
/// that are asked for, unless that leaves too few files for the rest.
pub fn claim(asked: usize, workers: usize) -> Result<Share, TooFew> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(error = %error, "the limit of open files cannot be raised");
    }
    let Some(files) = count(getrlimit(Resource::Nofile).current) else {
        return Ok(Share { ingest: asked, admin: MOST_ADMIN });
    };
    let most = share(files, workers)?;
    let connections = most.ingest.min(asked);
    if connections < asked {
        tracing::warn!(
            event = "few_descriptors",
            files,
            connections,
            "{files} open files are allowed: {connections} connections at once instead of the \
             {asked} of http.max_connections"
        );
    }
    Ok(Share { ingest: connections, ..most })
}

fn count(limit: Option<u64>) -> Option<usize> {
    limit.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Divides so many open files.
fn share(files: usize, workers: usize) -> Result<Share, TooFew> {
    if files < needed(workers) {
        return Err(TooFew { workers, files });
    }
    let left = files - of_workers(workers);
    let admin = MOST_ADMIN.min(left / 16);
    let kept = KEPT.min(left / 2);
    Ok(Share { ingest: left - kept - admin, admin })
}

/// The open files without which a relay with so many workers does not start.
fn needed(workers: usize) -> usize {
    of_workers(workers).saturating_add(FEWEST)
}

/// The open files of the workers of both listeners.
fn of_workers(workers: usize) -> usize {
    workers.saturating_add(ADMIN_WORKERS).saturating_mul(FILES_OF_A_WORKER)
}

/// The workers of the admin listener, which few use.
pub const ADMIN_WORKERS: usize = 1;
/// The runtime of a worker has two handles of an epoll, an eventfd and a socket for signals.
const FILES_OF_A_WORKER: usize = 4;
/// Files for the spool's segments and tables, Kafka's brokers, and connections that are closing: some
/// hundred in all, if there are that many.
const KEPT: usize = 1024;
/// A relay at rest has about forty open files beside its workers; the others are for segments, brokers
/// and connections.
const FEWEST: usize = 128;
/// Operators and scrapers are few. The others are room for strangers, so that a probe is not closed
/// for a burst of them before its head is read.
const MOST_ADMIN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_files_half_are_kept_and_of_many_a_thousand() {
        assert_eq!(share(1_024, 1), Ok(Share { ingest: 445, admin: 63 }));
        assert_eq!(share(20_000, 1), Ok(Share { ingest: 17_944, admin: 1_024 }));
    }

    #[test]
    fn the_files_of_workers_are_counted_before_connections() {
        // 129 workers of both listeners have 516 files.
        assert_eq!(share(1_024, 128), Ok(Share { ingest: 223, admin: 31 }));
        assert_eq!(share(usize::MAX, 512).map(|share| share.admin), Ok(MOST_ADMIN));
    }

    #[test]
    fn workers_that_leave_too_few_files_are_refused_with_both_numbers() {
        let refused = share(1_024, 256).unwrap_err().to_string();

        assert!(refused.contains("http.workers: 256 worker threads need 1156 open files"));
        assert!(refused.contains("1024 are allowed"), "{refused}");
        assert!(share(1_156, 256).is_ok());
        assert_eq!(share(48, 2), Err(TooFew { workers: 2, files: 48 }));
        assert!(share(0, usize::MAX).is_err());
    }
}
