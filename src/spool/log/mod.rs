//! The log: everything that was acknowledged, in a row of segments.
//!
//! # Promises
//! - When [`Log::commit`] returns, its frame is on the disk.
//! - A frame goes into space that was laid out before, so a commit does not fail for lack of space.
//! - Everything read back is checked: damage is reported, and noted for the next start.
//!
//! One thread commits; others read committed frames, lay segments out, seal and remove them.
//!
//! Knows nothing of waiting records, or of those who wait.

pub mod acknowledged;
pub mod disk;
pub mod frame;
pub mod ids;
mod laying_out;
pub mod reader;
pub mod recovery;
pub mod reserve;
pub mod segment;
pub mod state;
pub mod suspects;

use crate::lock::{lock, read, write};
use crate::spool::log::acknowledged::{Acknowledged, Acknowledgement, Mark};
use crate::spool::log::disk::Disk;
use crate::spool::log::frame::{Frame, Head, Section};
use crate::spool::log::segment::{SPARE, Seal, Segment, name_of};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

/// The segments of a log.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    segments: RwLock<BTreeMap<u64, Arc<Segment>>>,
    /// The file of a removed segment, kept for the next one.
    spare: Mutex<Spare>,
    /// `None` in a folder that is only read.
    acknowledged: Option<Acknowledged>,
    /// Space is kept back.
    has_reserve: AtomicBool,
    /// The length to which a segment is laid out.
    pub segment_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Spare {
    #[default]
    None,
    Kept,
}

/// The place of the next frame.
#[derive(Debug)]
pub struct Cursor {
    segment: Arc<Segment>,
    at: u64,
    room: u64,
}

impl Log {
    /// A log of the segments that a start has found, with everything in them acknowledged.
    pub fn new(
        disk: Arc<dyn Disk>,
        segments: impl IntoIterator<Item = Arc<Segment>>,
        acknowledged: Acknowledgement,
        segment_bytes: u64,
    ) -> io::Result<Self> {
        let is_kept = disk.names()?.iter().any(|name| name == SPARE);
        let spare = if is_kept { Spare::Kept } else { Spare::None };
        let acknowledged = Acknowledged::open(&*disk, acknowledged)?;
        Ok(Self::of(disk, Some(acknowledged), spare, segments, segment_bytes))
    }

    /// The same for a folder in which nothing may be created.
    pub fn look(disk: Arc<dyn Disk>, segments: impl IntoIterator<Item = Arc<Segment>>) -> Self {
        Self::of(disk, None, Spare::None, segments, 0)
    }

    fn of(
        disk: Arc<dyn Disk>,
        acknowledged: Option<Acknowledged>,
        spare: Spare,
        segments: impl IntoIterator<Item = Arc<Segment>>,
        segment_bytes: u64,
    ) -> Self {
        let segments = segments.into_iter().map(|segment| (segment.number, segment)).collect();
        Self {
            disk,
            segments: RwLock::new(segments),
            spare: Mutex::new(spare),
            acknowledged,
            has_reserve: AtomicBool::new(false),
            segment_bytes,
        }
    }

    /// Writes a frame after the last one, and syncs it.
    pub fn commit(
        &self,
        cursor: &mut Cursor,
        head: Head,
        sections: Vec<Section>,
    ) -> io::Result<()> {
        let frame = Frame::build(cursor.segment.salt, head, sections);
        cursor.segment.write(&frame, cursor.at)?;
        cursor.segment.sync()?;
        cursor.at += frame.length();
        cursor.segment.set_end(cursor.at);
        Ok(())
    }

    /// Writes the mark of what is about to be acknowledged.
    pub fn acknowledge(&self, mark: Acknowledgement) -> io::Result<()> {
        self.acknowledged.as_ref().map_or(Ok(()), |file| file.set(mark))
    }

