//! The spool as its callers see it, on a real directory.

mod full;
mod lost;
mod start;
mod told;

use super::*;
use crate::quantity::ByteSize;
use crate::record::layout::Record;
use crate::spool::lanes::{Gate, Leaving};
use crate::spool::log::segment::name_of;
use crate::spool::notes::Published;
use crate::spool::settings::Settings;
use crate::spool::window::IdKey;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

const TOPICS: [&str; 3] = ["a", "b", "quarantine"];
const NOW: u64 = 1_790_000_000_000;

fn opening<'a>(settings: &'a Settings, topics: &'a [String]) -> Opening<'a> {
    let histogram = |name: &str| {
        prometheus::Histogram::with_opts(prometheus::HistogramOpts::new(name, name)).unwrap()
    };
    Opening {
        settings,
        window: Duration::from_secs(72 * 3600),
        topics,
        quarantine: "quarantine",
        accounts: 2,
        gate: Gate::Open,
        loss: Loss::Refuse,
        meters: CommitMeters {
            commit_duration: histogram("duration"),
            commit_records: histogram("records"),
        },
    }
}

fn open_with(dir: &Path, max_bytes: ByteSize) -> Result<Spool, OpenError> {
    opening(&settings(dir, max_bytes), &topics()).open()
}

fn settings(dir: &Path, max_bytes: ByteSize) -> Settings {
    Settings { dir: dir.to_owned(), max_bytes, disk_reserve: ByteSize(0) }
}

fn topics() -> [String; 3] {
    TOPICS.map(str::to_owned)
}

fn open(dir: &Path) -> Spool {
    open_with(dir, ByteSize(64 << 20)).unwrap()
}

/// A stopped spool with fifty records, and the file of its segment.
async fn stopped() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for id in 0..50 {
        spool.append(submission(&format!("id-{id}"), LaneId(0))).await.unwrap();
    }
    let segment = spool.inner.active.load(Ordering::Acquire);
    spool.close();
    let file = dir.path().join("log").join(name_of(segment));
    (dir, file)
}

fn submission(id: &str, lane: LaneId) -> Submission {
    let mut record = Record::builder("key", 64);
    record.sequence_header("ce_sequence").value().extend_from_slice(id.as_bytes());
    Submission {
        id: IdKey::of_id("source", id),
        fact: None,
        lane,
        record: record.finish(),
        account: Account(0),
        now: NOW,
    }
}

/// The values that wait in a lane, in order.
fn waiting(spool: &Spool, lane: LaneId) -> Vec<String> {
    let mut values = Vec::new();
    for rest in spool.records_after(lane, spool.released(lane)) {
        for record in rest.unwrap().records() {
            let parts = crate::record::layout::Parts::read(record.bytes).unwrap();
            values.push(String::from_utf8_lossy(parts.value).into_owned());
        }
    }
    values
}

#[tokio::test]
async fn what_was_appended_waits_in_its_lane_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());

    for id in ["1", "2", "3"] {
        assert!(matches!(spool.append(submission(id, LaneId(0))).await, Ok(Appended::New { .. })));
    }
    spool.append(submission("other", LaneId(1))).await.unwrap();

    assert_eq!(waiting(&spool, LaneId(0)), ["1", "2", "3"]);
    assert_eq!(waiting(&spool, LaneId(1)), ["other"]);
    assert_eq!(spool.books().committed, [4, 0]);
    spool.close();
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.append(submission("1", LaneId(0))).await.unwrap();
    assert_eq!(spool.append(submission("1", LaneId(0))).await, Ok(Appended::Duplicate));
    spool.close();
    drop(spool);

    let spool = open(dir.path());

    assert_eq!(spool.append(submission("1", LaneId(0))).await, Ok(Appended::Duplicate));
    assert_eq!(waiting(&spool, LaneId(0)), ["1"]);
    assert_eq!(spool.books().recovered, 1);
    spool.close();
}

#[tokio::test]
async fn of_fifty_at_the_same_instant_one_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());

    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let spool = spool.clone();
        appends.spawn(async move { spool.append(submission("same", LaneId(0))).await.unwrap() });
    }
    let outcomes = appends.join_all().await;

    assert_eq!(outcomes.iter().filter(|appended| **appended != Appended::Duplicate).count(), 1);
    assert_eq!(waiting(&spool, LaneId(0)), ["same"]);
    spool.close();
}

