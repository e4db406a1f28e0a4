//! The files of the disk in memory.

use crate::lock::lock;
use crate::spool::log::disk::File;
use crate::spool::log::disk::memory::MemoryDisk;
use crate::spool::log::disk::memory::content::Change;
use crate::spool::log::disk::memory::failure::Kind;
use crate::spool::log::disk::memory::power_cut::{Chance, Survivors};
use std::path::Path;
use std::{fmt, io};

/// An open file.
pub(super) struct MemoryFile {
    pub(super) disk: MemoryDisk,
    pub(super) file: usize,
}

impl MemoryFile {
    fn call(&self, kind: Kind) -> io::Result<()> {
        self.disk.call(kind, Some(self.file), "")
    }

    fn change(&self, change: Change) {
        {
            let mut state = lock(&self.disk.state);
            let content = &mut state.files[self.file];
            change.apply(&mut content.now);
            content.unsynced.push(change);
        }
        self.disk.tell();
    }

    fn len(&self) -> usize {
        lock(&self.disk.state).files[self.file].now.len()
    }
}

impl File for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        self.call(Kind::Read)?;
        Ok(self.len() as u64)
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        self.call(Kind::Read)?;
        let state = lock(&self.disk.state);
        let there = state.files[self.file].now.get(at as usize..).unwrap_or_default();
        let read = there.len().min(bytes.len());
        bytes[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn write(&self, parts: &[&[u8]], at: u64) -> io::Result<()> {
        let (at, mut bytes) = (at as usize, parts.concat());
        let kind = if at + bytes.len() > self.len() { Kind::Extend } else { Kind::Write };
        if let Err(error) = self.call(kind) {
            // A part of it may have been written.
            bytes.truncate(bytes.len() / 2);
            self.change(Change::Write { at, bytes });
            return Err(error);
        }
        self.change(Change::Write { at, bytes });
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.call(Kind::Extend)?;
        let length = (length as usize).max(self.len());
        self.change(Change::Length(length));
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.call(Kind::Cut)?;
        self.change(Change::Length(length as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.tell();
        let called = self.call(Kind::Sync);
        let mut state = lock(&self.disk.state);
        let content = &mut state.files[self.file];
        if called.is_err() {
            // The system counts the unwritten part as written: no later sync writes it.
            let mut chance = Chance(content.now.len() as u64);
            content.lasting = content.image(Survivors::Any, &mut chance);
        } else {
            for change in &content.unsynced {
                change.apply(&mut content.lasting);
            }
        }
        content.unsynced.clear();
        called
    }

    fn is_at(&self, _: &Path) -> io::Result<bool> {
        Ok(true)
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("file", &self.file).finish_non_exhaustive()
    }
}
