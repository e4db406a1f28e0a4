//! The relay dies or is stopped under load.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load, dice::Dice};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};
use support::kafka::Kafka;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_published_twice_when_the_relay_is_killed_at_any_moment() {
    let kafka = Kafka::start().await;
    let seed = oracle::seed();
    let mut dice = Dice::of(seed, "moments of kills");
    let mut relay = oracle::relay(&kafka).start().await;
    let posting = Load::of(seed).start(relay.sender());

    for round in 0..KILLS {
        if round % GATHERED == 0 {
            oracle::gather(&kafka, &posting).await;
            posting.answered(1 + dice.below(50)).await;
        } else {
            posting.answered(1 + dice.below(200)).await;
        }
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_kills", KILLS);
    oracle::judge("relay killed at random", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_published_twice_when_the_relay_dies_around_a_commit() {
    let kafka = Kafka::start().await;
    let seed = oracle::seed();
    let mut dice = Dice::of(seed, "moments around commits");
    let faults = Faults::new();
    let mut relay = faults.apply(oracle::relay(&kafka)).start().await;
    let posting = Load::of(seed).start(relay.sender());

    for round in 0..KILLS {
        if round % GATHERED == 0 {
            oracle::gather(&kafka, &posting).await;
        }
        posting.answered(1 + dice.below(50)).await;
        let around = [Fault::KillBefore, Fault::KillAfter, Fault::TearWrite];
        faults.order_next(around[round as usize % around.len()], 1 + dice.below(20));
        let status = relay.ended().await;
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        faults.mend();
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_kills", KILLS);
    oracle::judge("relay killed around commits", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_told_to_stop_ends_well_and_what_it_was_sent_is_not_lost() {
    let kafka = Kafka::start().await;
    let mut relay = oracle::relay(&kafka).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    for _ in 0..STOPS {
        oracle::gather(&kafka, &posting).await;
        assert!(relay.terminate().await.success());
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_stops", STOPS);
    oracle::judge("relay stopped under load", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn a_relay_that_is_told_to_stop_while_kafka_is_away_ends_and_loses_nothing() {
    let mut kafka = Kafka::start().await;
    let mut relay = oracle::relay(&kafka).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(100).await;
    kafka.kill();
    posting.answered(oracle::A_BATCH).await;
    let told = Instant::now();
    assert!(relay.terminate().await.success());
    let took = told.elapsed();
    kafka.restart().await;
    relay.restart().await;
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_stops", 1);
    ledger.fault("broker_kills", 1);
    ledger.figure("stop_milliseconds", took.as_millis());
    oracle::judge("relay stopped while the broker is away", &kafka, &relay, &ledger)
        .await
        .assert_holds();
    // Work under way shares the grace of ten seconds; the rest is time for the machine.
    assert!(took < Duration::from_secs(30), "it took {took:?} to stop");
}

const KILLS: u64 = 15;
/// Before every so many deaths a batch has gathered; before the others little waits.
const GATHERED: u64 = 4;
const STOPS: u64 = 3;
