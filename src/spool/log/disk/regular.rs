//! Opens the files of a folder of ours, and refuses anything else in their places.
//!
//! # Promises
//! - No link is followed, and no opening waits for another process.
//! - An error says which file it is about, and what stands in its place if it is no file.

use crate::small_file;
use crate::spool::log::disk::{FILE_MODE, of};
use rustix::fs::{self as sys, AtFlags, CWD, FileType, OFlags};
use rustix::path::Arg;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Opens a regular file in a folder. `path` leads to it, for messages.
pub(super) fn open(
    folder: impl AsFd,
    name: impl Arg + Copy,
    path: &Path,
    flags: OFlags,
) -> io::Result<OwnedFd> {
    let always = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = sys::openat(&folder, name, flags | always, FILE_MODE);
    // A directory opens for reading, and a named pipe as well; a link and a socket do not open.
    let found = match &opened {
        Ok(file) => sys::fstat(file),
        Err(_) => sys::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW),
    };
    if let Ok(found) = found {
        refuse_others(path, FileType::from_raw_mode(found.st_mode))?;
    }
    opened.map_err(|error| of(path, error))
}

/// Refuses what is not a regular file in the place of one. Nothing there is fine.
pub fn check(path: &Path) -> io::Result<()> {
    match sys::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => refuse_others(path, FileType::from_raw_mode(found.st_mode)),
        Err(_) => Ok(()),
    }
}

fn refuse_others(path: &Path, kind: FileType) -> io::Result<()> {
    let Some(kind) = small_file::other_kind(kind) else { return Ok(()) };
    let said = format!(
        "{} is {kind}, where a file of the spool belongs; move it away and restore the file if you have it",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, said))
}