#[tokio::test]
async fn an_id_is_forgotten_after_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.append(submission("1", LaneId(0))).await.unwrap();

    let later = Submission { now: NOW + 72 * 3600 * 1000, ..submission("1", LaneId(0)) };

    assert!(matches!(spool.append(later).await, Ok(Appended::New { .. })));
    spool.close();
}

/// A fact that a hook tells at a time, with an id of its own.
fn told(id: &str, hook: &str, now: u64) -> Submission {
    let telling = Telling {
        fact: IdKey::of_fact("source", "fact"),
        by_hook: IdKey::of_telling("source", "fact", Some(hook)),
        within: Duration::from_secs(5),
    };
    Submission { fact: Some(telling), now, ..submission(id, LaneId(0)) }
}

#[tokio::test]
async fn another_hooks_telling_of_a_fact_is_a_duplicate_and_so_is_its_redelivery() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());

    assert!(matches!(spool.append(told("1", "a", NOW)).await, Ok(Appended::New { .. })));
    assert_eq!(spool.append(told("2", "b", NOW + 4_999)).await, Ok(Appended::Duplicate));
    assert_eq!(spool.append(told("2", "b", NOW + 60_000)).await, Ok(Appended::Duplicate));
    assert!(matches!(spool.append(told("3", "b", NOW + 60_000)).await, Ok(Appended::New { .. })));
    spool.close();
}

#[tokio::test]
async fn a_hook_that_tells_a_fact_again_tells_of_another_change() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());

    assert!(matches!(spool.append(told("a1", "a", NOW)).await, Ok(Appended::New { .. })));
    assert_eq!(spool.append(told("b1", "b", NOW + 1)).await, Ok(Appended::Duplicate));
    assert_eq!(spool.append(told("b2", "b", NOW + 2)).await, Ok(Appended::Duplicate));
    assert!(matches!(spool.append(told("a2", "a", NOW + 3)).await, Ok(Appended::New { .. })));
    assert_eq!(spool.append(told("a2", "a", NOW + 4)).await, Ok(Appended::Duplicate));
    spool.close();
}

#[tokio::test]
async fn a_full_spool_refuses_what_is_new_and_knows_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open_with(dir.path(), ByteSize(1)).unwrap();
    spool.append(submission("1", LaneId(0))).await.unwrap();

    assert_eq!(spool.append(submission("2", LaneId(0))).await, Err(Error::Full));
    assert_eq!(spool.append(submission("1", LaneId(0))).await, Ok(Appended::Duplicate));

    let bytes = spool.figures().pending_bytes;
    let leaving = Leaving { through: 1, published: 1, bytes, ..Leaving::default() };
    spool.release(LaneId(0), leaving, &[]);
    assert!(matches!(spool.append(submission("2", LaneId(0))).await, Ok(Appended::New { .. })));
    spool.close();
}

#[tokio::test]
async fn ids_are_counted_and_not_the_notes_of_where_records_went() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for id in ["1", "2", "3"] {
        let Ok(Appended::New { sequence }) = spool.append(submission(id, LaneId(0))).await else {
            panic!("{id} was not stored");
        };
        let leaving = Leaving { through: sequence, published: 1, bytes: 1, ..Leaving::default() };
        spool.release(LaneId(0), leaving, &[Published { sequence, partition: 0, offset: 7 }]);
    }

    assert_eq!(spool.figures().ids, 3);
    spool.close();
    drop(spool);
    assert_eq!(open(dir.path()).figures().ids, 3);
}

#[tokio::test]
async fn a_drain_that_waits_for_nothing_in_particular_is_woken_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let waiting = spool.clone();
    let began = std::time::Instant::now();

    let drain = std::thread::spawn(move || {
        waiting.wait_for_records(&[], Duration::from_secs(60));
    });
    while !drain.is_finished() && began.elapsed() < Duration::from_secs(30) {
        spool.wake_drain();
        tokio::task::yield_now().await;
    }

    assert!(drain.is_finished(), "the drain still waits");
    spool.close();
}
