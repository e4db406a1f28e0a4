//! The lock of a directory, which one process holds.

use crate::spool::LOCK;
use crate::spool::log::disk::private_file;
use crate::spool::open::error::OpenError;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Takes the directory's lock, waiting for half a second.
pub(in crate::spool) fn lock_directory(dir: &Path) -> Result<File, OpenError> {
    let unusable = |cause| OpenError::Directory { dir: dir.to_owned(), cause };
    let lock = private_file(dir, LOCK).map_err(unusable)?;
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // A process that was forked a moment ago holds it until it runs another program.
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_PAUSE),
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
    }
    Err(OpenError::InUse(dir.to_owned()))
}

/// Half a second.
const LOCK_ATTEMPTS: u32 = 10;

const LOCK_PAUSE: Duration = Duration::from_millis(50);
