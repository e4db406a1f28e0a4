//! The findings and refusals of a start.

use super::*;
use crate::spool::inspect::offline::Offline;
use crate::spool::log::acknowledged::Acknowledgement;
use rustix::fs::{CWD, FileType, Mode, mknodat};

#[tokio::test]
async fn what_was_released_does_not_wait_after_a_restart_and_its_place_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for id in ["1", "2", "3"] {
        spool.append(submission(id, LaneId(0))).await.unwrap();
    }
    let place = Published { sequence: 2, partition: 4, offset: 99 };
    let leaving = Leaving { through: 2, published: 2, bytes: 10, ..Leaving::default() };
    spool.release(LaneId(0), leaving, &[Published { sequence: 1, ..place }, place]);
    spool.close();
    drop(spool);

    let spool = open(dir.path());

    assert_eq!(waiting(&spool, LaneId(0)), ["3"]);
    assert_eq!(spool.books().recovered, 1);
    let (entry, found) = spool.find(&IdKey::of_id("source", "2")).unwrap().unwrap();
    assert_eq!((entry.sequence, found), (2, Some(place)));
    spool.close();
}

#[tokio::test]
async fn a_second_process_on_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());

    let second = open_with(dir.path(), ByteSize(1 << 20)).unwrap_err();

    assert!(matches!(second, OpenError::InUse(_)), "{second:?}");
    spool.close();
}

#[tokio::test]
async fn a_log_that_ends_before_what_was_acknowledged_is_refused_until_that_is_accepted_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.append(submission("1", LaneId(0))).await.unwrap();
    spool.inner.log.acknowledge(Acknowledgement { frame: 41, sequence: 50 }).unwrap();
    spool.close();
    drop(spool);

    let refused = open_with(dir.path(), ByteSize(1 << 20)).unwrap_err();
    assert!(refused.to_string().contains("frame 41 with record 50"), "{refused}");
    let settings = settings(dir.path(), ByteSize(1 << 20));
    let accepting = Opening { loss: Loss::Accept, ..opening(&settings, &topics()) }.open().unwrap();
    assert_eq!(waiting(&accepting, LaneId(0)), ["1"]);
    accepting.close();
    drop(accepting);

    // Nothing was accepted since, and it is not asked again.
    let spool = open(dir.path());
    let Ok(Appended::New { sequence }) = spool.append(submission("2", LaneId(0))).await else {
        panic!("it was not stored");
    };
    assert_eq!(sequence, 51);
    spool.close();
}

#[tokio::test]
async fn each_start_is_a_run_of_its_own_and_the_instance_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.append(submission("1", LaneId(0))).await.unwrap();
    let first = spool.identity().clone();
    spool.close();
    drop(spool);

    let spool = open(dir.path());
    let second = spool.identity().clone();

    assert_eq!(second.instance, first.instance);
    assert_eq!(second.runs.len(), 2, "the first run still has a record that waits");
    assert_eq!(second.runs[0], first.runs[0]);
    assert_eq!(second.runs[1].first, 2);
    spool.close();
}

#[tokio::test]
async fn a_flipped_byte_in_a_segment_is_found_and_the_segment_named() {
    let (dir, file) = stopped().await;
    assert!(Offline::open(dir.path()).unwrap().look().verify().is_sound());

    let mut bytes = std::fs::read(&file).unwrap();
    bytes[6000] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let verdict = Offline::open(dir.path()).unwrap().look().verify();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(verdict.faults[0].place, name, "{verdict:?}");
    assert!(matches!(open_with(dir.path(), ByteSize(1 << 20)), Err(OpenError::Lost { .. })));
}

#[tokio::test]
async fn what_is_no_file_in_the_place_of_one_is_named_by_the_start_and_by_a_look() {
    let names = [
        "instance",
        "lock",
        "log/0000000000000001.log",
        "log/acknowledged",
        "log/reserve",
        "log/spare",
    ];
    type Kind = (&'static str, fn(&Path));
    let kinds: [Kind; 3] = [
        ("a directory", |path| std::fs::create_dir(path).unwrap()),
        ("a named pipe", |path| {
            mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        }),
        ("a symbolic link", |path| std::os::unix::fs::symlink("elsewhere", path).unwrap()),
    ];
    for name in names {
        for (kind, put) in kinds {
            let dir = tempfile::tempdir().unwrap();
            open(dir.path()).close();
            let path = dir.path().join(name);
            drop(std::fs::remove_file(&path));
            put(&path);

            let refused = open_with(dir.path(), ByteSize(1 << 20)).map(drop).unwrap_err();
            let unread = Offline::open(dir.path()).unwrap_err();

            let expected = format!("{} is {kind}, where a file", path.display());
            for said in [format!("{:#}", anyhow::Error::from(refused)), unread.to_string()] {
                assert_eq!(said.matches(&expected).count(), 1, "{said}");
                assert!(said.contains("move it away"), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_the_log_is_named_by_the_start_and_by_a_look() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close();
    let log = dir.path().join("log");
    replace_by_a_link(&log);

    let refused = anyhow::Error::from(open_with(dir.path(), ByteSize(1 << 20)).unwrap_err());
    let unread = Offline::open(dir.path()).unwrap_err();

    for said in [format!("{refused:#}"), unread.to_string()] {
        assert!(said.contains(&log.display().to_string()), "{said}");
    }
}

fn replace_by_a_link(path: &Path) {
    let away = path.with_extension("away");
    std::fs::rename(path, &away).unwrap();
    std::os::unix::fs::symlink(&away, path).unwrap();
}

#[tokio::test]
async fn a_file_in_the_place_of_a_folder_is_named_by_the_start_and_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    for name in ["log", "window"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

        let refused = anyhow::Error::from(open_with(dir.path(), ByteSize(1 << 20)).unwrap_err());

        let expected = format!("{}: Not a directory", path.display());
        assert_eq!(format!("{refused:#}").matches(&expected).count(), 1, "{refused:#}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }
}

#[tokio::test]
async fn files_are_for_their_owner_alone_and_links_are_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    let spool = open(dir.path());
    spool.append(submission("1", LaneId(0))).await.unwrap();
    spool.close();
    drop(spool);

    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(dir.path()), mode(&dir.path().join("log"))), (0o700, 0o700));
    for entry in std::fs::read_dir(dir.path().join("log")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    assert_eq!(mode(&dir.path().join("window")), 0o700);
    for name in ["lock", "instance"] {
        assert_eq!(mode(&dir.path().join(name)), 0o600);
    }
    let window = dir.path().join("window");
    replace_by_a_link(&window);
    assert!(open_with(dir.path(), ByteSize(1 << 20)).is_err(), "the window is a link");
    std::fs::remove_file(&window).unwrap();
    let mark = dir.path().join("log/acknowledged");
    std::fs::remove_file(&mark).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &mark).unwrap();
    assert!(open_with(dir.path(), ByteSize(1 << 20)).is_err(), "the mark is a link");
    assert_eq!(elsewhere.path().metadata().unwrap().len(), 0);
}
