//! A disk and a clock that break on command: `faults.c`, compiled here and preloaded into a relay.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::relay::Builder;
use tempfile::NamedTempFile;

/// Controls the faults of the relay's disk and clock. They end when it is dropped.
pub struct Faults {
    /// The numbers that `faults.c` explains, shared with it.
    orders: NamedTempFile,
}

/// The numbers' places, as in `faults.c`.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// This sync of a segment fails, and all after it.
    FailSync = 1,
    /// The process dies before this sync.
    KillBefore = 2,
    /// The process dies after this sync, before anyone hears of it.
    KillAfter = 3,
    /// Half of this write to a segment is written, then the process dies.
    TearWrite = 5,
    /// The clock of the day is wrong by so many seconds.
    ClockOffset = 6,
    /// Syncs of segments do nothing, and say that they did.
    SkipSync = 7,
    /// This write of the mark of what was acknowledged fails, and all after it.
    FailMark = 9,
    /// Reads, writes and syncs of segments wait.
    Hang = 10,
    /// The process dies before this step: a sync, a positioned write or a renaming of any file.
    KillStep = 12,
    /// Reads of the configuration wait.
    HangConfig = 13,
}

impl Faults {
    /// Nothing breaks yet.
    pub fn new() -> Self {
        let orders = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a file of orders");
        orders.as_file().set_len(NUMBERS * 8).expect("room for the numbers");
        Self { orders }
    }

    /// A relay that is under these faults.
    pub fn apply(&self, builder: Builder) -> Builder {
        let orders = self.orders.path().display().to_string();
        builder.env("CADRELAY_FAULTS", &orders).env("LD_PRELOAD", &library().display().to_string())
    }

    /// Orders a fault, at once if the number is not a count.
    pub fn order(&self, fault: Fault, number: i64) {
        self.write(fault as u64, number);
    }

    /// Orders a fault of the sync or write that is so many away from now.
    pub fn order_next(&self, fault: Fault, more: u64) {
        let counter = match fault {
            Fault::TearWrite => WRITES,
            Fault::FailSync | Fault::KillBefore | Fault::KillAfter => SYNCS,
            Fault::FailMark => MARKS,
            Fault::KillStep => STEPS,
            Fault::ClockOffset | Fault::SkipSync | Fault::Hang | Fault::HangConfig => {
                panic!("{fault:?} has no count")
            }
        };
        self.order(fault, self.read(counter) + i64::try_from(more).expect("a small number"));
    }

    /// Nothing breaks any more.
    pub fn mend(&self) {
        for fault in [
            Fault::FailSync,
            Fault::KillBefore,
            Fault::KillAfter,
            Fault::TearWrite,
            Fault::FailMark,
            Fault::Hang,
            Fault::KillStep,
            Fault::HangConfig,
        ] {
            self.order(fault, 0);
        }
    }

    fn read(&self, place: u64) -> i64 {
        let mut bytes = [0; 8];
        self.file().read_exact_at(&mut bytes, place * 8).expect("the number is there");
        i64::from_ne_bytes(bytes)
    }

    fn write(&self, place: u64, number: i64) {
        self.file().write_all_at(&number.to_ne_bytes(), place * 8).expect("the number is written");
    }

    fn file(&self) -> &File {
        self.orders.as_file()
    }
}

/// The compiled `faults.c`.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let name = format!("faults-{}.so", std::process::id());
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/survival/faults/faults.c"))
            .arg("-ldl")
            .status()
            .expect("a C compiler, cc");
        assert!(status.success(), "faults.c does not compile: {status}");
        library
    })
}

const SYNCS: u64 = 0;
const WRITES: u64 = 4;
const MARKS: u64 = 8;
const STEPS: u64 = 11;
const NUMBERS: u64 = 14;
