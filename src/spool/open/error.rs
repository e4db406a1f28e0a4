//! The reasons why a spool does not open.

use crate::spool::{Damage, ReadError, takeover};
use std::io;
use std::path::PathBuf;

/// The reason why the spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or used.
    #[error("the spool's directory {} cannot be used", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The error of the system.
        #[source]
        cause: io::Error,
    },
    /// Another process has it open.
    #[error("the spool in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Its content cannot be read.
    #[error("the spool in {} does not open", dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// The reason.
        #[source]
        cause: ReadError,
    },
    /// The system does not take what a start writes.
    #[error("the spool in {} cannot be written", dir.display())]
    Unwritable {
        /// The directory.
        dir: PathBuf,
        /// The error of the system.
        #[source]
        cause: io::Error,
    },
    /// Acknowledged records are gone.
    #[error(
        "the spool in {} has lost records: {}. Restore the directory, or start with --accept-loss to go \
         on without what is gone",
        dir.display(),
        faults.iter().map(|fault| format!("{}: {}", fault.place, fault.fault)).collect::<Vec<_>>().join("; ")
    )]
    Lost {
        /// The directory.
        dir: PathBuf,
        /// The losses.
        faults: Vec<Damage>,
    },
    /// A spool of the earlier format cannot be taken over.
    #[error("the spool in {}, of an earlier build, cannot be taken over", dir.display())]
    Takeover {
        /// The directory.
        dir: PathBuf,
        /// The reason.
        #[source]
        cause: takeover::Error,
    },
}
