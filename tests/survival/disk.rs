//! The disk fails or fills up.

use crate::disks::Disk;
use crate::faults::{Fault, Faults};
use crate::large;
use crate::oracle::{self, Ledger, Load};
use std::time::Duration;
use support::kafka::Kafka;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_more_is_accepted_and_the_relay_ends() {
    nothing_is_lost_when_it_fails(Fault::FailSync, "sync failed", "failed_syncs").await;
}

/// A disk that has gone away can say of a sync that it was done; of the mark behind the frame it does not.
/// Without the mark a later start could not tell that the frame is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_mark_that_could_not_be_written_nothing_more_is_accepted_and_the_relay_ends() {
    nothing_is_lost_when_it_fails(Fault::FailMark, "mark failed", "failed_marks").await;
}

async fn nothing_is_lost_when_it_fails(fault: Fault, run: &str, counted: &'static str) {
    let kafka = Kafka::start().await;
    let faults = Faults::new();
    let mut relay = faults.apply(oracle::relay(&kafka)).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    for _ in 0..FAILURES {
        oracle::gather(&kafka, &posting).await;
        faults.order_next(fault, 1);
        let status = relay.ended().await;
        assert!(!status.success());
        assert!(status.code().is_some(), "it ended by a signal: {status}");
        assert!(relay.log().contains("poisoned"), "{}", relay.log());
        faults.mend();
        relay.restart().await;
    }
    posting.answered(100).await;

    let mut ledger = posting.finish().await;
    ledger.fault(counted, FAILURES);
    oracle::judge(run, &kafka, &relay, &ledger).await.assert_holds();
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
    let load = Load { pause: Duration::from_millis(10), ..Load::of(oracle::seed()) };
    let posting = load.start(relay.sender());

    posting.answered(100).await;
    kafka.kill();
    posting.answered(oracle::A_BATCH).await;
    let large = fill(&relay).await;
    kafka.restart().await;
    // Nobody frees anything but the relay itself.
    posting.answered(100).await;

    let mut ledger = posting.finish().await;
    ledger.add(large);
    ledger.fault("full_disks", 1);
    let verdict = oracle::judge("disk full and freed", &kafka, &relay, &ledger).await;
    verdict.assert_holds();
    assert!(verdict.statuses[&503] > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_others_have_filled_to_the_reserve_is_answered_200_once_it_is_drained() {
    let mut kafka = Kafka::start().await;
    let disk = Disk::in_memory(400);
    let relay = oracle::relay(&kafka)
        .set("spool.dir", &format!("'{}'", disk.path.join("spool").display()))
        .set("spool.disk_reserve", &format!("'{RESERVE}B'"))
        .start()
        .await;
    // The relay's journal takes the space above the reserve, and keeps it.
    disk.fill(disk.free() - RESERVE - (20 << 20));

    kafka.kill();
    let posting = Load::of(oracle::seed()).start(relay.sender());
    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    ledger.add(fill(&relay).await);
    kafka.restart().await;
    relay.drained().await;
    assert!(disk.free() < RESERVE, "the drained store is not in its own way");
    // Longer than one journal, which has to go without anybody's help.
    let mut bytes = 0;
    for seed in 1_000_000.. {
        let large = large::notification(seed, 400_000);
        eventually("the relay accepts again", async || {
            let answer = relay.post(&large).await;
            assert!(answer.status == 503 || answer.receipt() == "accepted", "{answer:?}");
            (answer.status == 200).then_some(())
        })
        .await;
        ledger.acknowledge(&large.body);
        bytes += large.body.len();
        if bytes > 150_000_000 {
            break;
        }
    }

    ledger.fault("full_disks", 1);
    oracle::judge("disk filled by others", &kafka, &relay, &ledger).await.assert_holds();
    assert!(!relay.log().contains("poisoned"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_disk_that_is_full_to_the_last_byte_drains_and_then_accepts_again() {
    // Killed when a segment has just begun, and when the last one is nearly full.
    for large in [2, 55] {
        let mut kafka = Kafka::start().await;
        let disk = Disk::in_memory(400);
        let mut relay = oracle::relay(&kafka)
            .set("spool.dir", &format!("'{}'", disk.path.join("spool").display()))
            .set("spool.disk_reserve", &format!("'{RESERVE}B'"))
            .start()
            .await;
        kafka.kill();
        let mut ledger = Ledger { seed: oracle::seed(), ..Ledger::default() };
        let posted: Vec<_> = (0..large).map(|seed| large::notification(seed, 400_000)).collect();
        for one in &posted {
            relay.post(one).await.assert_accepted();
            ledger.acknowledge(&one.body);
        }

        relay.kill();
        disk.fill_to_the_last_page();
        relay.restart().await;

        let new = large::notification(1_000_000, 1_000);
        eventually("it refuses what is new", async || {
            (relay.post(&new).await.status == 503).then_some(())
        })
        .await;
        relay.post(&posted[0]).await.assert_duplicate();
        kafka.restart().await;
        relay.drained().await;
        disk.clear();
        eventually("it accepts again", async || {
            (relay.post(&new).await.status == 200).then_some(())
        })
        .await;
        ledger.acknowledge(&new.body);
        ledger.fault("starts_on_a_full_disk", 1);
        oracle::judge("start on a full disk", &kafka, &relay, &ledger).await.assert_holds();
        assert!(!relay.log().contains("window_damaged"), "{}", relay.log());
    }
}

/// Posts large events until the relay says that its disk is full.
async fn fill(relay: &Relay) -> Ledger {
    let mut ledger = Ledger { seed: oracle::seed(), ..Ledger::default() };
    for seed in 0.. {
        let large = large::notification(seed, 400_000);
        let answer = relay.post(&large).await;
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some());
            ledger.statuses.insert(503, 1);
            return ledger;
        }
        answer.assert_accepted();
        ledger.acknowledge(&large.body);
    }
    unreachable!("the disk is small")
}

const FAILURES: u64 = 2;
const RESERVE: u64 = 128 << 20;
