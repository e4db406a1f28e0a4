//! Starts on a full disk.

use crate::spool::crash::old_ids::OldInMemory;
use crate::spool::crash::spool::open as open_on;
use crate::spool::log::disk::memory::{Errno, Failure, MemoryDisk};
use crate::spool::upkeep::{self, Upkeep};
use std::sync::Arc;
use std::time::Instant;

#[test]
fn a_start_on_a_disk_without_any_room_takes_the_space_that_was_kept_back() {
    let disk = MemoryDisk::default();
    let old_ids = OldInMemory { ids: Arc::default(), disk: disk.clone() };
    let spool = open_on(&disk, old_ids.clone()).unwrap();
    upkeep::step(&spool.inner, &mut Upkeep::default(), Instant::now());
    drop(spool);

    let full = Failure { after: 0, calls: 1 << 40, error: Errno::NoRoom };
    disk.fail(Some(full));
    let started = open_on(&disk, old_ids);

    assert!(!disk.failed().is_empty(), "the disk had room");
    drop(started.expect("it starts"));
}

#[test]
fn a_start_that_finds_no_room_at_all_says_so_once_and_of_which_directory() {
    let disk = MemoryDisk::default();
    let old_ids = OldInMemory { ids: Arc::default(), disk: disk.clone() };
    disk.fail(Some(Failure { after: 0, calls: 1 << 40, error: Errno::NoRoom }));

    let refused = anyhow::Error::from(open_on(&disk, old_ids).unwrap_err());

    let said = format!("{refused:#}");
    assert!(said.starts_with("the spool in spool cannot be written"), "{said}");
    assert_eq!(said.matches("(os error 28)").count(), 1, "{said}");
}
