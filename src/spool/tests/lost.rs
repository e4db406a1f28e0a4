//! Starts on a spool that has lost its newest records, and what would show it.

use super::*;
use crate::spool::inspect::offline::Offline;
use crate::spool::inspect::verify::Verification;
use crate::spool::log::acknowledged::{Acknowledged, Acknowledgement, Mark};
use crate::spool::log::disk::Disk as _;
use crate::spool::log::disk::memory::MemoryDisk;
use crate::spool::log::segment::FIRST_FRAME;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::time::Instant;

/// Cuts the last records off a segment, as an old copy of it would end.
fn cut(segment: &Path) {
    File::options().write(true).open(segment).unwrap().set_len(FIRST_FRAME + 4000).unwrap();
}

fn refused(dir: &Path) -> String {
    match open_with(dir, ByteSize(1 << 20)) {
        Err(OpenError::Lost { faults, .. }) => format!("{faults:?}"),
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("it starts without a word"),
    }
}

fn accept(dir: &Path) {
    let settings = settings(dir, ByteSize(64 << 20));
    Opening { loss: Loss::Accept, ..opening(&settings, &topics()) }.open().unwrap().close();
}

#[tokio::test]
async fn a_mark_that_is_missing_or_damaged_refuses_the_start_until_that_is_accepted_once() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("missing", |mark| fs::remove_file(mark).unwrap()),
        ("cannot be read", |mark| fs::write(mark, "").unwrap()),
        ("cannot be read", |mark| fs::write(mark, [0; 1024]).unwrap()),
        ("cannot be read", |mark| fs::write(mark, [0x5a; 1024]).unwrap()),
    ];
    for (said, harm) in harms {
        for is_cut in [false, true] {
            let (dir, segment) = stopped().await;
            harm(&dir.path().join("log/acknowledged"));
            if is_cut {
                cut(&segment);
            }

            let refused = refused(dir.path());
            assert!(refused.contains("log/acknowledged") && refused.contains(said), "{refused}");
            let verdict = Offline::open(dir.path()).unwrap().look().verify();
            assert!(verdict.faults[0].fault.contains(said), "{verdict:?}");
            accept(dir.path());
            assert!(Offline::open(dir.path()).unwrap().look().verify().is_sound());
            open(dir.path()).close();
        }
    }
}

#[tokio::test]
async fn one_changed_byte_of_the_mark_hides_no_loss() {
    for at in [0, 9, 17, 512, 521, 529] {
        let (dir, segment) = stopped().await;
        let mark = dir.path().join("log/acknowledged");
        let mut bytes = fs::read(&mark).unwrap();
        bytes[at] ^= 1;
        fs::write(&mark, bytes).unwrap();
        cut(&segment);

        let refused = refused(dir.path());

        assert!(refused.contains("with record 50 was acknowledged"), "{at}: {refused}");
    }
}

/// The figures of a look at a spool whose frame at a place was damaged, before and after the loss
/// is accepted.
async fn looks_after_damage(at: u64) -> [Verification; 2] {
    let (dir, segment) = stopped().await;
    let file = File::options().write(true).open(&segment).unwrap();
    file.write_all_at(&[0xff; 2], at).unwrap();

    let before = Offline::open(dir.path()).unwrap().look().verify();
    let refused = refused(dir.path());
    assert!(refused.contains("missing before it"), "{refused}");
    accept(dir.path());
    let after = Offline::open(dir.path()).unwrap().look().verify();
    open(dir.path()).close();
    [before, after]
}

#[tokio::test]
async fn a_look_at_a_log_with_a_broken_frame_counts_the_others_and_is_sound_once_that_is_accepted()
{
    // In the head of the first frame, which has the state, and in the body of some other.
    let state = "so is the state of the spool";
    for (at, said) in [(FIRST_FRAME + 20, state), (FIRST_FRAME + 9_000, ", with record ")] {
        let [before, after] = looks_after_damage(at).await;
        assert!(before.faults[0].fault.contains(said), "{at}: {before:?}");

        assert!(!before.is_sound(), "{at}: {before:?}");
        assert!(after.is_sound(), "{at}: {after:?}");
        for look in [before, after] {
            assert!((48..=50).contains(&look.records), "{at}: {look:?}");
        }
    }
}

