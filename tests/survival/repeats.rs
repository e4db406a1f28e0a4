//! Many copies of one new event at the same instant.

use crate::oracle;
use crate::oracle::load::{Fate, Ledger, digest_of};
use std::time::Instant;
use support::kafka::Kafka;
use support::notification::Notification;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_copies_at_the_same_instant_one_is_accepted_and_one_published() {
    let kafka = Kafka::shared().await;
    let relay = oracle::relay(kafka).start().await;
    let mut ledger = Ledger::default();

    for seed in 0..EVENTS {
        let notification = Notification::onshape(seed);
        let posted = Instant::now();
        let mut copies = JoinSet::new();
        for _ in 0..50 {
            let (sender, copy) = (relay.sender(), notification.clone());
            copies.spawn(async move { sender.post(&copy).await.expect("an answer").receipt() });
        }
        let receipts = copies.join_all().await;
        let accepted = receipts.iter().filter(|receipt| *receipt == "accepted").count() as u64;
        assert_eq!(accepted, 1);
        let duplicate = receipts.len() as u64 - accepted;
        let acknowledged = Some(Instant::now());
        let fate = Fate { key: None, posted, acknowledged, accepted, duplicate };
        ledger.events.insert(digest_of(&notification.body), fate);
    }

    let verdict = oracle::judge("fifty copies at once", kafka, &relay, &ledger).await;
    verdict.assert_holds();
    assert_eq!(verdict.published, EVENTS);
}

/// With the copies fifty thousand requests.
const EVENTS: u64 = 1_000;
