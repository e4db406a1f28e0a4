//! Suspect segments, in which a reader has met damage. Each is noted by a file beside it, so that
//! the next start reads that segment frame by frame.

use crate::spool::log::disk::Disk;
use crate::spool::log::segment::{name_of, number_of};
use std::io;

/// The suspect segments.
pub fn read(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = disk.names()?;
    Ok(names.iter().filter_map(|name| number_of(name.strip_prefix(SUSPECT)?)).collect())
}

/// Notes that a segment is damaged, so that the next start reads it, and refuses.
pub fn note(disk: &dyn Disk, segment: u64) -> io::Result<()> {
    disk.create(&format!("{SUSPECT}{}", name_of(segment)))?.sync()?;
    disk.sync_names()
}

/// Removes all such notes.
pub fn forget(disk: &dyn Disk) -> io::Result<()> {
    for name in disk.names()?.iter().filter(|name| name.starts_with(SUSPECT)) {
        disk.remove(name)?;
    }
    Ok(())
}

const SUSPECT: &str = "damaged-";
