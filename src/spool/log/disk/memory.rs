//! A disk in memory that can lose, tear and reorder whatever was not synced, and fail any call.
//!
//! # Promises
//! - What a sync has covered is in every image; of the rest an image has any part: per sector of a
//!   write, per change of a file's length, per change of a name.
//! - Whoever watches is called at each change, when nothing of it is certain yet.

use crate::lock::lock;
use crate::spool::log::disk::{Disk, File};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

/// The disk. A clone is the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    watcher: Arc<Mutex<Option<Watcher>>>,
}

type Watcher = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    lasting: BTreeMap<String, usize>,
    unsynced: Vec<NameChange>,
    calls: u64,
    failure: Option<Failure>,
    failed: Vec<Call>,
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    lasting: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Clone)]
enum NameChange {
    Link { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove(String),
}

/// A call that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Of what kind.
    pub kind: Kind,
    /// The name of the file, if it has one.
    pub name: String,
}

/// What is asked of a disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The names, or an open file.
    Look,
    /// A new file.
    Create,
    /// A name is changed or removed.
    Name,
    /// The names are synced.
    SyncNames,
    /// A file's length, its bytes, or the room.
    Read,
    /// Bytes are written.
    Write,
    /// Bytes are written where the file ends or behind it, or room is taken.
    Extend,
    /// A file is cut.
    Cut,
    /// A file is synced.
    Sync,
}

/// Calls that are to fail.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The first, counted from now.
    pub after: u64,
    /// For how many calls.
    pub calls: u64,
    /// What they say.
    pub error: Errno,
}

/// What a call may say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Errno {
    /// EIO: any call.
    Broken,
    /// ENOSPC: what needs room.
    NoRoom,
    /// EMFILE: what needs a descriptor.
    NoDescriptor,
}

/// How much of what was not synced an image has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Luck {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// In each file what was written first, the last write of it torn.
    Prefix,
    /// Any sector and any name.
    Any,
}

/// Random numbers that come again with their seed.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// A number below another.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most.max(1)
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

impl MemoryDisk {
    /// Has someone called at each change.
    pub fn watch(&self, watcher: Option<Watcher>) {
        *lock(&self.watcher) = watcher;
    }

    /// Calls who watches.
    pub fn tell(&self) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher();
        }
    }

    /// Has calls fail.
    pub fn fail(&self, failure: Option<Failure>) {
        let mut state = lock(&self.state);
        state.calls = 0;
        state.failed.clear();
        state.failure = failure;
    }

    /// The calls that failed since [`MemoryDisk::fail`].
    pub fn failed(&self) -> Vec<Call> {
        lock(&self.state).failed.clone()
    }

    /// Whether anything is not synced.
    pub fn is_unsynced(&self) -> bool {
        let state = lock(&self.state);
        !state.unsynced.is_empty() || state.files.iter().any(|file| !file.unsynced.is_empty())
    }

    /// The disk as it may be after the power was cut at this moment.
    pub fn image(&self, luck: Luck, chance: &mut Chance) -> Self {
        let state = lock(&self.state);
        let mut names = state.lasting.clone();
        let keep = chance.below(state.unsynced.len() as u64 + 1);
        for (at, change) in (0..).zip(&state.unsynced) {
            if luck.keeps(at, keep, chance) {
                change.apply(&mut names);
            }
        }
        let mut image = State::default();
        for (name, number) in names {
            // A file under two names is in the image twice: nothing writes to both.
            let bytes = state.files[number].image(luck, chance);
            image.names.insert(name, image.files.len());
            image.files.push(Content { now: bytes.clone(), lasting: bytes, unsynced: Vec::new() });
        }
        image.lasting = image.names.clone();
        Self { state: Arc::new(Mutex::new(image)), watcher: Arc::default() }
    }

    fn call(&self, kind: Kind, file: Option<usize>, name: &str) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.calls += 1;
        let Some(failure) = state.failure else { return Ok(()) };
        let is_due = (failure.after..failure.after + failure.calls).contains(&state.calls);
        let suits = match failure.error {
            Errno::Broken => true,
            Errno::NoRoom => matches!(kind, Kind::Create | Kind::Extend),
            Errno::NoDescriptor => matches!(kind, Kind::Create | Kind::Look),
        };
        if !is_due || !suits {
            return Ok(());
        }
        let of_file = || state.names.iter().find(|(_, number)| Some(**number) == file);
        let name = of_file().map_or_else(|| name.to_owned(), |(name, _)| name.clone());
        state.failed.push(Call { kind, name });
        let number = match failure.error {
            Errno::Broken => 5,
            Errno::NoRoom => 28,
            Errno::NoDescriptor => 24,
        };
        Err(io::Error::from_raw_os_error(number))
    }

    fn link(&self, file: usize) -> Arc<dyn File> {
        Arc::new(MemoryFile { disk: self.clone(), file })
    }

    fn change_name(&self, change: NameChange) {
        {
            let mut state = lock(&self.state);
            change.apply(&mut state.names);
            state.unsynced.push(change);
        }
        self.tell();
    }
}

