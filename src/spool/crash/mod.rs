//! The crash model of the spool: at each change of the disk it opens the spool on each state that a
//! power cut may leave, and judges it.
//!
//! # Promises
//! - An acknowledged record is there, in its lane's order, once; any other is there whole or not at
//!   all.
//! - An id is remembered if and only if its record was stored.
//! - No start is refused.
//! - A call that fails ends acceptance only if it writes or syncs a segment of the log, or the mark of
//!   what was acknowledged.

mod expected;
pub(super) mod old_ids;
pub(super) mod spool;
mod world;

use crate::lock::lock;
use crate::spool::crash::world::World;
use crate::spool::planted::{self, Planted};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn no_crash_loses_or_doubles_what_was_acknowledged_in_100_000_states() {
    assert_eq!(search(100_000, None), None);
}

/// Takes an hour in a release build.
#[test]
#[ignore = "ten million states"]
fn no_crash_loses_or_doubles_what_was_acknowledged_in_ten_million_states() {
    assert_eq!(search(10_000_000, None), None);
}

#[test]
fn an_answer_before_the_sync_is_found() {
    let found = search(20_000, Some(Planted::AnswerBeforeSync)).expect("it is found");
    assert!(found.contains("was acknowledged and is gone"), "{found}");
}

#[test]
fn a_mark_that_is_written_over_itself_is_found() {
    let found = search(20_000, Some(Planted::MarkInOneSlot)).expect("it is found");
    assert!(found.contains("log/acknowledged: cannot be read"), "{found}");
}

#[test]
fn a_segment_that_is_removed_before_a_frame_says_so_is_found() {
    let found = search(20_000, Some(Planted::RemovalBeforeItsNote)).expect("it is found");
    assert!(found.contains("missing before it"), "{found}");
}

#[test]
fn an_id_that_is_absorbed_before_it_is_durable_is_found() {
    let found = search(20_000, Some(Planted::AbsorbedBeforeDurable)).expect("it is found");
    assert!(found.contains("is remembered without its record"), "{found}");
}

/// Runs scripts until this many crash states were judged. Returns the first fault, if there is one.
fn search(states: u64, fault: Option<Planted>) -> Option<String> {
    let judged = AtomicU64::new(0);
    let seed = AtomicU64::new(0);
    let wrong = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                planted::plant(fault);
                while judged.load(Ordering::Relaxed) < states && lock(&wrong).is_none() {
                    let seed = seed.fetch_add(1, Ordering::Relaxed);
                    let world = World::new(seed);
                    world.play();
                    world.disk.watch(None);
                    judged.fetch_add(world.states.load(Ordering::Relaxed), Ordering::Relaxed);
                    if let Some(found) = lock(&world.wrong).take() {
                        lock(&wrong).get_or_insert(format!("seed {seed}: {found}"));
                    }
                }
            });
        }
    });
    println!("{} crash states, {} scripts", judged.into_inner(), seed.into_inner());
    wrong.into_inner().unwrap()
}

const THREADS: usize = 2;
