//! Explores the protocol in every interleaving of two replicas: each step of a request, of the
//! confirmer and of the drain, with kills and restarts at each step, claims that end, and a Redis
//! that goes away, comes back or loses its data.
//!
//! # Promises
//! - An event that was answered 200 is on a disk or in Kafka, at every moment.
//! - While Redis keeps its data and answers, nothing is published twice.
//! - Any other event that is published twice was published without a confirmation, or Redis lost
//!   its data.

mod world;

use crate::shared::model::world::World;
use std::collections::{BTreeSet, VecDeque};

#[test]
fn no_interleaving_loses_an_event_or_publishes_it_twice_while_redis_holds() {
    let found = explore(Faults { away: false, loses: false, plant: None });
    assert_eq!(found.wrong, None);
    assert_eq!(found.most_published, 1);
    assert!(found.states > 500, "{}", found.states);
}

#[test]
fn without_redis_nothing_is_lost_and_a_second_record_was_published_unconfirmed() {
    let found = explore(Faults { away: true, loses: false, plant: None });
    assert_eq!(found.wrong, None);
    assert_eq!(found.most_published, 2);
}

#[test]
fn a_redis_that_forgets_loses_no_event() {
    let found = explore(Faults { away: true, loses: true, plant: None });
    assert_eq!(found.wrong, None);
}

#[test]
fn a_drain_that_publishes_before_the_confirmation_is_found() {
    let plant = Some(Plant::PublishesUnconfirmed);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.most_published > 1);
}

#[test]
fn a_claim_that_counts_as_a_confirmation_is_found() {
    let plant = Some(Plant::ClaimIsARepeat);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.wrong.is_some_and(|wrong| wrong.contains("nobody has it")));
}

#[test]
fn a_confirmation_that_another_claim_refuses_is_found() {
    let plant = Some(Plant::ClaimBeatsConfirmation);
    let found = explore(Faults { away: false, loses: false, plant });
    assert!(found.wrong.is_some_and(|wrong| wrong.contains("nobody has it")));
}

/// The faults that may happen. Kills, and claims that end, are possible in every run.
#[derive(Clone, Copy)]
struct Faults {
    away: bool,
    loses: bool,
    plant: Option<Plant>,
}

/// A protocol that is wrong, to show that the model finds the fault.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Plant {
    PublishesUnconfirmed,
    ClaimIsARepeat,
    ClaimBeatsConfirmation,
}

struct Found {
    states: usize,
    most_published: u8,
    wrong: Option<String>,
}

fn explore(faults: Faults) -> Found {
    let mut first = World::default();
    for replica in &mut first.replicas {
        replica.tries_left = 2;
    }
    let mut known = BTreeSet::from([first.clone()]);
    let mut waiting = VecDeque::from([first]);
    let mut found = Found { states: 0, most_published: 0, wrong: None };
    while let Some(world) = waiting.pop_front() {
        found.states += 1;
        found.most_published = found.most_published.max(world.published);
        // With a planted fault the search goes on to the end, to find all its consequences.
        if found.wrong.is_none() {
            found.wrong = world.wrong();
        }
        for next in world.next(faults) {
            if known.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
    }
    found
}
