//! A record that Kafka refused is published once when its topic takes it.

use super::{command, large, outcomes, replay};
use crate::relay::books::assert_balances;
use serde_json::{Value, json};
use support::kafka::Kafka;
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn what_kafka_refuses_is_quarantined_though_nothing_was_before_and_blocks_nothing() {
    let kafka = Kafka::shared().await;
    let relay = Relay::builder().kafka(kafka).start().await;
    let topic = relay.topic("onshape.document");
    kafka.create_topic(&topic, 3, &[("max.message.bytes", "20000")]).await;

    let large = relay.post(&large(1)).await.id();
    relay.post(&Notification::onshape(2)).await.assert_accepted();

    relay.drained().await;
    assert_eq!(relay.read_to_end("quarantine").await[0].json()["id"], large);
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 1);
}

#[tokio::test]
async fn a_record_that_was_too_large_goes_out_once_when_its_topic_takes_it() {
    let kafka = Kafka::shared().await;
    let mut relay = Relay::builder().kafka(kafka).start().await;
    let topic = relay.topic("onshape.document");
    kafka.create_topic(&topic, 3, &[("max.message.bytes", "20000")]).await;
    let large = large(1);
    let id = relay.post(&large).await.id();
    relay.drained().await;
    let refused = relay.consume("quarantine", 1).await.remove(0);

    let life = &relay.ask(&format!("/api/events/{id}")).await.json()["events"][0];
    assert_eq!(life["state"], "quarantined");
    assert_eq!(life["reason"], "too_large_for_kafka");
    assert_eq!(
        (&life["topic"], &life["refusedBy"]),
        (&relay.topic("quarantine").into(), &topic.clone().into())
    );
    assert_eq!(
        (&life["partition"], &life["offset"]),
        (&refused.partition.into(), &refused.offset.into())
    );
    assert_eq!(relay.ask("/api/spool/verify").await.json()["faults"], json!([]));
    let (listed, code) = command(&relay, "list", &["--id", &id], false).await;
    assert_eq!(code, 0);
    let row = &listed[0];
    assert_eq!(
        (&row["reason"], &row["group"]),
        (&json!("too_large_for_kafka"), &json!("document"))
    );
    assert_eq!(
        (&row["event"], &row["refusedBy"]),
        (&json!("onshape.model.lifecycle.changed"), &json!(topic))
    );
    assert_eq!((&row["verified"], &row["bytes"]), (&json!("hmac"), &json!(large.body.len())));

    kafka.alter_topic(&topic, &[("max.message.bytes", "2097152")]).await;
    // The relay is another run by now; what was replayed is remembered all the same.
    let replayed = replay(&relay, &id, "").await;
    relay.restart().await;
    let again = replay(&relay, &id, "").await;
    relay.post(&large).await.assert_duplicate();
    relay.drained().await;

    assert_eq!(
        (outcomes(&replayed), outcomes(&again)),
        (vec!["published".into()], vec!["duplicate".into()])
    );
    let events = relay.read_to_end("onshape.document").await;
    let [event] = &events[..] else { panic!("{} events", events.len()) };
    assert_eq!(event.header("ce_id"), Some(&*id));
    assert_eq!(event.header("ce_receivedtime"), refused.json()["receivedAt"].as_str());
    assert_eq!(event.header("ce_verified"), Some("hmac"));
    let posted: Value = serde_json::from_slice(&large.body).expect("JSON");
    assert_eq!(event.json()["raw"], posted);
    let life = eventually("its place is known", async || {
        let life = relay.ask(&format!("/api/events/{id}")).await.json()["events"][0].clone();
        (life["state"] == "committed").then_some(life)
    })
    .await;
    assert_eq!((&life["topic"], &life["offset"]), (&topic.into(), &event.offset.into()));
}

#[tokio::test]
async fn a_record_that_is_still_too_large_comes_back_and_can_be_replayed_from_there() {
    let kafka = Kafka::shared().await;
    // In the other encoding, too, all that is needed is in the record.
    let relay = Relay::builder().kafka(kafka).set("kafka.encoding", "'structured'").start().await;
    let topic = relay.topic("onshape.document");
    kafka.create_topic(&topic, 3, &[("max.message.bytes", "20000")]).await;
    let id = relay.post(&large(1)).await.id();
    relay.drained().await;

    assert_eq!(outcomes(&replay(&relay, &id, "").await), ["published"]);
    relay.drained().await;
    assert_eq!(relay.read_to_end("quarantine").await.len(), 2);
    assert_balances(&relay.metrics().await);
    kafka.alter_topic(&topic, &[("max.message.bytes", "2097152")]).await;
    let all = replay(&relay, &id, "").await;
    relay.drained().await;

    assert_eq!(outcomes(&all), ["duplicate", "published"]);
    let events = relay.read_to_end("onshape.document").await;
    let [event] = &events[..] else { panic!("{} events", events.len()) };
    let event = event.json();
    assert_eq!((&event["id"], &event["verified"]), (&json!(id), &json!("hmac")));
    assert_eq!(event["data"]["id"], json!(id));
}
