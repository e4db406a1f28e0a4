//! Ids outlive changes of the window.

use super::*;
use crate::spool::window::Period;
use std::time::Duration;

const HOUR: u64 = 3_600_000;
const NOW: u64 = 1_790_000_000_000;

fn window(hours: u64, minutes: u64) -> Duration {
    Duration::from_secs(hours * 3_600 + minutes * 60)
}

fn open(folder: &Path, window: Duration) -> Slices {
    Slices::open(folder, Slicing::of(window)).unwrap()
}

fn id(name: &str) -> IdKey {
    IdKey::of_id("source", name)
}

/// Hands over an id that was accepted so many hours ago.
fn absorb(slices: &Slices, name: &str, hours: u64) {
    let entry = IdEntry { accepted_at: NOW - hours * HOUR, sequence: 1, lane: LaneId(0) };
    let ids = vec![(id(name), entry)];
    slices.absorb(&Handover { segment: 1, ids, notes: Vec::new() }).unwrap();
}

#[track_caller]
fn assert_forgets_in_time(before: Duration, after: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let slices = open(folder.path(), before);
    for hours in [1, 30, 60] {
        absorb(&slices, &hours.to_string(), hours);
    }
    drop(slices);

    let slices = open(folder.path(), after);
    let forget = |now| slices.forget(Period::of(after).begin(now)).unwrap();
    let known = || ["1", "30", "60"].map(|name| slices.find(&id(name)).unwrap().is_some());
    assert_eq!(forget(NOW), 0, "from {before:?} to {after:?}");
    assert_eq!(known(), [true; 3]);
    forget(NOW + 30 * HOUR);
    assert_eq!(known(), [true, true, false]);
    forget(NOW + 90 * HOUR);
    assert_eq!(known(), [false; 3]);
}

#[test]
fn a_window_that_is_changed_at_a_start_forgets_ids_when_they_are_as_old_as_it_is() {
    assert_forgets_in_time(window(72, 0), window(72, 0));
    assert_forgets_in_time(window(72, 10), window(72, 0));
    assert_forgets_in_time(window(72, 0), window(72, 10));
    assert_forgets_in_time(window(100, 0), window(72, 0));
}

#[test]
fn slices_that_an_earlier_build_numbered_are_kept_until_their_ids_are_too_old() {
    for after in [window(72, 0), window(72, 10), window(70, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let slices = open(folder.path(), window(72, 0));
        for hours in [1, 30, 60] {
            let accepted_at = NOW - hours * HOUR;
            let number = accepted_at / (9 * HOUR);
            let entry = IdEntry { accepted_at, sequence: 1, lane: LaneId(0) };
            let rows = slices.keyspace(number).unwrap();
            rows.insert(id_key(&id(&hours.to_string())), entry.encode()).unwrap();
        }
        slices.put(ABSORBED, &[0; 8]).unwrap();
        drop(slices);

        let slices = open(folder.path(), after);
        let forget = |now| slices.forget(Period::of(after).begin(now)).unwrap();
        assert_eq!(forget(NOW), 0);
        forget(NOW + 30 * HOUR);
        let known = ["1", "30", "60"].map(|name| slices.find(&id(name)).unwrap().is_some());
        assert_eq!(known, [true, true, false]);
        forget(NOW + 92 * HOUR);
        assert_eq!(slices.find(&id("1")).unwrap(), None);
    }
}
