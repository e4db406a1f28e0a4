//! A disk in memory that can lose, tear and reorder everything that was not synced, and fail any
//! call.
//!
//! # Promises
//! - Everything covered by a sync is in every image; of the rest an image has any part: per sector
//!   of a write, per change of a file's length, per change of a name.
//! - The watcher is called at each change, before any of it is durable.

mod content;
mod failure;
mod file;
mod power_cut;

use crate::lock::lock;
use crate::spool::log::disk::memory::content::Content;
use crate::spool::log::disk::memory::file::MemoryFile;
use crate::spool::log::disk::{Disk, File};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::{fmt, io};

pub use crate::spool::log::disk::memory::failure::{Call, Errno, Failure, Kind};
pub use crate::spool::log::disk::memory::power_cut::{Chance, Survivors};

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

#[derive(Clone)]
enum NameChange {
    Link { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove(String),
}

impl MemoryDisk {
    /// Sets the function to be called at each change.
    pub fn watch(&self, watcher: Option<Watcher>) {
        *lock(&self.watcher) = watcher;
    }

    /// Calls the watcher.
    pub fn tell(&self) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher();
        }
    }

    /// Makes calls fail.
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

    /// True if anything is not synced.
    pub fn is_unsynced(&self) -> bool {
        let state = lock(&self.state);
        !state.unsynced.is_empty() || state.files.iter().any(|file| !file.unsynced.is_empty())
    }

    /// True if a file that would exist after a power cut at this moment contains these bytes.
    pub fn lasts(&self, bytes: &[u8]) -> bool {
        let state = lock(&self.state);
        let mut files = state.lasting.values().map(|file| &state.files[*file].lasting);
        files.any(|file| memchr::memmem::find(file, bytes).is_some())
    }

    /// The disk as it may be after a power cut at this moment.
    pub fn image(&self, survivors: Survivors, chance: &mut Chance) -> Self {
        let state = lock(&self.state);
        let mut names = state.lasting.clone();
        let keep = chance.below(state.unsynced.len() as u64 + 1);
        for (at, change) in (0..).zip(&state.unsynced) {
            if survivors.keeps(at, keep, chance) {
                change.apply(&mut names);
            }
        }
        let mut image = State::default();
        for (name, number) in names {
            // A file with two names is in the image twice: nothing writes to both.
            let bytes = state.files[number].image(survivors, chance);
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

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").finish_non_exhaustive()
    }
}
