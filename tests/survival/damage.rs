//! The log after a kill or a failing disk: cut, flipped and zeroed segments.
//!
//! Either everything that was acknowledged is there, or the start is refused. A silent gap is the
//! fault to find.

use crate::oracle;
use crate::oracle::dice::Dice;
use crate::spools::{self, Found};
use cadrelay::spool::inspect::offline::Offline;
use cadrelay::spool::log::disk::{Access, RealDisk};
use cadrelay::spool::log::segment::{FIRST_FRAME, Segment, number_of};
use cadrelay::spool::{Loss, OpenError};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_segment_gives_everything_or_refuses_the_start() {
    let crash = Crash::after(400, 300).await;

    let refused = crash.damage_often("segment", 60);

    assert!(refused > 20, "damage was hardly ever refused: {refused} of 60");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_segment_that_is_full_gives_everything_or_refuses_the_start() {
    // More than one segment, so that the damage can lie before what is whole.
    let crash = Crash::after(90, 1_000_000).await;
    assert!(crash.segments().len() > 1, "there is only one segment");

    let refused = crash.damage_often("full segment", 10);

    assert!(refused > 2, "damage was hardly ever refused: {refused} of 10");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_segment_that_ends_between_two_frames_refuses_the_start_and_stays_as_it_is() {
    let crash = Crash::after(90, 1_000_000).await;
    for end in [End::Cut, End::Zeroed] {
        let case = crash.copy("case");
        let full = &segments(&case)[0];
        let mut ends = ends_of_frames(full);
        assert!(ends.len() > 20, "there are {} frames in the full segment", ends.len());
        ends.pop();

        // A start that is refused changes nothing, so that the next cut is made in what is left.
        for at in ends.into_iter().rev().chain([0]) {
            end.inflict(full, at);
            let before = fs::metadata(full).expect("the segment").len();
            let refused = spools::open(&case).expect_err("a start on what has lost records");
            assert!(matches!(refused, OpenError::Lost { .. }), "at {at}: {refused}");
            assert_eq!(
                fs::metadata(full).expect("the segment").len(),
                before,
                "it was cut further"
            );
        }
        fs::remove_dir_all(&case).expect("the case is over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_segment_that_ends_between_two_frames_refuses_the_start() {
    let crash = Crash::after(40, 300).await;
    let [newest] = crash.segments().try_into().expect("one segment");
    let mut ends = ends_of_frames(&newest);
    assert!(ends.len() > 40, "there are {} frames in the segment", ends.len());
    ends.pop();

    for end in [End::Cut, End::Zeroed] {
        for at in &ends {
            let case = crash.copy("case");
            end.inflict(&segments(&case)[0], *at);
            let refused = spools::open(&case).expect_err("a start on what has lost records");
            assert!(matches!(refused, OpenError::Lost { .. }), "at {at}: {refused}");
            fs::remove_dir_all(&case).expect("the case is over");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_has_accepted_as_lost_is_not_asked_about_again() {
    let crash = Crash::after(90, 1_000_000).await;
    let case = crash.copy("case");
    let full = &segments(&case)[0];
    let end = ends_of_frames(full)[10];
    End::Cut.inflict(full, end);

    assert!(matches!(spools::open(&case), Err(OpenError::Lost { .. })));
    let seen = Offline::open(&case).expect("a look");
    assert!(seen.faults()[0].fault.contains("missing before it"), "{:?}", seen.faults());
    drop(seen);
    let spool = spools::open_accepting(&case, Loss::Accept).expect("a start without what is gone");
    let sequence = spools::append(&spool, 1_000, 0, 300).await;
    assert_eq!(sequence, 91);
    spool.close();
    drop(spool);

    let found = spools::read(&case, [0, 89, 1_000].into_iter()).expect("a start as usual");
    assert!(found.waiting[0].ends_with(&[91]), "{found:?}");
    assert!(found.ids.contains(&89) && found.ids.contains(&1_000), "{:?}", found.ids);
}

/// The files of a spool as a kill left them.
struct Crash {
    dir: tempfile::TempDir,
    /// The acknowledged records that still wait, by lane, and all ids.
    acknowledged: Found,
}

impl Crash {
    /// Acknowledges so many records of that size.
    async fn after(records: u64, bytes: usize) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let spool = spools::open(&dir.path().join("live")).expect("a new spool opens");
        let mut acknowledged = Found::default();
        for number in 0..records {
            let lane = (number % 3 % 2) as u16;
            let sequence = spools::append(&spool, number, lane, bytes).await;
            acknowledged.waiting[usize::from(lane)].push(sequence);
            acknowledged.ids.insert(number);
        }
        // Nothing moves after a close, and it leaves what a kill leaves.
        spool.close();
        drop(spool);
        Self { dir, acknowledged }
    }

    fn segments(&self) -> Vec<PathBuf> {
        segments(&self.dir.path().join("live"))
    }

    /// A copy, to be damaged.
    fn copy(&self, name: &str) -> PathBuf {
        let case = self.dir.path().join(name);
        spools::copy(&self.dir.path().join("live"), &case);
        case
    }

    /// Damages a copy so often, each time in another way. How often the start was refused.
    fn damage_often(&self, part: &str, times: u64) -> u64 {
        let mut dice = Dice::of(oracle::seed(), part);
        let mut refused = 0;
        for time in 0..times {
            let case = self.copy(&format!("case-{time}"));
            let damage = Damage::roll(&mut dice, &segments(&case));
            damage.inflict();
            let ids = self.acknowledged.ids.iter().copied();
            // The store asserts some things of what it reads. A panic ends the start, too.
            match catch_unwind(|| spools::read(&case, ids)) {
                Err(_) | Ok(Err(_)) => {
                    refused += 1;
                    let again = catch_unwind(|| spools::open(&case).map(|spool| spool.close()));
                    assert!(!matches!(again, Ok(Ok(()))), "{damage:?} was refused only once");
                }
                Ok(Ok(found)) => assert_eq!(
                    found, self.acknowledged,
                    "{damage:?} made a gap that nobody heard of"
                ),
            }
            fs::remove_dir_all(&case).expect("the case is over");
        }
        refused
    }
}

fn segments(spool: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(spool.join("log")).expect("the log");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    found.sort();
    found
}

/// The damage that ends a segment early.
#[derive(Clone, Copy, Debug)]
enum End {
    Cut,
    Zeroed,
}

impl End {
    fn inflict(self, segment: &Path, at: u64) {
        let file = File::options().write(true).open(segment).expect("the segment");
        let length = file.metadata().expect("the segment").len();
        file.set_len(at).expect("a cut");
        if matches!(self, Self::Zeroed) {
            file.set_len(length).expect("a hole of zeros");
        }
    }
}

/// The end of each frame of a segment.
fn ends_of_frames(segment: &Path) -> Vec<u64> {
    let disk = RealDisk::open(segment.parent().expect("a folder"), Access::Read).expect("the log");
    let name = segment.file_name().and_then(|name| name.to_str()).expect("a name");
    let number = number_of(name).expect("a segment's name");
    let segment = Segment::open(&disk, number).expect("the segment opens").expect("it has a head");
    let mut ends = Vec::new();
    let mut at = FIRST_FRAME;
    while let Some((found, _)) = segment.frame_at(at).expect("the segment is read") {
        if found.is_summary() {
            break;
        }
        at += found.length;
        ends.push(at);
    }
    ends
}

#[derive(Debug)]
struct Damage {
    segment: PathBuf,
    kind: Kind,
    at: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Cut,
    Flip,
    ZeroPage,
}

impl Damage {
    /// Somewhere in what is written of a segment.
    fn roll(dice: &mut Dice, segments: &[PathBuf]) -> Self {
        let segment = segments[dice.below(segments.len() as u64) as usize].clone();
        let bytes = fs::read(&segment).expect("the segment is read");
        let written = bytes.iter().rposition(|byte| *byte != 0).expect("something is written") + 1;
        let kind = [Kind::Cut, Kind::Flip, Kind::ZeroPage][dice.below(3) as usize];
        Self { segment, kind, at: dice.below(written as u64) }
    }

    fn inflict(&self) {
        let file = File::options().read(true).write(true).open(&self.segment).expect("the segment");
        match self.kind {
            Kind::Cut => file.set_len(self.at).expect("a cut"),
            Kind::Flip => {
                let mut byte = [0];
                file.read_exact_at(&mut byte, self.at).expect("a byte");
                file.write_all_at(&[byte[0] ^ (1 << (self.at % 8))], self.at).expect("a flip");
            }
            Kind::ZeroPage => {
                file.write_all_at(&[0; 4096], self.at / 4096 * 4096).expect("a zeroed page");
            }
        }
    }
}
