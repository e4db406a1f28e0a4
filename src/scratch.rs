//! Folders of our own in the directory for temporary files, which all users of a machine share.
//!
//! # Promises
//! - A folder is new or it is not ours to use: nothing that another user laid there beforehand is opened, and no
//!   link is followed.
//! - Nobody else reads it.

use ring::rand::{SecureRandom as _, SystemRandom};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A folder that goes, with all in it, when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    /// Makes one. Its name begins as given and ends at random.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut random = [0; 6];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let dir = std::env::temp_dir().join(format!("{name}-{}", hex::encode(random)));
        make(&dir)?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), error = %error, "cannot remove a temporary folder");
        }
    }
}

/// The folder in which our user's processes find each other: the system's own for that, or one beside it that is
/// made if need be.
///
/// # Errors
/// When what lies there belongs to another user, is a link, or is open to others.
pub fn meeting_place() -> io::Result<PathBuf> {
    if let Some(dir) = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        return Ok(dir.into());
    }
    let user = rustix::process::geteuid();
    let dir = std::env::temp_dir().join(format!("cadrelay-{}", user.as_raw()));
    match make(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(&dir)?;
    if !found.is_dir() || found.uid() != user.as_raw() || found.mode() & 0o077 != 0 {
        let what = format!("{} is not a folder of this user alone", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(dir)
}

fn make(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(dir)
}
