//! The disk fails or fills up.

use crate::disks::Disk;
use crate::faults::{Fault, Faults};
use crate::large;
use crate::oracle::{self, Ledger, Load};
use crate::support::kafka::Kafka;
use crate::support::relay::Relay;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_more_is_accepted_and_the_relay_ends() {
    let kafka = Kafka::shared().await;
    let faults = Faults::new();
    let mut relay = faults.apply(oracle::relay(kafka)).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    for _ in 0..SYNC_FAILURES {
        posting.answered(100).await;
        faults.order_next(Fault::FailSync, 1);
        let status = relay.ended().await;
        assert!(!status.success());
        assert!(status.code().is_some(), "it ended by a signal: {status}");
        assert!(relay.log().contains("poisoned"), "{}", relay.log());
        faults.mend();
        relay.restart().await;
    }
    posting.answered(100).await;

    let mut ledger = posting.finish().await;
    ledger.fault("failed_syncs", SYNC_FAILURES);
    oracle::judge("sync failed", kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_503_and_a_drained_one_200_without_a_restart() {
    let mut kafka = Kafka::start().await;
    let disk = Disk::in_memory(320);
    let relay = oracle::relay(&kafka)
        .set("spool.dir", &format!("'{}'", disk.path.join("spool").display()))
        .set("spool.disk_reserve", "'64MiB'")
        .start()
        .await;
    let load = Load { senders: 2, pause: Duration::from_millis(20), ..Load::of(oracle::seed()) };
    let posting = load.start(relay.sender());

    posting.answered(100).await;
    kafka.kill();
    let large = fill(&relay).await;
    kafka.restart().await;
    relay.drained().await;
    // Nobody frees anything but the relay itself.
    posting.answered(100).await;

    let mut ledger = posting.finish().await;
    ledger.add(large);
    ledger.fault("full_disks", 1);
    let verdict = oracle::judge("disk full and freed", &kafka, &relay, &ledger).await;
    verdict.assert_holds();
    assert!(verdict.statuses[&503] > 0);
}

/// Posts large events until the relay says that its disk is full.
async fn fill(relay: &Relay) -> Ledger {
    let mut ledger = Ledger { seed: oracle::seed(), ..Ledger::default() };
    for seed in 0.. {
        let large = large::notification(seed, 400_000);
        let answer = relay.post(&large).await;
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some());
            return ledger;
        }
        answer.assert_accepted();
        ledger.acknowledge(&large.body);
    }
    unreachable!("the disk is small")
}

const SYNC_FAILURES: u64 = 3;
