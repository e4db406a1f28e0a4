//! Folders of our own in the directory for temporary files, which all users of a machine share.
//!
//! # Promises
//! - A folder is created anew or not used: nothing that another user has put there is opened, and
//!   no link is followed.
//! - Only our user can read it.

use ring::rand::{SecureRandom as _, SystemRandom};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A folder that is removed with its content on drop.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    /// Creates one. Its name begins with `name` and ends at random.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut random = [0; 6];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let dir = std::env::temp_dir().join(format!("{name}-{}", hex::encode(random)));
        make(&dir)?;
        Ok(Self { dir })
    }

    /// Its path.
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

/// The folder in which the processes of our user find each other: the system's own for that
/// purpose, or one beside the temporary files, created if need be.
///
/// # Errors
/// If the existing folder belongs to another user, is a link, or is open to others.
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
