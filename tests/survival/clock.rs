//! The clock of the day is wrong.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load};
use support::kafka::Kafka;
use support::notification::Notification;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_nothing_repeats_nothing_and_forgets_nothing() {
    let kafka = Kafka::shared().await;
    let faults = Faults::new();
    let mut relay = oracle::unproven(faults.apply(oracle::relay(kafka))).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    // All within the window of 72 hours: a clock that jumps further forward makes ids look too old.
    for hours in [-30, 20, 0, -2, 30] {
        posting.answered(200).await;
        faults.order(Fault::ClockOffset, hours * 3600);
        posting.answered(200).await;
        relay.restart().await;
    }
    posting.answered(200).await;

    let mut ledger = posting.finish().await;
    ledger.fault("clock_jumps", 5);
    ledger.fault("relay_kills", 5);
    oracle::judge("clock set back and forward", kafka, &relay, &ledger).await.assert_holds();
}

/// The window has 72 hours of the instance's own clock, which a jump of the system's does not move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_beyond_the_window_and_a_restart_then_forget_nothing() {
    let kafka = Kafka::shared().await;
    let faults = Faults::new();
    let mut relay = oracle::unproven(faults.apply(oracle::relay(kafka))).start().await;
    let mut ledger = oracle::Ledger { seed: oracle::seed(), ..oracle::Ledger::default() };
    let first: Vec<_> = (0..REMEMBERED).map(Notification::onshape).collect();
    for one in &first {
        relay.post(one).await.assert_accepted();
        ledger.acknowledge(&one.body);
    }

    for (seed, hours) in (1..).zip([100, 1_000, -100, 0]) {
        faults.order(Fault::ClockOffset, hours * 3600);
        let posting = Load::of(oracle::seed() + seed).start(relay.sender());
        posting.answered(200).await;
        ledger.add(posting.finish().await);
        relay.restart().await;
        for one in first.iter().step_by(50) {
            relay.post(one).await.assert_duplicate();
        }
    }
    for one in &first {
        relay.post(one).await.assert_duplicate();
    }

    ledger.fault("clock_jumps", 4);
    ledger.fault("relay_kills", 4);
    oracle::judge("clock set beyond the window", kafka, &relay, &ledger).await.assert_holds();
}

const REMEMBERED: u64 = 1_000;
