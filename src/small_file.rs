//! Reads the files that an operator names in a configuration: the configuration itself, secrets,
//! certificates.
//!
//! # Promises
//! - Only a regular file is read, also behind a symbolic link. A directory, named pipe, device or
//!   socket is refused by its kind, so no read waits for another process or goes on for ever.
//! - At most [`MOST`] bytes are read.
//! - An error names the reason, and no part of the file's text.
//!
//! # Limits
//! A regular file on a disk that hangs still blocks its reader.

use rustix::fs::{FileType, OFlags};
use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The reason why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused to open or read it.
    #[error("{0}")]
    System(#[from] io::Error),
    /// It is not a regular file.
    #[error("it is {0}, not a regular file")]
    Kind(&'static str),
    /// It is larger than any file of a configuration.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// It holds bytes that are not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // Before the opening, because to open a device may change it.
    regular(&std::fs::metadata(path)?)?;
    // The file may have been replaced since: to open a named pipe waits for a writer unless told
    // not to.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(Error::TooLarge) } else { Ok(bytes) }
}

/// Reads a file whole, as text.
pub fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read(path)?).map_err(|_| Error::NotText)
}

/// What stands in the place of a file, in words. `None` for a regular file.
pub fn other_kind(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a named pipe"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Some("a device"),
    }
}

fn regular(found: &Metadata) -> Result<(), Error> {
    match other_kind(FileType::from_raw_mode(found.mode())) {
        None => Ok(()),
        Some(kind) => Err(Error::Kind(kind)),
    }
}

/// The most bytes of a file. A certificate with its chain has some kilobytes, a configuration with
/// a thousand sources some hundred.
pub const MOST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mknodat};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_no_regular_file_is_refused_by_its_kind_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, socket) = (dir.path().join("pipe"), dir.path().join("socket"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let _listening = UnixListener::bind(&socket).unwrap();
        let link = dir.path().join("link");
        symlink(&pipe, &link).unwrap();

        for (path, why) in [
            (dir.path(), "it is a directory, not a regular file"),
            (&pipe, "it is a named pipe, not a regular file"),
            (&link, "it is a named pipe, not a regular file"),
            (&socket, "it is a socket, not a regular file"),
            (Path::new("/dev/zero"), "it is a device, not a regular file"),
            (&dir.path().join("nothing"), "No such file or directory (os error 2)"),
        ] {
            assert_eq!(read(path).unwrap_err().to_string(), why, "{}", path.display());
        }
    }

    #[test]
    fn a_file_of_one_mebibyte_is_read_and_a_larger_one_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let most = usize::try_from(MOST).unwrap();

        fs::write(file.path(), vec![b'x'; most]).unwrap();
        assert_eq!(read(file.path()).unwrap().len(), most);
        fs::write(file.path(), vec![b'x'; most + 1]).unwrap();
        assert_eq!(read(file.path()).unwrap_err().to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_no_text_and_shows_none_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"s3cret\xff").unwrap();

        assert_eq!(read_text(file.path()).unwrap_err().to_string(), "it is not UTF-8 text");
    }

    #[test]
    fn a_secret_that_kubernetes_projects_is_read_through_its_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("..2026_11_27")).unwrap();
        fs::write(dir.path().join("..2026_11_27/key"), "s3cret").unwrap();
        symlink("..2026_11_27", dir.path().join("..data")).unwrap();
        symlink("..data/key", dir.path().join("key")).unwrap();

        assert_eq!(read_text(&dir.path().join("key")).unwrap(), "s3cret");
    }
}
