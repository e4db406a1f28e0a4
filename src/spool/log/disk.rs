//! The disk under the log: the operations that the log needs, and their real implementation.
//!
//! The interface is as narrow as possible, and defines durability: bytes last once [`File::sync`]
//! has returned, names once [`Disk::sync_names`] has.
//!
//! # Promises
//! - Only their owner can read files (0600), whatever the umask, no link is followed, and
//!   nothing but a regular file is opened.
//! - An error says which file it is about.
//! - A file stays open for as long as it is held, so later reads and writes need no further
//!   descriptor.

#[cfg(test)]
pub mod memory;
pub mod regular;

use rustix::fs::{self as sys, AtFlags, CWD, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of files, without subfolders.
pub trait Disk: Debug + Send + Sync {
    /// The names of all files.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens an existing file.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Creates an empty file, replacing an existing one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;
    /// Renames a file, replacing one that has the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes all names durable.
    fn sync_names(&self) -> io::Result<()>;
    /// The bytes that can still be written.
    fn free(&self) -> io::Result<u64>;
}

/// An open file.
pub trait File: Debug + Send + Sync {
    /// Its length.
    fn length(&self) -> io::Result<u64>;
    /// Reads from a place; fewer bytes than asked for only at the end.
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all parts, one after the other, at a place.
    fn write(&self, parts: &[&[u8]], at: u64) -> io::Result<()>;
    /// Makes the file at least this long, so that writing there later needs no further space.
    fn reserve(&self, length: u64) -> io::Result<()>;
    /// Sets the length.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Makes everything written durable.
    fn sync(&self) -> io::Result<()>;
    /// True if a path leads to this file.
    fn is_at(&self, path: &Path) -> io::Result<bool>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct RealDisk {
    folder: OwnedFd,
    path: PathBuf,
    access: Access,
}

/// The access to a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Reading and writing.
    Write,
    /// Reading only.
    Read,
}

#[derive(Debug)]
struct RealFile {
    file: OwnedFd,
    path: PathBuf,
}

impl RealDisk {
    /// Opens a folder, creating it if it is to be written.
    pub fn open(path: &Path, access: Access) -> io::Result<Self> {
        if access == Access::Write {
            private_subfolder(path)?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = sys::open(path, flags, Mode::empty()).map_err(|error| of(path, error))?;
        Ok(Self { folder, path: path.to_owned(), access })
    }

    fn file(&self, name: &str, more: OFlags) -> io::Result<Arc<dyn File>> {
        let way = match self.access {
            Access::Write => OFlags::RDWR,
            Access::Read => OFlags::RDONLY,
        };
        let path = self.path.join(name);
        let file = regular::open(&self.folder, name, &path, way | more)?;
        if more.contains(OFlags::CREATE) {
            sys::fchmod(&file, FILE_MODE).map_err(|error| of(&path, error))?;
        }
        Ok(Arc::new(RealFile { file, path }))
    }
}

/// Opens a file that only its owner can read, creating it if it does not exist. No link is
/// followed.
pub fn private_file(folder: &Path, name: &str) -> io::Result<std::fs::File> {
    let path = folder.join(name);
    let file = regular::open(CWD, &path, &path, OFlags::RDWR | OFlags::CREATE)?;
    sys::fchmod(&file, FILE_MODE).map_err(|error| of(&path, error))?;
    Ok(file.into())
}

/// Opens a file for reading. No link is followed.
pub fn existing_file(folder: &Path, name: &str) -> io::Result<std::fs::File> {
    let path = folder.join(name);
    Ok(regular::open(CWD, &path, &path, OFlags::RDONLY)?.into())
}

/// Creates a folder for its owner alone, and its parents as usual. An existing one is closed to
/// others.
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let named = |error: io::Error| about(path, error);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|error| about(parent, error))?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(named(error)),
    }
    let found = std::fs::metadata(path).map_err(named)?;
    if !found.is_dir() {
        return Err(of(path, Errno::NOTDIR));
    }
    let mode = found.permissions().mode();
    if mode & 0o077 != 0 || mode & 0o700 != 0o700 {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(path, private).map_err(named)?;
    }
    Ok(())
}

/// Makes a folder for its owner alone. A link in its place is refused.
pub fn private_subfolder(path: &Path) -> io::Result<()> {
    if path.is_symlink() {
        return Err(of(path, Errno::NOTDIR));
    }
    private_folder(path)
}

impl Disk for RealDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let named = |error| of(&self.path, error);
        for entry in sys::Dir::read_from(&self.folder).map_err(named)? {
            let name = entry.map_err(named)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.file(name, OFlags::empty())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.file(name, OFlags::CREATE | OFlags::TRUNC)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let renamed = sys::renameat(&self.folder, from, &self.folder, to);
        renamed.map_err(|error| of(&self.path.join(from), error))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = sys::unlinkat(&self.folder, name, AtFlags::empty());
        removed.map_err(|error| of(&self.path.join(name), error))
    }

    fn sync_names(&self) -> io::Result<()> {
        sys::fsync(&self.folder).map_err(|error| of(&self.path, error))
    }

    fn free(&self) -> io::Result<u64> {
        let stat = sys::fstatvfs(&self.folder).map_err(|error| of(&self.path, error))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl File for RealFile {
    fn length(&self) -> io::Result<u64> {
        let stat = sys::fstat(&self.file).map_err(|error| of(&self.path, error))?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    fn read(&self, mut bytes: &mut [u8], mut at: u64) -> io::Result<usize> {
        let mut read = 0;
        while !bytes.is_empty() {
            match rustix::io::pread(&self.file, &mut *bytes, at) {
                Ok(0) => break,
                Ok(count) => {
                    read += count;
                    at += count as u64;
                    bytes = &mut bytes[count..];
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(of(&self.path, error)),
            }
        }
        Ok(read)
    }

    fn write(&self, parts: &[&[u8]], mut at: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let most = rest.len().min(MOST_PARTS);
            match rustix::io::pwritev(&self.file, &rest[..most], at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    at += count as u64;
                    IoSlice::advance_slices(&mut rest, count);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(of(&self.path, error)),
            }
        }
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        match sys::fallocate(&self.file, FallocateFlags::empty(), 0, length) {
            Ok(()) => Ok(()),
            // Some file systems do not support it; writing zeros then takes the space.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(self, self.length()?, length),
            Err(error) => Err(of(&self.path, error)),
        }
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        sys::ftruncate(&self.file, length).map_err(|error| of(&self.path, error))
    }

    fn sync(&self) -> io::Result<()> {
        sys::fdatasync(&self.file).map_err(|error| of(&self.path, error))
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let ours = sys::fstat(&self.file).map_err(|error| of(&self.path, error))?;
        match sys::lstat(path) {
            Ok(found) => Ok((found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(of(path, error)),
        }
    }
}

/// An error of the system about a file.
fn of(path: &Path, error: Errno) -> io::Error {
    about(path, error.into())
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Fills a part of a file with zeros, piece by piece.
pub fn write_zeros(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE];
    let mut at = from;
    while at < to {
        let piece = zeros.len().min(usize::try_from(to - at).unwrap_or(PIECE));
        file.write(&[&zeros[..piece]], at)?;
        at += piece as u64;
    }
    Ok(())
}

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
/// The system takes at most 1,024 parts in one call.
const MOST_PARTS: usize = 1024;
const PIECE: usize = 256 << 10;
