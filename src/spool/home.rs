//! The spool's directory, locked for this process.
//!
//! # Promises
//! - One process at a time has it.
//! - It says that a relay has used it, apart from the log: so a log that is gone is noticed.

use crate::spool::log::disk::{private_file, private_folder, regular};
use crate::spool::{LOCK, LOG, OpenError};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The directory. Another process can have it once this value is dropped.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes the directory if there is none, and locks it. Waits for half a second for the lock.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let unusable = |cause| OpenError::Directory { dir: dir.to_owned(), cause };
        private_folder(dir).map_err(unusable)?;
        let lock = private_file(dir, LOCK).map_err(unusable)?;
        check_note(dir).map_err(unusable)?;
        for _ in 0..LOCK_ATTEMPTS {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { dir: dir.to_owned(), _lock: lock }),
                // A process that was forked a moment ago holds it until it runs another program.
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
                Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
            }
        }
        Err(OpenError::InUse(dir.to_owned()))
    }

    /// The folder of the log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join(LOG)
    }

    /// True if a relay has used the directory before.
    pub(super) fn was_used(&self) -> bool {
        was_used(&self.dir)
    }

    /// Notes for later starts that a relay uses the directory: from now on a log must be in it.
    pub(super) fn note_use(&self, instance: &str) -> io::Result<()> {
        let noted = format!("{instance}\n");
        if std::fs::read(self.dir.join(INSTANCE)).is_ok_and(|found| found == noted.as_bytes()) {
            return Ok(());
        }
        let mut file = private_file(&self.dir, INSTANCE)?;
        file.set_len(0)?;
        file.write_all(noted.as_bytes())?;
        file.sync_all()?;
        File::open(&self.dir)?.sync_all()
    }
}

/// Refuses what is not a file in the place of the one that says that a relay uses the directory.
pub(super) fn check_note(dir: &Path) -> io::Result<()> {
    regular::check(&dir.join(INSTANCE))
}

/// True if a relay has used a directory. Whatever became of the file's content, it is there.
pub(super) fn was_used(dir: &Path) -> bool {
    dir.join(INSTANCE).symlink_metadata().is_ok()
}

/// The file with the name of the instance, for people; its presence is what counts.
const INSTANCE: &str = "instance";

/// Half a second.
const LOCK_ATTEMPTS: u32 = 10;

const LOCK_PAUSE: Duration = Duration::from_millis(50);