    /// Reads the mark of what was acknowledged.
    pub fn acknowledged(&self) -> io::Result<Mark> {
        self.acknowledged.as_ref().map_or_else(|| Mark::read(&*self.disk), Acknowledged::mark)
    }

    /// Syncs the mark of what was acknowledged.
    pub fn sync_acknowledged(&self) -> io::Result<()> {
        self.acknowledged.as_ref().map_or(Ok(()), Acknowledged::settle)
    }

    /// Makes all names of files durable.
    pub fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    /// Seals a segment that takes no more frames.
    pub fn seal(&self, number: u64, seal: &Seal) -> io::Result<()> {
        match self.segment(number) {
            Some(segment) => segment.seal(seal),
            None => Ok(()),
        }
    }

    /// Removes a segment. Its file is kept for the next one if `keep` says so.
    pub fn remove(&self, number: u64, keep: Keep) -> io::Result<()> {
        let mut spare = lock(&self.spare);
        if self.segment(number).is_none() {
            // It was removed before, and only the names were not synced.
            return self.disk.sync_names();
        }
        if keep == Keep::Spare && *spare == Spare::None {
            self.disk.rename(&name_of(number), SPARE)?;
            *spare = Spare::Kept;
        } else {
            self.disk.remove(&name_of(number))?;
        }
        write(&self.segments).remove(&number);
        self.disk.sync_names()
    }

    /// Removes the file that is kept for the next segment.
    pub fn drop_spare(&self) -> io::Result<()> {
        let mut spare = lock(&self.spare);
        if *spare == Spare::Kept {
            self.disk.remove(SPARE)?;
            *spare = Spare::None;
        }
        Ok(())
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> Vec<Arc<Segment>> {
        read(&self.segments).values().cloned().collect()
    }

    /// A segment.
    pub fn segment(&self, number: u64) -> Option<Arc<Segment>> {
        read(&self.segments).get(&number).cloned()
    }

    /// The first segment after one.
    pub fn segment_after(&self, number: u64) -> Option<Arc<Segment>> {
        read(&self.segments).range(number + 1..).next().map(|(_, segment)| Arc::clone(segment))
    }

    /// The bytes that its files take on the disk.
    pub fn disk_bytes(&self) -> u64 {
        let lengths: u64 =
            read(&self.segments).values().filter_map(|segment| segment.length().ok()).sum();
        let kept = match *lock(&self.spare) {
            Spare::Kept => self.segment_bytes,
            Spare::None => 0,
        };
        let reserve = match self.has_reserve.load(Ordering::Relaxed) {
            true => self.reserve_bytes(),
            false => 0,
        };
        lengths + kept + reserve
    }

    /// The bytes that can still be written to its disk.
    pub fn free(&self) -> io::Result<u64> {
        self.disk.free()
    }

    /// Notes for the next start that a segment is damaged.
    pub fn note_damage(&self, number: u64) {
        if let Err(error) = suspects::note(&*self.disk, number) {
            tracing::error!(error = %error, "cannot note that a segment is damaged");
        }
    }
}

/// The use of a removed segment's file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// It may be used again.
    Spare,
    /// Its space is given back.
    Nothing,
}

impl Cursor {
    /// The segment that takes the next frame.
    pub fn segment(&self) -> u64 {
        self.segment.number
    }

    /// Takes more space, for a frame that is larger than a usual segment.
    pub fn grow(&mut self, bytes: u64) -> io::Result<()> {
        let length = self.at + bytes + SLACK;
        self.segment.reserve(length)?;
        self.room = length - SLACK;
        Ok(())
    }

    /// The beginning of the next frame.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// True if there is space for a frame of this many bytes.
    pub fn takes(&self, bytes: u64) -> bool {
        self.at + bytes <= self.room
    }

    /// The remaining space.
    pub fn left(&self) -> u64 {
        self.room.saturating_sub(self.at)
    }
}

/// Space for a segment's summary and seal after its frames.
const SLACK: u64 = 4 << 10;
