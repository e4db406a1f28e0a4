//! Notices when a full journal of the store lost its end.
//!
//! The store reads each of its journals up to the first thing that it does not understand, cuts the
//! rest off, and goes on with the next journal. At the end of the newest one that is right: what is
//! cut there was never acknowledged, or the mark beside the store tells. In the middle of an older
//! one it leaves a gap that nothing later shows.
//!
//! A full journal was ended in good order, with a batch whose last byte is not zero; only what was
//! laid out in advance follows. So it ends where its last byte lies that is not zero, and if the
//! store has cut it before that place, something acknowledged may be gone.
//!
//! The store's cut destroys what shows it, so the ends are noted in a file beside the store before
//! it opens: a start that was refused is refused again, until an operator accepts the loss.
//!
//! # Limits
//! A journal that is cut, or zeroed to its end, exactly between two batches looks whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The full journals as they were before the store opened them.
#[derive(Debug)]
pub struct Journals {
    note: PathBuf,
    /// A former start found one that was cut, and nobody accepted that.
    damaged: bool,
    /// Held open, because the store removes those that it needs no more.
    full: Vec<(File, u64)>,
}

impl Journals {
    /// Looks at the journals of the store in a spool's directory, before it is opened.
    pub fn look(dir: &Path) -> io::Result<Self> {
        let note = dir.join("journals");
        let noted = match fs::read_to_string(&note) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut full = Vec::new();
        let mut ends = String::new();
        for (number, path) in full_journals(&dir.join("store"))? {
            let file = File::open(path)?;
            let end = end_of(&file)?.max(noted_end(&noted, number));
            ends.push_str(&format!("{number} {end}\n"));
            full.push((file, end));
        }
        let journals = Self { note, damaged: noted.contains(DAMAGED), full };
        if !journals.full.is_empty() && !journals.damaged {
            journals.write(&ends)?;
        }
        Ok(journals)
    }

    /// Whether the store, which is open now, has cut none of them before its end. If it has, that
    /// is noted for the starts to come.
    pub fn are_whole(&self) -> io::Result<bool> {
        if self.damaged {
            return Ok(false);
        }
        for (file, end) in &self.full {
            if file.metadata()?.len() < *end {
                self.write(DAMAGED)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends the watch: they are whole, or an operator goes on without what is gone.
    pub fn forget(self) -> io::Result<()> {
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut file = File::create(&self.note)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

/// All journals of a store but the newest, by number.
fn full_journals(store: &Path) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut journals = BTreeMap::new();
    let entries = match fs::read_dir(store) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journals),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_suffix(".jnl")?.parse().ok()) {
            journals.insert(number, path);
        }
    }
    journals.pop_last();
    Ok(journals)
}

/// The end of a journal that a start noted which did not come to its own end.
fn noted_end(noted: &str, number: u64) -> u64 {
    let rows = noted.lines().filter_map(|line| line.split_once(' '));
    let of_number = rows.filter(|(of, _)| of.parse() == Ok(number));
    of_number.filter_map(|(_, end)| end.parse().ok()).max().unwrap_or(0)
}

/// Behind the last byte that is not zero.
fn end_of(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; PIECE];
    while end > 0 {
        let length = end.min(PIECE as u64);
        let bytes = &mut piece[..length as usize];
        file.read_exact_at(bytes, end - length)?;
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            return Ok(end - length + last as u64 + 1);
        }
        end -= length;
    }
    Ok(0)
}

const PIECE: usize = 256 << 10;
const DAMAGED: &str = "damaged";

#[cfg(test)]
mod tests {
    use super::*;

    /// A spool with one full journal of twelve bytes, laid out to fifteen.
    fn spool() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("store")).unwrap();
        fs::write(dir.path().join("store/9.jnl"), b"full\0journal\0\0\0").unwrap();
        fs::write(dir.path().join("store/10.jnl"), b"active\0\0").unwrap();
        dir
    }

    fn cut(dir: &Path, name: &str, length: u64) {
        let journal = dir.join("store").join(name);
        File::options().write(true).open(journal).unwrap().set_len(length).unwrap();
    }

    #[test]
    fn a_full_journal_may_lose_what_was_laid_out_in_advance_and_nothing_else() {
        let dir = spool();
        let journals = Journals::look(dir.path()).unwrap();

        cut(dir.path(), "9.jnl", 12);
        assert!(journals.are_whole().unwrap());
        cut(dir.path(), "9.jnl", 11);
        assert!(!journals.are_whole().unwrap());
    }

    #[test]
    fn a_journal_that_was_cut_and_then_removed_is_noticed_also_by_later_starts() {
        let dir = spool();
        let journals = Journals::look(dir.path()).unwrap();
        cut(dir.path(), "9.jnl", 4);
        fs::remove_file(dir.path().join("store/9.jnl")).unwrap();
        assert!(!journals.are_whole().unwrap());

        let later = Journals::look(dir.path()).unwrap();
        assert!(!later.are_whole().unwrap());
        later.forget().unwrap();
        assert!(Journals::look(dir.path()).unwrap().are_whole().unwrap());
    }

    #[test]
    fn a_cut_is_noticed_by_the_start_after_one_that_died_of_it() {
        let dir = spool();
        drop(Journals::look(dir.path()).unwrap());
        cut(dir.path(), "9.jnl", 4);

        assert!(!Journals::look(dir.path()).unwrap().are_whole().unwrap());
    }

    #[test]
    fn the_newest_journal_may_be_cut_and_there_may_be_none() {
        let dir = spool();
        let journals = Journals::look(dir.path()).unwrap();
        cut(dir.path(), "10.jnl", 1);
        assert!(journals.are_whole().unwrap());

        let new = tempfile::tempdir().unwrap();
        assert!(Journals::look(new.path()).unwrap().are_whole().unwrap());
        assert!(!new.path().join("journals").exists());
    }
}
