//! Delivery to a real Kafka in unusual ways.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample::ids::Ids;
use support::kafka::Kafka;
use support::load::Load;
use support::notification::{Notification, secret};
use support::relay::Relay;

#[tokio::test]
async fn a_record_that_kafka_refuses_for_good_goes_to_quarantine_and_holds_nobody_up() {
    let kafka = Kafka::shared().await;
    let relay = Relay::builder().kafka(kafka).set("kafka.create_topics", "false").start().await;
    for topic in ["relay.positions", "quarantine"] {
        kafka.create_topic(&relay.topic(topic), 1, &[]).await;
    }
    let small = [("max.message.bytes", "8000")];
    let posted: Vec<_> = (0..20).map(|number| change(number, number == 7)).collect();
    for notification in &posted {
        relay.post(notification).await.assert_accepted();
    }

    // All twenty wait until there is a topic, so they go in one batch.
    kafka.create_topic(&relay.topic("onshape.document"), 1, &small).await;
    relay.drained().await;

    let records = relay.read_to_end("onshape.document").await;
    let ids: Vec<_> = records.iter().map(|record| record.header("ce_id").unwrap()).collect();
    let expected: Vec<_> =
        (0..20).filter(|number| *number != 7).map(|number| format!("m{number}")).collect();
    assert_eq!(ids, expected);
    let refused = relay.consume("quarantine", 1).await;
    assert_eq!(refused[0].json()["reason"], "too_large_for_kafka");
    assert_eq!(relay.read_to_end("quarantine").await.len(), 1);
    let metrics = relay.metrics().await;
    let reason = [("reason", "too_large_for_kafka")];
    assert_eq!(metrics.get("cadrelay_quarantined_total", &reason), 1.0);
    assert_eq!(metrics.sum("cadrelay_published_total"), 20.0);
    relay.post(&posted[7]).await.assert_duplicate();
}

#[tokio::test]
async fn at_least_once_delivers_each_event_without_transactions() {
    let kafka = Kafka::shared().await;
    let relay =
        Relay::builder().kafka(kafka).set("kafka.delivery", "'at-least-once'").start().await;
    let load = Load::start(&relay, 4);

    load.acknowledged_reaches(200).await;
    let sent = load.stop().await;
    relay.drained().await;

    sent.assert_published_once(&relay.read_to_end("onshape.document").await);
    assert_eq!(relay.status().await["delivery"], "at-least-once");
}

/// A change of a document; a large one does not fit into the small topic.
fn change(number: usize, large: bool) -> Notification {
    // A body that compresses well would fit after all.
    let noise = Ids::new(1).hex(if large { 40_000 } else { 10 });
    let body = format!(
        "{{\"event\":\"onshape.model.lifecycle.changed\",\"documentId\":\"d\",\
         \"messageId\":\"m{number}\",\"noise\":\"{noise}\"}}"
    );
    Notification::bare("onshape", body).signed(Provider::Onshape, secret(Provider::Onshape))
}
