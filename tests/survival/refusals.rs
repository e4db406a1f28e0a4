//! Kafka takes some records and not others: a topic is missing, forbidden, or takes less.

use crate::ends;
use crate::large;
use crate::oracle::{self, Ledger, Load};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer as _;
use std::time::Duration;
use support::kafka::cluster::{FIRST, SECOND};
use support::kafka::{Isolation, Kafka};
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_large_for_its_topic_is_quarantined_and_its_neighbours_are_not() {
    let kafka = Kafka::start().await;
    let relay = oracle::relay(&kafka).start().await;
    kafka
        .create_topic(&relay.topic("onshape.document"), 3, &[("max.message.bytes", "20000")])
        .await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    let mut large_ones = Ledger::default();
    for seed in 0..LARGE {
        oracle::gather(&kafka, &posting).await;
        let large = large::notification(seed, 60_000);
        relay.post(&large).await.assert_accepted();
        large_ones.acknowledge(&large.body);
    }
    posting.answered(100).await;
    let mut ledger = posting.finish().await;
    ledger.events.extend(large_ones.events);
    relay.drained().await;

    let reason = [("reason", "too_large_for_kafka")];
    let quarantined = relay.metrics().await.get("cadrelay_quarantined_total", &reason);
    assert_eq!(quarantined, LARGE as f64);
    ledger.fault("too_large", LARGE);
    oracle::judge("records too large for their topic", &kafka, &relay, &ledger)
        .await
        .assert_holds();
}

