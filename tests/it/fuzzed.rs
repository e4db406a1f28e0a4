//! The fuzz targets, run over their corpus and some mutations of it. `fuzz/run` goes on from there.

use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::hostile::http::Target;
use support::hostile::{body, proof, record};
use tokio::task::LocalSet;

#[test]
fn any_proven_body_is_an_event_with_a_sound_record_or_is_quarantined_whole() {
    bytes_for("body").iter().for_each(|bytes| body::check(bytes));
}

#[test]
fn no_signature_is_believed_without_the_key() {
    bytes_for("proof").iter().for_each(|bytes| proof::check(bytes));
}

#[test]
fn any_bytes_are_a_record_or_refused() {
    bytes_for("record").iter().for_each(|bytes| record::check(bytes));
}

#[tokio::test]
async fn any_bytes_on_a_connection_end_without_a_receipt_or_a_fault_of_ours() {
    let target = Target::start(Duration::from_secs(1));
    let (corpus, mutations) = (corpus("http"), mutations("http"));

    let statuses = LocalSet::new()
        .run_until(async {
            let mut statuses = Vec::new();
            // One after the other, so that each finds room.
            for bytes in &corpus {
                statuses.extend(target.check(bytes).await);
            }
            join_all(mutations.iter().map(|bytes| target.check(bytes))).await;
            statuses
        })
        .await;

    for status in [200, 400, 401, 404, 405, 413] {
        assert!(statuses.contains(&status), "nothing was answered {status}");
    }
}

#[test]
fn every_fuzz_target_is_run_here_and_has_a_corpus() {
    let names = |folder: &str| {
        let mut names: Vec<_> = files(&fuzz().join(folder))
            .iter()
            .map(|path| path.file_stem().expect("a name").to_owned())
            .collect();
        names.sort();
        names
    };

    assert_eq!(names("fuzz_targets"), ["body", "http", "proof", "record"]);
    assert_eq!(names("corpus"), names("fuzz_targets"));
}

/// The corpus of a target, and mutations of it.
fn bytes_for(target: &str) -> Vec<Vec<u8>> {
    [corpus(target), mutations(target)].concat()
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut files = files(&fuzz().join("corpus").join(target));
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|seed| fs::read(seed).expect("a seed is read")).collect()
}

/// The same ones at each call.
fn mutations(target: &str) -> Vec<Vec<u8>> {
    let edit = (any::<Index>(), 0_usize..8, proptest::collection::vec(any::<u8>(), 0..8));
    let edits = proptest::collection::vec(edit, 1..5);
    let seed = proptest::sample::select(corpus(target));
    let mutated = (seed, edits).prop_map(|(mut bytes, edits)| {
        for (at, removed, inserted) in edits {
            let from = at.index(bytes.len() + 1);
            let to = bytes.len().min(from + removed);
            bytes.splice(from..to, inserted);
        }
        bytes
    });
    let mut runner = TestRunner::deterministic();
    let mutation = || mutated.new_tree(&mut runner).expect("bytes").current();
    std::iter::repeat_with(mutation).take(MUTATIONS).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// A second of work, most of it for bodies.
const MUTATIONS: usize = 500;
