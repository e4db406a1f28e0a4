//! A Kafka outage is invisible to the sender, and costs no event and repeats none (P1, P2, P4).

use support::kafka::{Isolation, Kafka, secure};
use support::load::Load;
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn ten_seconds_without_kafka_and_a_kill_in_them_lose_none_and_repeat_none() {
    let mut kafka = Kafka::start().await;
    let mut relay = Relay::builder().kafka(&kafka).start().await;
    let load = Load::start(&relay, 4);
    load.acknowledged_reaches(500).await;
    relay.consume("onshape.document", 1).await;

    kafka.stop().await;
    waits_for(&relay, 4.0).await;
    relay.restart().await;
    waits_for(&relay, 10.0).await;
    kafka.restart().await;
    let again = load.acknowledged();
    load.acknowledged_reaches(again + 500).await;
    let sent = load.stop().await;
    relay.drained().await;

    assert_eq!(sent.statuses.keys().collect::<Vec<_>>(), [&200], "{:?}", sent.statuses);
    sent.assert_published_once(&relay.read_to_end("onshape.document").await);
    let metrics = relay.metrics().await;
    assert_eq!(metrics.get("cadrelay_kafka_up", &[]), 1.0);
    assert!(metrics.get("cadrelay_spool_recovered", &[]) > 0.0);
}

#[tokio::test]
async fn a_relay_that_starts_without_kafka_takes_all_and_delivers_when_it_comes() {
    let mut kafka = Kafka::start().await;
    kafka.stop().await;
    let relay = Relay::builder().kafka(&kafka).start().await;

    for seed in 0..20 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    let (ready, state) = relay.ready().await;
    assert!(ready, "{state}");
    assert_eq!(state["kafka"]["delivering"], false);
    kafka.restart().await;
    relay.drained().await;

    assert_eq!(relay.read_to_end("onshape.document").await.len(), 20);
    relay.logged("kafka_up").await;
}

#[tokio::test]
async fn a_record_that_kafka_takes_for_a_repeat_of_what_it_never_had_is_sent_again() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.consume("onshape.document", 1).await;

    relay.kafka_claims_a_repeat();
    let id = relay.post(&Notification::onshape(2)).await.id();
    relay.drained().await;

    let published = relay.read_to_end("onshape.document").await;
    assert!(published.iter().any(|record| record.header("ce_id") == Some(&*id)), "{id} is lost");
}

#[tokio::test]
async fn a_missing_topic_holds_back_its_own_lane_alone_until_it_is_there() {
    let kafka = Kafka::shared().await;
    let relay = Relay::builder().kafka(kafka).set("kafka.create_topics", "false").start().await;
    for topic in ["relay.positions", "onshape.document"] {
        kafka.create_topic(&relay.topic(topic), 1, &[]).await;
    }
    let missing = relay.topic("aps.data");

    relay.post(&Notification::aps(1)).await.assert_accepted();
    relay.logged("lane_set_aside").await;
    relay.post(&Notification::onshape(2)).await.assert_accepted();

    relay.consume("onshape.document", 1).await;
    let trouble = [("topic", missing.as_str())];
    let metrics = relay.metrics().await;
    assert_eq!(metrics.get("cadrelay_lane_trouble", &trouble), 1.0);
    assert_eq!(metrics.get("cadrelay_spool_pending", &trouble), 1.0);
    let (ready, state) = relay.ready().await;
    assert!(ready, "{state}");
    assert_eq!(state["kafka"]["lanesInTrouble"][0]["topic"], missing.as_str());
    assert_eq!(state["kafka"]["lanesInTrouble"][0]["reason"], "unknown_topic");

    kafka.create_topic(&missing, 1, &[]).await;
    relay.drained().await;
    assert_eq!(relay.logged("lane_resumed").await["topic"], missing.as_str());
    assert_eq!(relay.read_to_end("aps.data").await.len(), 1);
    assert_eq!(relay.metrics().await.get("cadrelay_lane_trouble", &trouble), 0.0);
}

#[tokio::test]
async fn over_tls_with_scram_what_is_not_allowed_waits_until_it_is() {
    let kafka = Kafka::start_secured().await;
    let relay = Relay::builder()
        .kafka_with(kafka.secured_client())
        .set("kafka.topic_prefix", "'cad.'")
        .start()
        .await;

    relay.post(&Notification::onshape(1)).await.assert_accepted();
    eventually("Kafka refuses", async || {
        let refused = [("kind", "authorization")];
        let metrics = relay.metrics().await;
        (metrics.get("cadrelay_publish_errors_total", &refused) > 0.0).then_some(())
    })
    .await;
    for (operation, resource, name) in
        [("ALL", "TOPIC", "cad.*"), ("ALL", "TRANSACTIONAL_ID", "cadrelay-*")]
    {
        kafka.allow(operation, resource, name).await;
    }
    relay.drained().await;

    let records = kafka.read_topic("cad.onshape.document", Isolation::ReadCommitted).await;
    assert_eq!(records.len(), 1);
    let log = relay.log();
    assert!(!log.contains(secure::PASSWORD), "{log}");
}

/// Waits until something has waited in the spool for so long.
async fn waits_for(relay: &Relay, seconds: f64) {
    eventually("what waits has waited for long enough", async || {
        let metrics = relay.metrics().await;
        let oldest = metrics.of("cadrelay_spool_oldest_seconds").map(|(_, age)| age);
        (oldest.fold(0.0, f64::max) >= seconds).then_some(())
    })
    .await;
}
