//! The reserve: a file whose space the log takes when the disk has none left.
//!
//! A start writes a frame before anything else, and only a frame lets a drained segment go. So
//! without a place for the next frame a full disk would stay full.

use crate::spool::log::disk::Disk;
use crate::spool::log::segment::SPARE;
use std::io;

/// Takes this much space from the disk and keeps it, unless that was done before.
pub fn keep(disk: &dyn Disk, length: u64) -> io::Result<()> {
    let is_there = disk.names()?.iter().any(|name| name == NAME);
    let file = if is_there { disk.open(NAME)? } else { disk.create(NAME)? };
    if file.length()? < length {
        file.reserve(length)?;
        file.sync()?;
    }
    Ok(())
}

/// Makes the reserve the file of the next segment, and returns its length. Most of its space is
/// given back: the window needs some before a segment can go. `None` if nothing was kept.
pub fn take(disk: &dyn Disk, least: u64) -> io::Result<Option<u64>> {
    if !disk.names()?.iter().any(|name| name == NAME) {
        return Ok(None);
    }
    let file = disk.open(NAME)?;
    let kept = (file.length()? / 8).max(least);
    if file.length()? < kept {
        return Ok(None);
    }
    file.cut(kept)?;
    disk.rename(NAME, SPARE)?;
    disk.sync_names()?;
    Ok(Some(kept))
}

/// The file's name.
pub const NAME: &str = "reserve";
