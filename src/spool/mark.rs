//! How far records were acknowledged, beside the store, to notice when the store lost some.
//!
//! A zeroed page in the middle of the store's journal ends its recovery there without a word. The
//! mark is written after each commit, before the answers; a store that ends before it has lost
//! acknowledged records. It is not synced: after a power cut it may lag behind, and then notices
//! less, but it never claims more than was committed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file that holds the last acknowledged sequence.
#[derive(Debug)]
pub struct Mark {
    file: File,
}

impl Mark {
    /// Opens the mark, making it at the first start.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join("mark");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file })
    }

    /// The last acknowledged sequence of a directory in which nothing is to be made.
    pub fn read(dir: &Path) -> io::Result<u64> {
        match File::open(dir.join("mark")) {
            Ok(file) => Ok(Self { file }.sequence()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The last acknowledged sequence; 0 if none was, or the file does not say.
    pub fn sequence(&self) -> u64 {
        let mut bytes = [0; 16];
        if self.file.read_exact_at(&mut bytes, 0).is_err() {
            return 0;
        }
        let sequence = u64::from_le_bytes(*bytes.first_chunk().expect("16 bytes hold 8"));
        let inverted = u64::from_le_bytes(*bytes.last_chunk().expect("16 bytes hold 8"));
        if sequence == !inverted { sequence } else { 0 }
    }

    /// Notes that everything up to `sequence` is about to be acknowledged.
    pub fn set(&self, sequence: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&sequence.to_le_bytes());
        bytes[8..].copy_from_slice(&(!sequence).to_le_bytes());
        self.file.write_all_at(&bytes, 0)
    }

    /// Brings the mark to the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_and_a_torn_one_claims_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::open(dir.path()).unwrap();
        assert_eq!(mark.sequence(), 0);

        mark.set(77).unwrap();
        assert_eq!(Mark::open(dir.path()).unwrap().sequence(), 77);

        mark.file.write_all_at(&[0; 3], 0).unwrap();
        assert_eq!(mark.sequence(), 0);
    }
}
