//! The disk and memory after an outage.

use crate::large;
use crate::oracle;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use support::kafka::Kafka;
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_backlog_took_on_the_disk_is_given_back_when_it_is_drained() {
    let mut kafka = Kafka::start().await;
    let relay = oracle::relay(&kafka).start().await;
    let spool = relay.dir().join("spool");
    let mut ledger = oracle::Ledger::default();

    kafka.kill();
    for seed in 0..RECORDS {
        let large = large::notification(seed, 800_000);
        relay.post(&large).await.assert_accepted();
        ledger.acknowledge(&large.body);
    }
    let all = taken(&spool);
    assert!(all > 170 * MEGABYTE, "{all} bytes");
    kafka.restart().await;
    relay.drained().await;

    eventually("the segments are gone", async || {
        // Only the current segment and the spare file are left.
        (taken(&spool) < 60 * MEGABYTE).then_some(())
    })
    .await;
    oracle::judge("backlog given back", &kafka, &relay, &ledger).await.assert_holds();
}

/// Bytes that a folder takes on the disk. What vanishes meanwhile takes none.
fn taken(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => taken(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

const RECORDS: u64 = 220;
const MEGABYTE: u64 = 1_000_000;
