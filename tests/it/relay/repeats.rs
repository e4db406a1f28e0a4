//! A redelivery is recognised, and a consumer sees each event once (P2).

use cadrelay::event::provider::Provider;
use jiff::{Timestamp, ToSpan as _};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use support::notification::Notification;
use support::relay::{Answer, Relay};
use support::waiting::eventually;

#[tokio::test]
async fn of_fifty_deliveries_at_once_one_is_accepted_and_published() {
    let relay = Relay::builder().start().await;

    for notification in [Notification::onshape(1), Notification::aps(2)] {
        let answers = at_once(&relay, &notification, 50).await;

        let statuses = counted(&answers);
        assert_eq!(statuses, HashMap::from([("accepted".into(), 1), ("duplicate".into(), 49)]));
    }

    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 1);
    assert_eq!(relay.read_to_end("aps.data").await.len(), 1);
}

#[tokio::test]
async fn a_redelivery_is_recognised_after_a_kill_and_after_a_stop() {
    let mut relay = Relay::builder().start().await;
    let notifications: Vec<_> = (0..20).map(Notification::onshape).collect();
    for notification in &notifications {
        relay.post(notification).await.assert_accepted();
    }

    relay.restart().await;
    for notification in &notifications {
        relay.post(notification).await.assert_duplicate();
    }
    assert_eq!(relay.terminate().await.code(), Some(0));
    relay.restart().await;
    for notification in &notifications {
        relay.post(notification).await.assert_duplicate();
    }

    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 20);
}

#[tokio::test]
async fn a_redelivery_is_recognised_while_kafka_is_away() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    let notification = Notification::aps(1);

    relay.post(&notification).await.assert_accepted();
    relay.post(&notification).await.assert_duplicate();
    relay.restart().await;
    relay.post(&notification).await.assert_duplicate();

    relay.kafka_comes_back();
    relay.drained().await;
    assert_eq!(relay.read_to_end("aps.data").await.len(), 1);
}

#[tokio::test]
async fn the_same_event_at_another_source_is_another_event() {
    let source = |name| format!("name = '{name}'\nprovider = 'onshape'\nproof = 'none'");
    let relay = Relay::builder().source(&source("a")).source(&source("b")).start().await;
    let notification = Notification::onshape(1);

    relay.post(&notification.clone().to("a")).await.assert_accepted();
    relay.post(&notification.to("b")).await.assert_accepted();
}

#[tokio::test]
async fn an_id_is_forgotten_when_the_window_has_passed() {
    // Onshape signs a time, for which ids are remembered ten minutes more.
    let source = "name = 'aps'\nprovider = 'aps'\nproof = 'none'";
    let relay = Relay::builder().source(source).set("dedup.window", "'1s'").start().await;
    let notification = Notification::aps(1);
    relay.post(&notification).await.assert_accepted();

    let forgotten = eventually("the id is forgotten", async || {
        let answer = relay.post(&notification).await;
        (answer.receipt() == "accepted").then_some(answer)
    })
    .await;

    forgotten.assert_accepted();
    relay.post(&notification).await.assert_duplicate();
}

#[tokio::test]
async fn a_replay_signed_ahead_of_our_clock_is_a_repeat_when_the_window_has_passed() {
    let relay = Relay::builder().set("dedup.window", "'1s'").start().await;

    assert_a_replay_signed_ahead_is_a_repeat(&relay, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn an_event_that_found_no_place_is_accepted_when_there_is_one() {
    let relay = Relay::builder().set("spool.max_bytes", "'32KiB'").start().await;
    relay.kafka_goes_away();
    let mut refused = None;
    for seed in 0..500 {
        let notification = Notification::onshape(seed);
        if relay.post(&notification).await.status == 503 {
            refused = Some(notification);
            break;
        }
    }
    let refused = refused.expect("32 KiB are full at last");

    relay.post(&refused).await.assert_problem(503);
    relay.kafka_comes_back();
    relay.drained().await;
    let answer = eventually("a place", async || {
        let answer = relay.post(&refused).await;
        (answer.status == 200).then_some(answer)
    })
    .await;

    answer.assert_accepted();
}

/// Posts one notification as often as this, all at once.
async fn at_once(relay: &Relay, notification: &Notification, times: usize) -> Vec<Answer> {
    let posts: Vec<_> = (0..times)
        .map(|_| {
            let (sender, notification) = (relay.sender(), notification.clone());
            tokio::spawn(async move { sender.post(&notification).await.expect("an answer") })
        })
        .collect();
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.expect("the sender does not panic"));
    }
    answers
}

/// Counts the receipts by kind.
fn counted(answers: &[Answer]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for answer in answers {
        *counts.entry(answer.receipt()).or_insert(0) += 1;
    }
    counts
}

/// Posts a notification that is signed ahead of our clock, and again until the window has passed twice.
pub(super) async fn assert_a_replay_signed_ahead_is_a_repeat(relay: &Relay, window: Duration) {
    let secret = support::notification::secret(Provider::Onshape);
    let ahead = Timestamp::now() + 5.minutes();
    let captured = Notification::onshape(1).signed_at(Provider::Onshape, secret, ahead);
    relay.post(&captured).await.assert_accepted();
    let accepted = Instant::now();

    eventually("the window has passed twice", async || {
        relay.post(&captured).await.assert_duplicate();
        (accepted.elapsed() > 2 * window).then_some(())
    })
    .await;
}