#[tokio::test]
async fn a_log_that_is_gone_refuses_the_start_until_that_is_accepted_once() {
    type Harm = fn(&Path);
    let harms: [Harm; 2] = [
        |log| fs::remove_dir_all(log).unwrap(),
        |log| {
            for entry in fs::read_dir(log).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        },
    ];
    for harm in harms {
        let (dir, _) = stopped().await;
        harm(&dir.path().join("log"));

        match Offline::open(dir.path()) {
            Ok(offline) => assert!(!offline.look().verify().is_sound()),
            Err(error) => assert!(error.to_string().contains("the log is gone"), "{error}"),
        }
        assert!(refused(dir.path()).contains("the log is gone"));
        accept(dir.path());
        open(dir.path()).close();
    }
}

#[tokio::test]
async fn what_a_first_start_leaves_before_its_first_frame_and_an_earlier_mark_open_as_usual() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("log")).unwrap();
    fs::write(dir.path().join("log/acknowledged"), "").unwrap();
    fs::write(dir.path().join("lock"), "").unwrap();
    open(dir.path()).close();

    // A build before this one had one slot, and no note of the instance.
    let (dir, _) = stopped().await;
    let mark = dir.path().join("log/acknowledged");
    File::options().write(true).open(&mark).unwrap().set_len(24).unwrap();
    fs::remove_file(dir.path().join("instance")).unwrap();
    let spool = open(dir.path());
    assert_eq!(waiting(&spool, LaneId(0)).len(), 50);
    spool.close();
}

#[test]
fn a_mark_that_is_torn_leaves_the_one_before_it() {
    let disk = MemoryDisk::default();
    let at = |frame| Acknowledgement { frame, sequence: frame };
    let mark = Acknowledged::open(&disk, at(1)).unwrap();
    for frame in 2..9 {
        let before = disk.open("acknowledged").unwrap();
        let mut bytes = vec![0; 1024];
        let read = before.read(&mut bytes, 0).unwrap();
        bytes.truncate(read);
        mark.set(at(frame)).unwrap();
        let file = disk.open("acknowledged").unwrap();
        let mut after = vec![0; read];
        file.read(&mut after, 0).unwrap();
        // The first of the bytes that differ is new, and the rest is old.
        let torn = after.iter().zip(&bytes).position(|(new, old)| new != old).unwrap();
        let mut mixed = bytes.clone();
        mixed[torn] = after[torn];
        file.write(&[&mixed], 0).unwrap();

        assert_eq!(Mark::read(&disk).unwrap(), Mark::Found(at(frame - 1)));
        file.write(&[&after], 0).unwrap();
        assert_eq!(Mark::read(&disk).unwrap(), Mark::Found(at(frame)));
    }
}

#[tokio::test]
async fn a_log_that_is_moved_or_removed_under_a_running_relay_ends_acceptance() {
    for is_moved in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(&dir.path().join("spool"));
        spool.append(submission("1", LaneId(0))).await.unwrap();
        let mut failure = spool.failure();
        assert!(!*failure.borrow());

        match is_moved {
            true => fs::rename(dir.path().join("spool"), dir.path().join("away")).unwrap(),
            false => fs::remove_dir_all(dir.path().join("spool/log")).unwrap(),
        }
        let began = Instant::now();
        tokio::time::timeout(Duration::from_secs(30), failure.wait_for(|failed| *failed))
            .await
            .expect("it goes on as if nothing had happened")
            .unwrap();

        assert_eq!(spool.append(submission("2", LaneId(0))).await, Err(Error::Failed));
        assert!(began.elapsed() < Duration::from_secs(30));
        spool.close();
    }
}
