//! Everything at once: strangers, a full disk, a poison record and a wrong clock, under load.

use crate::disks::Disk;
use crate::faults::{Fault, Faults};
use crate::large;
use crate::oracle::{self, Ledger, Load};
use crate::strangers::{Strangers, open_files};
use std::time::Instant;
use support::kafka::Kafka;
use support::relay::{Builder, Relay};
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_a_full_disk_poison_and_a_wrong_clock_at_once_cost_no_event_and_no_200_that_was_due()
 {
    let kafka = Kafka::start().await;
    let disk = Disk::in_memory(400);
    let faults = Faults::new();
    let mut relay = on(&disk, faults.apply(oracle::relay(&kafka))).start().await;
    let limit = [("max.message.bytes", "100000")];
    kafka.create_topic(&relay.topic("onshape.document"), 6, &limit).await;
    let posting = Load { documents: 40, ..Load::of(oracle::seed()) }.start(relay.sender());
    posting.answered(200).await;

    // The broker answers nothing, so that all of the following waits for one batch.
    kafka.pause();
    let strangers = Strangers::come(relay.ingest(), STRANGERS).await;
    let crowd = open_files(&relay);
    faults.order(Fault::ClockOffset, BEYOND_THE_WINDOW);
    posting.answered(700).await;
    let mut poison = poison(&relay, 1, 300_000).await;
    let filled = Instant::now();
    disk.fill_up();
    refuses(&relay).await;
    disk.clear();
    takes_again(&relay).await;
    let cleared = Instant::now();
    poison.add(self::poison(&relay, 2, 500_000).await);
    posting.answered(700).await;
    kafka.resume();
    posting.answered(100).await;
    eventually("the poison is in quarantine", async || {
        let reason = [("reason", "too_large_for_kafka")];
        let found = relay.metrics().await.get("cadrelay_quarantined_total", &reason);
        (found == 2.0).then_some(())
    })
    .await;
    let restarted = Instant::now();
    relay.restart().await;
    drop(strangers);
    // Every tenth post is one that was answered long ago by this clock.
    posting.answered(300).await;
    faults.order(Fault::ClockOffset, 0);
    posting.answered(300).await;

    let mut ledger = posting.finish().await;
    // One that was under way when the disk was full or the relay was killed may be refused.
    let is_due = |(asked, heard): &&(Instant, Instant)| {
        (*heard < filled || *asked > cleared) && *heard < restarted
    };
    let refused_though_due = ledger.refusals.iter().filter(is_due).count();
    ledger.events.extend(poison.events);
    for (fault, times) in [("too_large", 2), ("full_disks", 1), ("clock_jumps", 2)] {
        ledger.fault(fault, times);
    }
    ledger.fault("relay_kills", 1);
    ledger.fault("strangers", STRANGERS as u64);
    let verdict = oracle::judge("all at once", &kafka, &relay, &ledger).await;
    verdict.assert_holds();
    assert_eq!(refused_though_due, 0, "refused or unanswered while there was room");
    assert!(verdict.statuses[&503] > 0, "the disk was never full");
    assert!(crowd > STRANGERS * 9 / 10, "the relay held {crowd} files open");
}

/// A relay on this disk that has room for all strangers. Onshape signs its own time, and a relay whose
/// clock is days off believes none of it; what is at stake here is what was believed.
fn on(disk: &Disk, relay: Builder) -> Builder {
    relay
        .source("name = 'onshape'\nprovider = 'onshape'\nproof = 'none'")
        .source("name = 'aps'\nprovider = 'aps'\nproof = { hmac = ['s3cret-of-aps-71be'] }")
        .set("spool.dir", &format!("'{}'", disk.path.join("spool").display()))
        .set("spool.disk_reserve", "'64MiB'")
        .set("http.read_timeout", "'120s'")
        .set("http.max_connections", "12000")
}

/// Posts a record that its topic does not take.
async fn poison(relay: &Relay, seed: u64, bytes: usize) -> Ledger {
    let mut ledger = Ledger { seed: oracle::seed(), ..Ledger::default() };
    let large = large::notification(seed, bytes);
    relay.post(&large).await.assert_accepted();
    ledger.acknowledge(&large.body);
    ledger
}

/// Waits until the relay says that its disk is full.
async fn refuses(relay: &Relay) {
    eventually("the disk is full", async || {
        (relay.ask("/readyz").await.status == 503).then_some(())
    })
    .await;
}

/// Waits until there is room again.
async fn takes_again(relay: &Relay) {
    eventually("there is room again", async || {
        (relay.ask("/readyz").await.status == 200).then_some(())
    })
    .await;
}

/// As many as there may be by default.
const STRANGERS: usize = 10_000;
/// The window has 72 hours.
const BEYOND_THE_WINDOW: i64 = 100 * 3600;
