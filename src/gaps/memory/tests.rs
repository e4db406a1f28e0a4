//! The memory over restarts, moment by moment.

use super::*;
use std::sync::Arc;
use tokio::sync::Notify;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn watched() -> Watched {
    Watched {
        subscription: "docs".into(),
        provider: Provider::Onshape,
        source: "acme".into(),
        scope: BTreeMap::new(),
        declaration: "1".into(),
    }
}

fn told(memory: &Memory) -> Vec<(Why, i64, i64, Option<u64>)> {
    let gaps = memory.untold.iter();
    gaps.map(|gap| (gap.why, gap.from.as_second(), gap.to.as_second(), gap.dropped)).collect()
}

/// The memory after a restart.
fn restarted(memory: &Memory) -> Memory {
    serde_json::from_slice(&memory.to_bytes()).unwrap()
}

#[test]
fn a_gap_lasts_from_the_last_proof_to_the_next_and_has_the_first_cause() {
    let mut memory = Memory::default();

    memory.lost(&watched(), Why::HookMissing);
    memory.heard(&watched(), at(100));
    assert_eq!(told(&memory), [], "it was never heard before");
    memory.heard(&watched(), at(200));
    memory.lost(&watched(), Why::HookMissing);
    let mut memory = restarted(&memory);
    memory.lost(&watched(), Why::HookChanged);
    memory.heard(&watched(), at(500));
    memory.heard(&watched(), at(600));

    assert_eq!(told(&memory), [(Why::HookMissing, 200, 500, None)]);
}

#[test]
fn a_gap_that_the_replica_before_saw_begin_is_found_by_the_next_one() {
    let (mut before, mut next) = (Memory::default(), Memory::default());
    before.counted(&watched(), &[("h".to_owned(), 7)], at(100));
    before.heard(&watched(), at(100));
    before.lost(&watched(), Why::HookMissing);

    pass(&before, &mut next);
    next.counted(&watched(), &[("h".to_owned(), 7)], at(300));
    next.heard(&watched(), at(300));

    assert_eq!(told(&next), [(Why::HookMissing, 100, 300, None)]);
}

#[test]
fn a_gap_that_the_replica_before_found_and_did_not_store_is_found_by_the_next_one_with_its_id() {
    let (mut before, mut next) = (Memory::default(), Memory::default());
    before.heard(&watched(), at(100));
    before.lost(&watched(), Why::HookMissing);
    let known = before.proofs();
    before.heard(&watched(), at(200));
    assert_eq!(before.proofs(), [], "its gap is not stored");

    for (name, proof) in known {
        next.learn(&name, serde_json::from_str(&proof).unwrap());
    }
    next.heard(&watched(), at(300));

    assert_eq!(before.untold[0].id(), next.untold[0].id());
    before.told(&before.untold()[0]);
    assert_eq!(before.proofs().len(), 1);
}

#[test]
fn an_older_proof_of_another_replica_is_not_taken_over() {
    let (mut before, mut next) = (Memory::default(), Memory::default());
    before.heard(&watched(), at(100));
    before.lost(&watched(), Why::HookMissing);
    next.heard(&watched(), at(200));

    pass(&before, &mut next);
    next.heard(&watched(), at(300));

    assert_eq!(told(&next), []);
}

#[test]
fn what_a_replica_saw_itself_stands_against_its_own_older_proof() {
    let mut memory = Memory::default();
    memory.heard(&watched(), at(100));
    let known = memory.proofs();
    memory.lost(&watched(), Why::HookMissing);

    for (name, proof) in known {
        memory.learn(&name, serde_json::from_str(&proof).unwrap());
    }
    memory.heard(&watched(), at(200));

    assert_eq!(told(&memory), [(Why::HookMissing, 100, 200, None)]);
}

/// Passes all that a replica knows on to the next one.
fn pass(from: &Memory, to: &mut Memory) {
    for (name, proof) in from.proofs() {
        to.learn(&name, serde_json::from_str(&proof).unwrap());
    }
}

#[test]
fn a_subscription_that_is_declared_otherwise_has_missed_nothing() {
    let mut memory = Memory::default();
    memory.heard(&watched(), at(100));

    let other = Watched { declaration: "2".into(), ..watched() };
    memory.lost(&other, Why::HookChanged);
    memory.heard(&other, at(200));

    assert_eq!(told(&memory), []);
}