impl Luck {
    fn keeps(self, at: u64, keep: u64, chance: &mut Chance) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Prefix => at < keep,
            Self::Any => chance.coin(),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link { name, file } => drop(names.insert(name.clone(), *file)),
            Self::Rename { from, to, file } => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl Content {
    fn image(&self, luck: Luck, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.lasting.clone();
        let keep = chance.below(self.unsynced.len() as u64 + 1);
        for (at, change) in (0..).zip(&self.unsynced) {
            match (luck, change) {
                (Luck::Any, Change::Write { at, bytes: written }) => {
                    write_some(&mut bytes, *at, written, || chance.coin());
                }
                (Luck::Prefix, Change::Write { at: place, bytes: written }) if at == keep => {
                    let mut left = chance.below(written.len().div_ceil(SECTOR) as u64 + 1);
                    write_some(&mut bytes, *place, written, || {
                        let is_in = left > 0;
                        left = left.saturating_sub(1);
                        is_in
                    });
                }
                (_, change) if luck.keeps(at, keep, chance) => change.apply(&mut bytes),
                (_, _) => {}
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: written } => write_some(bytes, *at, written, || true),
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

/// Writes those sectors that are kept.
fn write_some(file: &mut Vec<u8>, at: usize, written: &[u8], mut keeps: impl FnMut() -> bool) {
    let mut from = 0;
    while from < written.len() {
        let to = (from + SECTOR - (at + from) % SECTOR).min(written.len());
        if keeps() {
            if file.len() < at + to {
                file.resize(at + to, 0);
            }
            file[at + from..at + to].copy_from_slice(&written[from..to]);
        }
        from = to;
    }
}

impl Disk for MemoryDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        self.call(Kind::Look, None, "")?;
        Ok(lock(&self.state).names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.call(Kind::Look, None, name)?;
        let found = lock(&self.state).names.get(name).copied();
        found.map(|file| self.link(file)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.call(Kind::Create, None, name)?;
        let file = {
            let mut state = lock(&self.state);
            state.files.push(Content::default());
            state.files.len() - 1
        };
        self.change_name(NameChange::Link { name: name.to_owned(), file });
        Ok(self.link(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Kind::Name, None, from)?;
        let file = lock(&self.state).names.get(from).copied();
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        self.change_name(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Kind::Name, None, name)?;
        if !lock(&self.state).names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_name(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.tell();
        self.call(Kind::SyncNames, None, "")?;
        let mut state = lock(&self.state);
        state.lasting = state.names.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        self.call(Kind::Read, None, "")?;
        Ok(1 << 40)
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    file: usize,
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
            // Some of it may have been written.
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
            // The system takes what it could not write for written: no later sync brings it.
            let mut chance = Chance(content.now.len() as u64);
            content.lasting = content.image(Luck::Any, &mut chance);
        } else {
            for change in &content.unsynced {
                change.apply(&mut content.lasting);
            }
        }
        content.unsynced.clear();
        called
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("file", &self.file).finish_non_exhaustive()
    }
}

const SECTOR: usize = 512;
