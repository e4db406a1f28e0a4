//! The files of decisions: lines of JSON, in files named by the number of their first line.
//!
//! A new file is begun when the last one has its share of the limits, and the oldest is removed
//! when all together exceed them. A start begins a new file, so a line that a kill has cut is the
//! last of its file.

use crate::recent::buffer::{Lines, read_line};
use crate::recent::filter::Filter;
use crate::recent::{Limits, Numbered, Page};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The files, oldest first; the last one is written.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    limits: Limits,
    kept: VecDeque<Kept>,
    writing: Option<File>,
    next_number: u64,
    /// True after a failed attempt, which was logged: it is not logged again before one succeeds.
    failing: bool,
}

#[derive(Debug)]
struct Kept {
    first: u64,
    count: u64,
    bytes: u64,
}

/// Lines that could not be written.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// The number of lines.
    pub(super) dropped: u64,
}

impl Files {
    pub(super) fn open(dir: PathBuf, limits: Limits) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        Self::look(dir, limits)
    }

    /// Opens the files read-only, as they are.
    pub(super) fn look(dir: PathBuf, limits: Limits) -> io::Result<Self> {
        let mut kept: Vec<Kept> = Vec::new();
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        for entry in entries.into_iter().flatten() {
            let path = entry?.path();
            let Some(first) = first_number(&path) else { continue };
            let bytes = read(&path)?;
            let count = memchr::memchr_iter(b'\n', &bytes).count() as u64;
            kept.push(Kept { first, count, bytes: bytes.len() as u64 });
        }
        kept.sort_unstable_by_key(|file| file.first);
        let next_number = kept.last().map_or(1, |file| file.first + file.count);
        let kept = VecDeque::from(kept);
        Ok(Self { dir, limits, kept, writing: None, next_number, failing: false })
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Writes lines at the end. Lines that cannot be written are dropped, and their numbers with
    /// them: the next line begins a new file.
    pub(super) fn append(&mut self, lines: &Lines) -> Result<(), Unwritten> {
        match self.write(lines) {
            Ok(()) => {
                self.failing = false;
                Ok(())
            }
            Err(error) => {
                self.cut_what_is_half_written();
                // Followers are sent these lines too, so no later line may have their numbers.
                self.next_number += lines.count();
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = %error, "cannot keep recent decisions; they are dropped until it works again");
                }
                Err(Unwritten { dropped: lines.count() })
            }
        }
    }

    fn write(&mut self, lines: &Lines) -> io::Result<()> {
        let free =
            rustix::fs::statvfs(&self.dir).map_or(u64::MAX, |disk| disk.f_bavail * disk.f_frsize);
        if free < self.limits.reserve + lines.as_bytes().len() as u64 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is nearly full"));
        }
        let is_full = self.kept.back().is_some_and(|file| {
            file.bytes >= self.limits.bytes / FILES || file.count >= self.limits.count / FILES
        });
        if is_full {
            self.writing = None;
        }
        let file = match &mut self.writing {
            Some(file) => file,
            None => {
                let path = self.path(self.next_number);
                // A file of this number holds at most a line that a kill has cut.
                let file = File::options()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                    .open(path)?;
                self.kept.retain(|kept| kept.first != self.next_number);
                self.kept.push_back(Kept { first: self.next_number, count: 0, bytes: 0 });
                self.writing.insert(file)
            }
        };
        file.write_all(lines.as_bytes())?;
        if let Some(kept) = self.kept.back_mut() {
            kept.count += lines.count();
            kept.bytes += lines.as_bytes().len() as u64;
        }
        self.next_number += lines.count();
        self.remove_oldest();
        Ok(())
    }

    /// Cuts half-written lines: they would be read with the numbers of later ones.
    fn cut_what_is_half_written(&mut self) {
        if let (Some(file), Some(kept)) = (self.writing.take(), self.kept.back())
            && let Err(error) = file.set_len(kept.bytes)
        {
            tracing::debug!(error = %error, "cannot cut a file of decisions");
        }
    }

    fn remove_oldest(&mut self) {
        let sum = |of: fn(&Kept) -> u64, kept: &VecDeque<Kept>| kept.iter().map(of).sum::<u64>();
        while self.kept.len() > 1
            && (sum(|file| file.bytes, &self.kept) > self.limits.bytes
                || sum(|file| file.count, &self.kept) > self.limits.count)
        {
            let Some(oldest) = self.kept.pop_front() else { break };
            if let Err(error) = fs::remove_file(self.path(oldest.first)) {
                tracing::debug!(error = %error, "cannot remove old decisions");
            }
        }
    }

    pub(super) fn search(
        &self,
        filter: &Filter,
        before: Option<u64>,
        limit: usize,
    ) -> io::Result<Page> {
        let needle = filter.needle();
        let before = before.unwrap_or(u64::MAX);
        let mut page = Page::default();
        for file in self.kept.iter().rev().filter(|file| file.first < before) {
            let Some(bytes) = self.read(file)? else { continue };
            let lines: Vec<(&[u8], u64)> = lines(&bytes, file).collect();
            for (line, number) in lines.into_iter().rev() {
                let may_match = needle.as_ref().is_none_or(|needle| needle.find(line).is_some());
                if number >= before || !may_match {
                    continue;
                }
                let Some(found) = read_line(line, number) else { continue };
                if !filter.takes(&found.decision) {
                    continue;
                }
                if page.decisions.len() == limit {
                    page.next = page.decisions.last().map(|last| last.number);
                    return Ok(page);
                }
                page.decisions.push(found);
            }
        }
        Ok(page)
    }

    pub(super) fn after(&self, number: u64, limit: usize) -> io::Result<Vec<Numbered>> {
        let mut found = Vec::new();
        for file in self.kept.iter().filter(|file| file.first + file.count > number) {
            let Some(bytes) = self.read(file)? else { continue };
            let later = lines(&bytes, file).filter(|(_, at)| *at > number);
            found.extend(
                later.filter_map(|(line, at)| read_line(line, at)).take(limit - found.len()),
            );
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The time of the oldest decision.
    pub(super) fn oldest(&self) -> io::Result<Option<Timestamp>> {
        let Some(oldest) = self.kept.front() else { return Ok(None) };
        let file = match open(&self.path(oldest.first)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut line = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut line)?;
        Ok(read_line(&line, oldest.first).map(|found| found.decision.at))
    }

    /// Reads a file. `None` if somebody has removed it.
    fn read(&self, file: &Kept) -> io::Result<Option<Vec<u8>>> {
        match read(&self.path(file.first)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, first: u64) -> PathBuf {
        self.dir.join(format!("{first:020}.jsonl"))
    }
}

/// The whole lines of a file with their numbers. The last one may be followed by a line that a kill
/// has cut.
fn lines<'b>(bytes: &'b [u8], file: &Kept) -> impl Iterator<Item = (&'b [u8], u64)> + use<'b> {
    let numbers = file.first..file.first + file.count;
    bytes.split(|byte| *byte == b'\n').zip(numbers)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut open(path)?, &mut bytes)?;
    Ok(bytes)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn first_number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".jsonl")?.parse().ok()
}

/// Each file that is removed frees a tenth of the limits.
const FILES: u64 = 10;
