//! The file beside the spool: read whole, and replaced whole.

use crate::gaps::memory::Memory;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads the file that the last run left. A missing file means a first run. A file that cannot be
/// read is logged and counts as missing, because it must not stop a start.
pub fn read(path: &Path) -> Memory {
    let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    read.unwrap_or_else(|error: io::Error| {
        if error.kind() != ErrorKind::NotFound {
            let kind = error.kind();
            tracing::warn!("cannot read {}, so earlier gaps are not known: {kind}", path.display());
        }
        Memory::default()
    })
}

/// Replaces the file. After a power cut it has either the old content or the new one.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_cannot_be_read_is_a_first_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gaps.json");

        assert_eq!(read(&path), Memory::default());
        write(&path, b"{ torn").unwrap();
        assert_eq!(read(&path), Memory::default());
        write(&path, &Memory::default().to_bytes()).unwrap();
        assert_eq!(read(&path), Memory::default());
    }
}
