//! Opens the spool of a stopped relay, to inspect it without changing anything.
//!
//! # Promises
//! - No byte of the directory changes, whatever its state: our own files are opened read-only, and
//!   the window's store, which writes when it is opened, is copied if old ids are asked for.
//! - No relay can start on the directory meanwhile: the inspection holds its lock.

use crate::scratch::Scratch;
use crate::spool::home;
use crate::spool::inspect::Look;
use crate::spool::inspect::verify::Verification;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::lanes::{Gate, Lanes};
use crate::spool::log::Log;
use crate::spool::log::disk::{Access, RealDisk, existing_file};
use crate::spool::log::reader::Reader;
use crate::spool::log::recovery::{Depth, Survey};
use crate::spool::log::state::InstanceState;
use crate::spool::notes::Note;
use crate::spool::open::lanes::know_lanes;
use crate::spool::window::Slicing;
use crate::spool::window::old_ids::{self, OldIds};
use crate::spool::window::recent::{Recent, RecentId};
use crate::spool::window::slices::Slices;
use crate::spool::{Damage, LOCK, LOG, LaneId, ReadError, WINDOW};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The spool of a stopped relay.
#[derive(Debug)]
pub struct Offline {
    pub(super) state: InstanceState,
    pub(super) lanes: Lanes,
    pub(super) last_sequence: u64,
    pub(super) recent: Recent,
    pub(super) notes: Vec<Note>,
    pub(super) log: Log,
    reader: Reader,
    acknowledged: u64,
    faults: Vec<Damage>,
    window: OnceCell<Window>,
    dir: PathBuf,
    _lock: File,
}

/// A copy of the window's store. The store is dropped before its files.
#[derive(Debug)]
struct Window {
    slices: Slices,
    _copy: Scratch,
}

/// The reason why a spool cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no spool.
    #[error("there is no spool in {}", .0.display())]
    Absent(PathBuf),
    /// A relay is running on it.
    #[error("the spool in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It has the earlier format.
    #[error("the spool in {} is of an earlier build; start the relay on it once", .0.display())]
    Earlier(PathBuf),
    /// The system refuses.
    #[error("the spool in {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The spool's directory.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// It is too damaged to be inspected.
    #[error("{}: {}", .0.place, .0.fault)]
    Damaged(Damage),
}

impl Offline {
    /// Opens the spool in a directory.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let unreadable = |cause| Error::Unreadable { path: dir.to_owned(), cause };
        let lock = match existing_file(dir, LOCK) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(match dir.join("store").exists() {
                    true => Error::Earlier(dir.to_owned()),
                    false => Error::Absent(dir.to_owned()),
                });
            }
            opened => opened.map_err(unreadable)?,
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(unreadable(cause)),
        }
        home::check_note(dir).map_err(unreadable)?;
        let disk = match RealDisk::open(&dir.join(LOG), Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Damaged(Damage::at(LOG, "the log is gone")));
            }
            opened => Arc::new(opened.map_err(unreadable)?),
        };
        let mut survey = Survey::of(&*disk, Depth::Everything).map_err(unreadable)?;
        if home::was_used(dir) {
            survey.expect_segments();
        }
        let mut recent = Recent::default();
        let mut notes = Vec::new();
        let mut extents = BTreeMap::new();
        let mut segments = Vec::new();
        for found in survey.segments {
            for (id, entry) in found.handover.iter().flat_map(|handover| &handover.ids) {
                recent.insert(*id, RecentId { entry: *entry, frame: 0 });
            }
            notes.extend(found.handover.into_iter().flat_map(|handover| handover.notes));
            extents.insert(found.segment.number, found.seal.extents);
            segments.push(Arc::new(found.segment));
        }
        let state = survey.state.unwrap_or_default();
        let log = Log::look(disk, segments);
        // What the survey found to be lost is among the faults, and passed over.
        let mut gone = state.gone.clone();
        survey.gaps.iter().for_each(|gap| gone.add(gap.first, gap.last));
        let reader = Reader::new(gone);
        let known = know_lanes(&log, &reader, &state, &survey.released, &[], &extents);
        let known = known.map_err(|error| {
            Error::Damaged(
                survey
                    .losses
                    .first()
                    .cloned()
                    .unwrap_or_else(|| Damage::at(LOG, error.to_string())),
            )
        })?;
        Ok(Self {
            lanes: Lanes::new(known, extents, 0, Gate::Open),
            last_sequence: survey.last.last_sequence,
            recent,
            notes,
            log,
            reader,
            acknowledged: survey.mark.acknowledgement().sequence,
            faults: survey.losses,
            window: OnceCell::new(),
            state,
            dir: dir.to_owned(),
            _lock: lock,
        })
    }

    /// An inspection of this spool.
    pub fn look(&self) -> Look<'_> {
        Look::Stopped(self)
    }

    /// The name of the relay whose spool it is.
    pub fn instance(&self) -> &str {
        &self.state.instance
    }

    /// The losses found in it.
    pub fn faults(&self) -> &[Damage] {
        &self.faults
    }

    pub(super) fn chunk_after(
        &self,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<Arc<Chunk>>, ReadError> {
        match self.lanes.segment_of(lane, sequence) {
            Some(segment) => self.reader.chunk_after(&self.log, lane, sequence, segment),
            None => Ok(None),
        }
    }

    pub(super) fn verify(&self) -> Verification {
        let mut verdict = Verification {
            acknowledged: self.acknowledged,
            faults: self.faults.clone(),
            ..Verification::default()
        };
        verdict.read_log(&self.log, self.reader.gone());
        match self.old_ids() {
            Ok(slices) => verdict.read_window(slices, self.recent.count() as u64),
            Err(error) => verdict.faults.push(Damage::at(WINDOW, error.to_string())),
        }
        verdict.conclude(&self.lanes.books().lanes, self.last_sequence);
        verdict
    }

    /// The window's store, copied at the first call.
    pub(super) fn old_ids(&self) -> Result<&dyn OldIds, old_ids::Error> {
        if let Some(window) = self.window.get() {
            return Ok(&window.slices);
        }
        let copy = copy_of(&self.dir.join(WINDOW)).map_err(old_ids::Error::Unreadable)?;
        // The time for which ids are kept does not matter for an inspection.
        let slices = Slices::open(copy.path(), Slicing::of(Duration::MAX))?;
        Ok(&self.window.get_or_init(|| Window { slices, _copy: copy }).slices)
    }
}

/// A temporary copy of a folder.
fn copy_of(folder: &Path) -> io::Result<Scratch> {
    let copy = Scratch::new("cadrelay-look")?;
    if folder.exists() {
        copy_into(folder, copy.path())?;
    }
    Ok(copy)
}

fn copy_into(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_into(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