/// All of them go in one batch, because the broker answers nothing while they come. The client then
/// says of each record in it that it is too large.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_too_large_among_a_thousand_innocents_do_not_stop_them() {
    let kafka = Kafka::start().await;
    let relay = oracle::relay(&kafka).start().await;
    kafka
        .create_topic(&relay.topic("onshape.document"), 6, &[("max.message.bytes", "100000")])
        .await;
    let load = Load { documents: 40, ..Load::of(oracle::seed()) };
    let posting = load.start(relay.sender());
    posting.answered(100).await;

    kafka.pause();
    let mut large_ones = Ledger::default();
    for (seed, bytes) in [(1, 300_000), (2, 500_000)] {
        posting.answered(500).await;
        let large = large::notification(seed, bytes);
        relay.post(&large).await.assert_accepted();
        large_ones.acknowledge(&large.body);
    }
    posting.answered(500).await;
    kafka.resume();
    let mut ledger = posting.finish().await;
    ledger.events.extend(large_ones.events);
    relay.drained().await;

    let metrics = relay.metrics().await;
    let reason = [("reason", "too_large_for_kafka")];
    assert_eq!(metrics.get("cadrelay_quarantined_total", &reason), LARGE as f64);
    ledger.fault("too_large", LARGE);
    ledger.fault("broker_stalls", 1);
    let verdict =
        oracle::judge("records too large among a thousand innocents", &kafka, &relay, &ledger);
    verdict.await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_topic_holds_back_its_own_lane_alone() {
    let kafka = Kafka::shared().await;
    let relay = oracle::relay(kafka).set("kafka.create_topics", "false").start().await;
    for topic in ["onshape.document", "quarantine", "relay.positions"] {
        kafka
            .create_topic(&relay.topic(topic), if topic == "relay.positions" { 1 } else { 3 }, &[])
            .await;
    }
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    only_waits(&relay, "aps.data").await;
    kafka.create_topic(&relay.topic("aps.data"), 3, &[]).await;

    ledger.fault("missing_topics", 1);
    oracle::judge("topic missing", kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_without_right_holds_back_its_own_lane_alone() {
    let (kafka, relay) = secured().await;
    let forbidden = relay.topic("aps.data");
    kafka.deny("WRITE", "TOPIC", &forbidden).await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    only_waits(&relay, "aps.data").await;
    kafka.undeny("WRITE", "TOPIC", &forbidden).await;

    ledger.fault("topics_without_right", 1);
    oracle::judge("topic without right", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_under_load_holds_back_its_own_lane_alone() {
    let (kafka, relay) = secured().await;
    let forbidden = relay.topic("aps.data");
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(200).await;
    kafka.deny("WRITE", "TOPIC", &forbidden).await;
    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    only_waits(&relay, "aps.data").await;
    kafka.undeny("WRITE", "TOPIC", &forbidden).await;

    ledger.fault("rights_taken", 1);
    oracle::judge("right taken away", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_without_leader_holds_back_its_own_lane_alone() {
    let kafka = Kafka::start().await;
    let relay = oracle::relay(&kafka).start().await;
    // Kafka's transaction topic and the relay's other topics are on the first broker.
    for topic in ["onshape.document", "quarantine"] {
        kafka.create_topic(&relay.topic(topic), 3, &[]).await;
    }
    let first = Notification::onshape(1);
    relay.post(&first).await.assert_accepted();
    relay.drained().await;
    let mut second = kafka.join().await;
    kafka.create_topic_on(&relay.topic("aps.data"), &[FIRST, SECOND]).await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(200).await;
    second.kill();
    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    ledger.acknowledge(&first.body);
    only_waits(&relay, "aps.data").await;
    let trouble = [("topic", &*relay.topic("aps.data"))];
    assert_eq!(relay.metrics().await.get("cadrelay_lane_trouble", &trouble), 1.0);
    second.restart().await;

    ledger.fault("leaders_lost", 1);
    oracle::judge("partition without leader", &kafka, &relay, &ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_under_load_is_made_again_and_the_others_flow() {
    let kafka = Kafka::shared().await;
    let relay = oracle::relay(kafka).start().await;
    // The records of the deleted topic are gone with it, so they are not in the ledger.
    relay.post(&Notification::aps(1)).await.assert_accepted();
    relay.drained().await;

    delete_topic(kafka, &relay.topic("aps.data")).await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    relay.drained().await;

    ledger.fault("deleted_topics", 1);
    let verdict = oracle::judge("topic deleted", kafka, &relay, &ledger).await;
    let documents =
        kafka.read_topic(&relay.topic("onshape.document"), Isolation::ReadCommitted).await;
    assert!(!documents.is_empty());
    verdict.assert_holds();
}

/// The client asks for a coordinator of its group, which nobody uses, and must not have a right to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_has_the_rights_it_needs_and_no_more_goes_on_after_a_restart() {
    let (kafka, mut relay) = secured().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    eventually("there are positions", async || {
        (relay.metrics().await.sum("cadrelay_published_total") > 0.0).then_some(())
    })
    .await;
    posting.answered(oracle::A_BATCH).await;
    relay.kill();
    relay.restart().await;
    posting.answered(oracle::A_BATCH).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_kills", 1);
    oracle::judge("restart with few rights", &kafka, &relay, &ledger).await.assert_holds();
}

/// A relay that begins anew looks for leftovers of its own among what lies open in a topic. Where it may
/// not read, it cannot tell whose it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_may_write_and_not_read_its_topics_goes_on_beside_open_transactions() {
    let (kafka, mut relay) = secured_with(&["WRITE"]).await;
    let another = ends::open_transaction(&kafka, &relay.topic("aps.data"));
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(oracle::A_BATCH).await;
    kafka.pause();
    posting.answered(oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    relay.kill();
    kafka.resume();
    relay.restart().await;
    relay.drained().await;
    another.abort_transaction(Duration::from_secs(60)).expect("it was open until now");

    ledger.fault("rights_to_read_missing", 1);
    oracle::judge("no right to read", &kafka, &relay, &ledger).await.assert_holds();
}

/// A broker that gives rights, and a relay that has those it needs, on topics that are there.
async fn secured() -> (Kafka, Relay) {
    secured_with(&["DESCRIBE", "READ", "WRITE"]).await
}

/// The same with these rights to the topics of events.
async fn secured_with(rights: &[&str]) -> (Kafka, Relay) {
    let kafka = Kafka::start_secured().await;
    let relay = Relay::builder()
        .kafka_with(kafka.secured_client())
        .set("kafka.create_topics", "false")
        .start()
        .await;
    let everything = format!("{}*", relay.topic(""));
    for operation in rights {
        kafka.allow(operation, "TOPIC", &everything).await;
    }
    kafka.allow("READ", "TOPIC", &relay.topic("relay.positions")).await;
    for operation in ["DESCRIBE", "WRITE"] {
        kafka.allow(operation, "TRANSACTIONAL_ID", "cadrelay-*").await;
    }
    for topic in ["onshape.document", "aps.data", "quarantine"] {
        kafka.create_topic(&relay.topic(topic), 3, &[]).await;
    }
    kafka.create_topic(&relay.topic("relay.positions"), 1, &[]).await;
    (kafka, relay)
}

/// Waits until this topic's lane is all that waits.
async fn only_waits(relay: &Relay, topic: &str) {
    let topic = relay.topic(topic);
    eventually("the other lanes are empty", async || {
        let metrics = relay.metrics().await;
        let waiting: Vec<String> = metrics
            .of("cadrelay_spool_pending")
            .filter(|(_, pending)| *pending > 0.0)
            .map(|(labels, _)| labels["topic"].clone())
            .collect();
        (waiting == [topic.clone()]).then_some(())
    })
    .await;
}

async fn delete_topic(kafka: &Kafka, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        kafka.client().create().expect("an admin client");
    let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("an answer");
    for outcome in deleted {
        outcome.expect("the topic is deleted");
    }
}

const LARGE: u64 = 2;
