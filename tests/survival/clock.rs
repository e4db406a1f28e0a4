//! The clock of the day is wrong.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load};
use support::kafka::Kafka;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_nothing_repeats_nothing_and_forgets_nothing() {
    let kafka = Kafka::shared().await;
    let faults = Faults::new();
    let mut relay = faults
        .apply(oracle::relay(kafka))
        // Onshape signs its own time, and a relay whose clock is hours off believes none of it. What
        // is at stake here is what was believed.
        .source("name = 'onshape'\nprovider = 'onshape'\nproof = 'none'")
        .source("name = 'aps'\nprovider = 'aps'\nproof = 'none'")
        .start()
        .await;
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
