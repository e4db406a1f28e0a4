//! Opens the spool of a relay that does not run, to look at it and change nothing.
//!
//! # Promises
//! - Not a byte of the directory changes, whatever its state: opening a store replays its journals
//!   and cuts a torn tail off, so a copy of them is opened, beside links to the tables, which never
//!   change.
//! - No relay starts on the directory meanwhile: the look holds the store's lock.
//!
//! # Limits
//! The journals, at most about 200 MB, are copied to the system's folder for temporary files
//! (`TMPDIR`).

use crate::spool::journals::Journals;
use crate::spool::looking::Look;
use crate::spool::mark::Mark;
use crate::spool::store::journal::END_OF_BATCH;
use crate::spool::store::{self, Store};
use crate::spool::verdict::Fault;
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The spool of a relay that does not run.
#[derive(Debug)]
pub struct Stopped {
    // Dropped in this order: the store before its files, the lock at the end.
    store: Store,
    acknowledged: u64,
    faults: Vec<Fault>,
    _copy: Copy,
    _lock: File,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no spool.
    #[error("there is no spool in {}", .0.display())]
    Absent(PathBuf),
    /// A relay runs on it.
    #[error("the spool in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The system refuses.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// What could not be read or made.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The store does not open, and so would no relay.
    #[error("{}: {}", .0.place, .0.fault)]
    Damaged(Fault),
}

impl Stopped {
    /// Opens the spool in a directory.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let home = dir.join("store");
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| Error::Unreadable { path, cause }
        };
        let lock = match File::open(home.join("lock")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Absent(dir.to_owned()));
            }
            opened => opened.map_err(unreadable(&home))?,
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(unreadable(&home)(cause)),
        }
        let acknowledged = Mark::read(dir).map_err(unreadable(&dir.join("mark")))?;
        let gap = Journals::look(dir).map_err(unreadable(&home))?.gap;
        let journals = journals(&home).map_err(unreadable(&home))?;
        let copy = Copy::of(&home, &journals)?;
        let store = match Store::open(&copy.dir) {
            Ok(store) => store,
            Err(error) => return Err(Error::Damaged(blamed(&home, &journals, error)?)),
        };
        let torn = match journals.last() {
            Some(newest) => cut_short(&home, &copy.dir, newest).map_err(unreadable(&home))?,
            None => None,
        };
        let faults = gap.into_iter().chain(torn).collect();
        Ok(Self { store, acknowledged, faults, _copy: copy, _lock: lock })
    }

    /// A look at it.
    pub fn look(&self) -> Look<'_> {
        Look { store: &self.store, acknowledged: self.acknowledged, books: None }
    }

    /// What is wrong with its journals.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

/// A copy of a store that can be opened and thrown away.
#[derive(Debug)]
struct Copy {
    dir: PathBuf,
}

impl Copy {
    /// Copies everything but the tables, and of the journals the given ones.
    fn of(home: &Path, journals: &[String]) -> Result<Self, Error> {
        let mut name = [0; 6];
        SystemRandom::new().fill(&mut name).expect("the system gives random bytes");
        let dir = std::env::temp_dir().join(format!("cadrelay-look-{}", hex::encode(name)));
        let copy = Self { dir };
        copy.fill(home, journals)
            .map_err(|cause| Error::Unreadable { path: copy.dir.clone(), cause })?;
        Ok(copy)
    }

    fn fill(&self, home: &Path, journals: &[String]) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        // Others have no business with what waits.
        fs::DirBuilder::new().mode(0o700).create(&self.dir)?;
        mirror(&fs::canonicalize(home)?, &self.dir, &|name| {
            !name.ends_with(JOURNAL) || journals.iter().any(|journal| journal == name)
        })
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), error = %error, "cannot remove a copy");
        }
    }
}

fn mirror(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            mirror(&source, &target, wanted)?;
        } else if from.ends_with("tables") {
            std::os::unix::fs::symlink(source, target)?;
        } else if name.to_str().is_some_and(wanted) {
            fs::copy(source, target)?;
        }
    }
    Ok(())
}

/// The names of the store's journals, oldest first.
fn journals(home: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(home)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(JOURNAL)));
    }
    names.sort_unstable_by_key(|name| {
        name.strip_suffix(JOURNAL).and_then(|number| number.parse::<u64>().ok())
    });
    Ok(names)
}

/// Which file it is that the store does not open with: the first journal with which it does not, if
/// it opens with those before it.
fn blamed(home: &Path, journals: &[String], error: store::Error) -> Result<Fault, Error> {
    let mut place = "store".to_owned();
    for count in 0..=journals.len() {
        let copy = Copy::of(home, &journals[..count])?;
        if Store::open(&copy.dir).is_err() {
            if let Some(journal) = count.checked_sub(1).and_then(|last| journals.get(last)) {
                place = format!("store/{journal}");
            }
            break;
        }
    }
    let fault = match std::error::Error::source(&error) {
        Some(cause) if !error.to_string().contains(&cause.to_string()) => {
            format!("{error}: {cause}")
        }
        _ => error.to_string(),
    };
    Ok(Fault { place, fault })
}

/// Whether the newest journal's recovery ended before its last whole commit. A torn tail is cut off
/// by it and is no fault: nothing of it was acknowledged. Whole commits behind the cut are one.
fn cut_short(home: &Path, copy: &Path, journal: &str) -> io::Result<Option<Fault>> {
    let end = match fs::metadata(copy.join(journal)) {
        Ok(found) => found.len(),
        // Everything in it is in tables as well, so the store has thrown it away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = fs::read(home.join(journal))?;
    let rest = usize::try_from(end).ok().and_then(|end| bytes.get(end..)).unwrap_or_default();
    let follows = memchr::memmem::find(rest, &END_OF_BATCH).is_some();
    Ok(follows.then(|| Fault {
        place: format!("store/{journal}"),
        fault: format!("cannot be read from byte {end} on, and commits follow"),
    }))
}

const JOURNAL: &str = ".jnl";
