//! The price of the disk: measures data syncs, and builds a library that makes them free.

use crate::median::quantile;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The cost of a data sync.
#[derive(Clone, Copy, Debug)]
pub struct SyncCost {
    /// The median in milliseconds.
    pub median: f64,
    /// The p99 in milliseconds.
    pub p99: f64,
}

/// Measures data syncs of 16 KiB each into a file that is already laid out, as the log is, in the
/// folder of the spools.
pub fn sync_cost() -> SyncCost {
    let file = tempfile::tempfile_in(support::tools::scratch()).expect("a file");
    let block = [b'x'; 16 << 10];
    let at = |number: usize| (number % SYNCS * block.len()) as u64;
    for number in 0..SYNCS {
        file.write_all_at(&block, at(number)).expect("room for a few MiB");
    }
    file.sync_all().expect("a disk that syncs");
    let sync = |number: usize| {
        file.write_all_at(&block, at(number)).expect("room");
        let began = Instant::now();
        file.sync_data().expect("a disk that syncs");
        milliseconds(began.elapsed())
    };
    let costs: Vec<f64> = (0..SYNCS).map(sync).collect();
    SyncCost { median: quantile(&costs, 0.5), p99: quantile(&costs, 0.99) }
}

/// Compiles `nosync.c` and returns the library.
pub fn without_sync() -> PathBuf {
    let library = support::tools::scratch().join(format!("nosync-{}.so", std::process::id()));
    let source = support::tools::project().join("benches/relay/nosync.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .status()
        .expect("a C compiler, cc");
    assert!(status.success() && File::open(&library).is_ok(), "nosync.c does not compile");
    library
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const SYNCS: usize = 300;
