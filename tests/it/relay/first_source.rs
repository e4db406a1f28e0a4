//! The first source of a provider comes, and its last one goes, by SIGHUP like any other.

use super::reload::{reload, source, without};
use super::repeats::assert_a_replay_signed_ahead_is_a_repeat;
use cadrelay::event::provider::Provider;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use support::kafka::Kafka;
use support::kafka::reader::Received;
use support::load::Load;
use support::notification::{Notification, secret};
use support::relay::{Builder, Relay};

#[tokio::test]
async fn the_first_source_of_a_provider_joins_under_load_and_its_events_get_their_own_topics() {
    let kafka = Kafka::shared().await;
    let relay = only(Provider::Onshape).kafka(kafka).start().await;
    let load = Load::start(&relay, 4);
    load.acknowledged_reaches(300).await;
    let (before, aps) = (topics(&relay).await, relay.topic("aps.data"));
    relay.post(&Notification::aps(1)).await.assert_problem(404);

    let line = reload(&relay, |text| text + &source_of(Provider::Aps)).await;
    let (after, at_zero) = (topics(&relay).await, relay.metrics().await);
    for seed in 0..500 {
        relay.post(&Notification::aps(seed)).await.assert_accepted();
    }
    let enough = load.acknowledged() + 300;
    load.acknowledged_reaches(enough).await;
    let sent = load.stop().await;
    relay.drained().await;

    assert_eq!((&line["event"], &line["added"]), (&"reloaded".into(), &"aps".into()));
    assert!(!before.contains(&aps), "{before:?}");
    assert_eq!(after.difference(&before).count(), 10, "{after:?}");
    for name in ["spool_pending", "spool_oldest_seconds", "published_total", "lane_trouble"] {
        assert_eq!(at_zero.get(&format!("cadrelay_{name}"), &[("topic", &aps)]), 0.0);
    }
    assert_eq!((sent.statuses.keys().collect::<Vec<_>>(), sent.unanswered), (vec![&200], 0));
    sent.assert_published_once(&relay.read_to_end("onshape.document").await);
    assert_eq!(once(&relay.read_to_end("aps.data").await), 500);
    let metrics = relay.metrics().await;
    assert_eq!(metrics.get("cadrelay_published_total", &[("topic", &aps)]), 500.0);
    let accepted = [("outcome", "accepted"), ("source", "aps")];
    assert_eq!(metrics.get("cadrelay_notifications_total", &accepted), 500.0);
    let received = sent.statuses[&200] as f64 + 500.0;
    assert_eq!(metrics.sum("cadrelay_notifications_total"), received);
}

#[tokio::test]
async fn what_a_first_source_brought_survives_a_kill_right_after_the_reload() {
    let mut relay = only(Provider::Onshape).start().await;
    relay.kafka_goes_away();
    relay.post(&Notification::onshape(1)).await.assert_accepted();

    reload(&relay, |text| text + &source_of(Provider::Aps)).await;
    let posted: Vec<_> = (0..100).map(Notification::aps).collect();
    for notification in &posted {
        relay.post(notification).await.assert_accepted();
    }
    relay.restart().await;
    for notification in &posted {
        relay.post(notification).await.assert_duplicate();
    }
    let recovered = relay.metrics().await.get("cadrelay_spool_recovered", &[]);
    relay.kafka_comes_back();
    relay.drained().await;

    assert_eq!(recovered, 101.0);
    assert_eq!(once(&relay.read_to_end("aps.data").await), 100);
    assert_eq!(once(&relay.read_to_end("onshape.document").await), 1);
}

#[tokio::test]
async fn records_of_a_provider_whose_last_source_left_are_still_delivered() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    let posted: Vec<_> = (0..100).map(Notification::aps).collect();
    for notification in &posted {
        relay.post(notification).await.assert_accepted();
    }

    let line = reload(&relay, |text| without(&text, "aps")).await;
    relay.post(&posted[0]).await.assert_problem(404);
    let waiting = relay.status().await;
    relay.restart().await;
    let restarted = relay.status().await;
    relay.kafka_comes_back();
    relay.drained().await;

    assert_eq!((&line["event"], &line["removed"]), (&"reloaded".into(), &"aps".into()));
    assert_eq!(pending(&waiting, "cad.aps.data"), Some(100));
    assert_eq!(pending(&restarted, "cad.aps.data"), Some(100));
    // The other lanes of a provider that is gone, and had nothing, are not shown.
    assert_eq!(pending(&restarted, "cad.aps.cost"), None);
    assert_eq!(once(&relay.read_to_end("aps.data").await), 100);
    reload(&relay, |text| text + &source_of(Provider::Aps)).await;
    relay.post(&posted[0]).await.assert_duplicate();
}

#[tokio::test]
async fn ids_are_remembered_for_longer_once_the_first_source_signs_its_times() {
    let relay = only(Provider::Aps).set("dedup.window", "'1s'").start().await;
    reload(&relay, |text| text + &source_of(Provider::Onshape)).await;

    assert_a_replay_signed_ahead_is_a_repeat(&relay, Duration::from_secs(1)).await;
}

/// A relay with a source of this provider alone.
fn only(provider: Provider) -> Builder {
    Relay::builder().source(source_of(provider).trim_start_matches("[[sources]]\n"))
}

fn source_of(provider: Provider) -> String {
    let fields = source(provider.as_str(), secret(provider));
    fields.replace("provider = 'onshape'", &format!("provider = '{provider}'"))
}

/// The topics of the lanes that are shown, the same in the metrics and in the status.
async fn topics(relay: &Relay) -> BTreeSet<String> {
    let metrics = relay.metrics().await;
    let measured: BTreeSet<String> =
        metrics.of("cadrelay_spool_pending").map(|(labels, _)| labels["topic"].clone()).collect();
    let status = relay.status().await;
    let lanes = status["lanes"].as_array().expect("lanes");
    let topic = |lane: &Value| lane["topic"].as_str().expect("a topic").to_owned();
    assert_eq!(lanes.iter().map(topic).collect::<BTreeSet<_>>(), measured);
    measured
}

/// The number of records that wait for a topic; `None` if its lane is not shown.
fn pending(status: &Value, topic: &str) -> Option<u64> {
    let lanes = status["lanes"].as_array().expect("lanes");
    lanes.iter().find(|lane| lane["topic"] == topic)?["pending"].as_u64()
}

/// The number of different ids. Fails the test if one is there twice.
#[track_caller]
fn once(records: &[Received]) -> usize {
    let ids: BTreeSet<_> = records.iter().map(|record| record.header("ce_id")).collect();
    assert_eq!(ids.len(), records.len(), "an event was published twice");
    ids.len()
}
