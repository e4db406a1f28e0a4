//! Folders of our own in the directory for temporary files, which all users of a machine share.
//!
//! # Promises
//! - A folder is created anew or not used: nothing that another user has put there is opened, and
//!   no link is followed.
//! - Only our user can read it.
//! - A folder outlives its process only if that is killed, and then the next one with the same name
//!   removes it.

use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder that is removed with its content on drop.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    /// The folder, locked for as long as this process lives.
    _lock: File,
}

impl Scratch {
    /// Creates one. Its name begins with `name` and ends at random. Removes those with this name
    /// whose processes were killed.
    pub fn new(name: &str) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), name)
    }

    fn within(parent: &Path, name: &str) -> io::Result<Self> {
        remove_leftovers(parent, name);
        for _ in 0..ATTEMPTS {
            let mut random = [0; RANDOM];
            let filled = SystemRandom::new().fill(&mut random);
            filled.map_err(|_| io::Error::other("no random bytes"))?;
            let dir = parent.join(format!("{name}-{}", hex::encode(random)));
            make(&dir)?;
            // Before it was locked, another process may have taken it for a leftover.
            if let Some(_lock) = lock_ours(&dir) {
                return Ok(Self { dir, _lock });
            }
        }
        Err(io::Error::other("a new folder cannot be locked"))
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
    if !is_private(&std::fs::symlink_metadata(&dir)?) {
        let what = format!("{} is not a folder of this user alone", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(dir)
}

/// Removes the folders with this name that no process has locked. One that cannot be removed stays.
fn remove_leftovers(parent: &Path, name: &str) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let random = found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('-'));
        let random = random.and_then(|random| hex::decode(random).ok());
        if random.is_some_and(|random| random.len() == RANDOM)
            && let Some(_lock) = lock_ours(&entry.path())
        {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

/// Locks a folder that belongs to our user alone. `None` if it does not, is gone, or if a process
/// that lives has locked it.
fn lock_ours(dir: &Path) -> Option<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let mut options = OpenOptions::new();
    let folder = options.read(true).custom_flags(flags.bits().cast_signed()).open(dir).ok()?;
    let of_file = folder.metadata().ok()?;
    folder.try_lock().ok()?;
    let of_name = std::fs::symlink_metadata(dir).ok()?;
    let is_ours =
        is_private(&of_file) && of_file.ino() == of_name.ino() && of_file.dev() == of_name.dev();
    is_ours.then_some(folder)
}

/// True for a folder that belongs to our user, and that no other can read.
fn is_private(found: &Metadata) -> bool {
    let user = rustix::process::geteuid().as_raw();
    found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0
}

fn make(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(dir)
}

/// The random bytes of a name.
const RANDOM: usize = 6;
/// To lose a new folder to another process once is unlikely.
const ATTEMPTS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn the_next_folder_removes_those_of_killed_processes_and_no_other() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let folder = |name: &str, mode| {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("lock"), "").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        let alive = Scratch::within(parent.path(), "dev").unwrap();
        folder("dev-000000000001", 0o700);
        folder("dev-000000000002", 0o755);
        folder("dev-mine", 0o700);
        folder("look-000000000003", 0o700);
        folder("target", 0o700);
        symlink(at("target"), at("dev-000000000004")).unwrap();
        fs::write(at("dev-000000000005"), "").unwrap();

        let next = Scratch::within(parent.path(), "dev").unwrap();

        assert!(!at("dev-000000000001").exists(), "its process was killed");
        assert!(alive.path().exists() && next.path().exists());
        for name in ["dev-000000000002", "dev-mine", "look-000000000003", "target"] {
            assert!(at(name).join("lock").exists(), "{name}");
        }
        assert!(at("dev-000000000004").is_symlink() && at("dev-000000000005").is_file());
        let path = alive.path().to_owned();
        drop((alive, next));
        assert!(!path.exists());
    }
}