#[test]
fn what_a_provider_dropped_is_told_by_what_its_count_has_grown() {
    let mut memory = Memory::default();
    let hook = |count| [("h".to_owned(), count)];

    memory.counted(&watched(), &hook(7), at(100));
    memory.heard(&watched(), at(100));
    memory.counted(&watched(), &hook(7), at(200));
    assert_eq!(told(&memory), []);
    let mut memory = restarted(&memory);
    memory.counted(&watched(), &hook(9), at(300));
    memory.counted(&watched(), &[("new".to_owned(), 1)], at(400));

    let dropped = |from, to, dropped| (Why::DroppedEvents, from, to, Some(dropped));
    assert_eq!(told(&memory), [dropped(200, 300, 2), dropped(100, 400, 1)]);
}

#[test]
fn a_relay_that_was_down_tells_it_where_the_provider_repeats_for_less() {
    let sources = [("a".to_owned(), Provider::Onshape), ("b".to_owned(), Provider::Aps)];
    let mut memory = Memory::default();
    memory.begin(&sources[..1], at(0));
    assert_eq!(told(&memory), [], "a first run");

    memory.begin(&sources, at(80));
    assert_eq!(told(&memory), [], "a restart");
    memory.begin(&sources, at(200));
    assert_eq!(told(&memory), [(Why::RelayDown, 80, 200, None)]);
    memory.begin(&sources, at(100));
    assert_eq!(memory.untold.len(), 1, "the clock was set back");
    memory.begin(&sources, at(200_000));
    let both: Vec<_> = memory.untold[1..].iter().map(|gap| gap.source.as_str()).collect();
    assert_eq!(both, ["a", "b"]);
}

#[test]
fn a_time_of_503_is_told_when_it_is_over_also_by_the_next_run() {
    let sources = [("a".to_owned(), Provider::Onshape)];
    let vitals = Vitals::new(None, Arc::new(Notify::new()));
    let mut memory = Memory::default();
    memory.begin(&sources, at(0));
    let note = |memory: &mut Memory| memory.note("a", Provider::Onshape, &vitals);

    vitals.refused(at(10));
    vitals.refused(at(40));
    vitals.accepted(at(70));
    note(&mut memory);
    assert_eq!(told(&memory), [], "as long as Onshape repeats");
    vitals.refused(at(100));
    vitals.accepted(at(170));
    vitals.refused(at(180));
    note(&mut memory);
    assert_eq!(memory.last_notification("a"), Some(at(170)));
    let mut memory = restarted(&memory);
    memory.begin(&sources, at(300));

    let refused = |from, to| (Why::RelayRefused, from, to, None);
    assert_eq!(told(&memory), [refused(100, 170), refused(180, 300)]);
}

#[test]
fn a_gap_stays_until_it_is_stored() {
    let mut memory = Memory::default();
    memory.heard(&watched(), at(100));
    memory.lost(&watched(), Why::HookInactive);
    memory.heard(&watched(), at(200));

    let mut memory = restarted(&memory);
    let gap = memory.untold().remove(0);
    memory.told(&gap);

    assert_eq!(told(&memory), []);
}

#[test]
fn gaps_are_listed_from_the_one_that_lasts_to_the_oldest_that_is_kept() {
    let mut memory = Memory::default();
    for turn in 0..300 {
        memory.heard(&watched(), at(turn * 10));
        memory.lost(&watched(), Why::HookInactive);
        for gap in memory.untold() {
            memory.told(&gap);
        }
    }

    let listed = restarted(&memory).listed();
    assert_eq!(listed.len(), MOST_TOLD, "what was last looked at before a restart is old news");
    assert_eq!(listed[0].to, Some(at(2990)));
    let mut memory = restarted(&memory);
    memory.lost(&watched(), Why::HookMissing);
    let listed = memory.listed();
    assert_eq!((listed[0].from, listed[0].to), (at(2990), None));
    assert_eq!(listed[0].why, Why::HookInactive, "the first cause stands");
    assert_eq!(listed[1].to, Some(at(2990)));
    assert_eq!(memory.source_of("docs"), Some("acme"));
}
