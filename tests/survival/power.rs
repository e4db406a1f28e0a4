//! The power is cut: what the disk was not told to keep is gone.

use crate::disks::Disk;
use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load, dice::Dice};
use serde_json::Value;
use support::kafka::Kafka;
use support::notification::Notification;
use support::relay::{Builder, Relay, cadrelay};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_published_twice_when_the_power_is_cut() {
    let kafka = Kafka::start().await;
    let seed = oracle::seed();
    let mut dice = Dice::of(seed, "moments of power cuts");
    let disk = Disk::in_file(400);
    let mut relay = on(&disk, oracle::relay(&kafka)).start().await;
    let posting = Load::of(seed).start(relay.sender());

    for round in 0..CUTS {
        if round % 2 == 0 {
            oracle::gather(&kafka, &posting).await;
        }
        posting.answered(1 + dice.below(300)).await;
        disk.cut_power();
        relay.kill();
        disk.mount_again();
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("power_cuts", CUTS);
    oracle::judge("power cut", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_takes_what_was_not_synced_so_a_relay_without_syncs_is_found() {
    assert_eq!(kept_of_fifty(&Faults::new()).await, 50);

    let without_syncs = Faults::new();
    without_syncs.order(Fault::SkipSync, 1);
    let kept = kept_of_fifty(&without_syncs).await;
    assert!(kept < 50, "all that was never synced is there");
}

/// Counts the records, of fifty, that are there after a power cut right after their answers.
async fn kept_of_fifty(faults: &Faults) -> u64 {
    let disk = Disk::in_file(400);
    let mut relay = on(&disk, faults.apply(Relay::builder())).start().await;
    relay.kafka_goes_away();
    for seed in 0..50 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    disk.cut_power();
    relay.kill();
    disk.mount_again();
    let look = cadrelay().args(["spool", "stat", "--config"]).arg(relay.config()).output();
    let stat: Value = serde_json::from_slice(&look.expect("the command runs").stdout)
        // Not even a store that opens is left.
        .unwrap_or_default();
    stat["pending"].as_u64().unwrap_or(0)
}

fn on(disk: &Disk, relay: Builder) -> Builder {
    relay.set("spool.dir", &format!("'{}'", disk.path.join("spool").display()))
}

const CUTS: u64 = 5;
