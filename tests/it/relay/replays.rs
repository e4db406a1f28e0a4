//! An event is published again on request, wherever its body is by now.

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use std::fs;
use support::kafka::{Kafka, Received};
use support::notification::Notification;
use support::relay::{Answer, Builder, Relay};
use support::waiting::eventually;

/// A relay with an open source for bodies of any shape.
fn open() -> Builder {
    Relay::builder().source("name = 'open'\nprovider = 'onshape'\nproof = 'none'")
}

/// A body that is too large for the recent decisions to keep, among a hundred others.
async fn post_a_large_one(relay: &Relay) -> Value {
    let text = "x".repeat(80 << 10);
    let body = format!(
        r#"{{"messageId":"large","event":"onshape.model.lifecycle.changed","n": 1.0e+2,"t":"{text}"}}"#
    );
    for seed in 0..50 {
        relay.post(&Notification::onshape(seed).to("open")).await.assert_accepted();
    }
    relay.post(&Notification::bare("open", body)).await.assert_accepted();
    for seed in 50..100 {
        relay.post(&Notification::onshape(seed).to("open")).await.assert_accepted();
    }
    eventually("its place in Kafka is known", async || {
        let life = relay.ask("/api/events/large").await.json()["events"][0].clone();
        life["offset"].is_i64().then_some(life)
    })
    .await
}

async fn replay(relay: &Relay, id: &str) -> Answer {
    let path = format!("/api/events/{id}/replay");
    relay.request(reqwest::Method::POST, relay.admin(), &path).await
}

#[tokio::test]
async fn an_event_whose_body_is_in_kafka_alone_is_published_again_as_it_was() {
    let relay = open().start().await;
    let life = post_a_large_one(&relay).await;
    relay.ask("/api/events/large/raw").await.assert_problem(404);

    let answer = replay(&relay, "large").await;

    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"published".into()));
    let mut records = relay.consume("onshape.document", 102).await;
    records.retain(|record| record.header("ce_id") == Some("large"));
    let [first, again] = &records[..] else { panic!("{} records", records.len()) };
    assert_eq!((first.partition, first.offset), place(&life));
    assert_eq!(first.header("ce_replayof"), None);
    assert_eq!(again.header("ce_replayof"), Some("large"));
    assert_eq!(again.header("ce_id"), Some("large"));
    assert_eq!(again.header("ce_receivedtime"), first.header("ce_receivedtime"));
    assert_eq!((&again.key, &again.value), (&first.key, &first.value));
    assert_eq!(relay.metrics().await.sum("cadrelay_replayed_total"), 1.0);
}

#[tokio::test]
async fn an_event_in_the_structured_encoding_is_published_again_from_kafka() {
    let relay = open().set("kafka.encoding", "'structured'").start().await;
    post_a_large_one(&relay).await;

    assert_eq!(replay(&relay, "large").await.status, 200);

    let records = relay.consume("onshape.document", 102).await;
    let events: Vec<Value> = records.iter().map(Received::json).collect();
    let large: Vec<&Value> = events.iter().filter(|event| event["id"] == "large").collect();
    assert_eq!(large.len(), 2);
    assert_eq!(large[0]["data"], large[1]["data"]);
    assert_eq!(large[1]["replayof"], "large");
}

#[tokio::test]
async fn a_record_that_retention_has_deleted_is_said_to_be_gone_and_where_it_was() {
    let kafka = Kafka::shared().await;
    let relay = open().kafka(kafka).start().await;
    let life = post_a_large_one(&relay).await;
    delete_up_to(kafka, &relay.topic("onshape.document"), &life).await;

    let answer = replay(&relay, "large").await;

    answer.assert_problem(410);
    let problem = answer.json();
    assert_eq!(problem["title"], "Deleted in Kafka");
    for part in ["topic", "partition", "offset"] {
        assert_eq!(problem[part], life[part], "{problem}");
    }
    assert_eq!(relay.metrics().await.sum("cadrelay_replayed_total"), 0.0);
}

#[tokio::test]
async fn while_kafka_is_away_a_replay_from_it_is_asked_to_come_again() {
    let relay = open().start().await;
    post_a_large_one(&relay).await;
    relay.drained().await;
    relay.kafka_goes_away();

    let answer = replay(&relay, "large").await;

    answer.assert_problem(503);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(relay.metrics().await.sum("cadrelay_replayed_total"), 0.0);
}

#[tokio::test]
async fn a_gap_is_refused_because_nobody_posted_it_whether_it_waits_or_is_in_kafka() {
    let mut relay = open().start().await;
    relay.post(&Notification::onshape(1).to("open")).await.assert_accepted();
    relay.drained().await;
    relay.terminate().await;
    // The last sign of life was long ago: the relay was down for longer than Onshape repeats.
    let file = relay.dir().join("spool/gaps.json");
    let mut known: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    known["alive"] = "2026-01-01T00:00:00Z".into();
    fs::write(&file, known.to_string()).unwrap();
    relay.kafka_goes_away();
    relay.restart().await;
    let gap = eventually("the gap waits", async || {
        let listed = relay.ask("/api/subscriptions").await.json();
        let id = listed["gaps"][0]["id"].as_str()?.to_owned();
        let life = relay.ask(&format!("/api/events/{id}")).await.json();
        (life["events"][0]["state"] == "pending").then_some(id)
    })
    .await;

    let waiting = replay(&relay, &gap).await;
    relay.kafka_comes_back();
    relay.drained().await;
    let published = replay(&relay, &gap).await;

    for answer in [waiting, published] {
        answer.assert_problem(409);
        assert_eq!(answer.json()["title"], "Not posted");
    }
    assert_eq!(relay.metrics().await.sum("cadrelay_replayed_total"), 0.0);
}

fn place(life: &Value) -> (i32, i64) {
    let number = |name: &str| life[name].as_i64().expect("a number");
    (number("partition").try_into().expect("a partition"), number("offset"))
}

/// Deletes a record and all before it in its partition, as retention does.
async fn delete_up_to(kafka: &Kafka, topic: &str, life: &Value) {
    let (partition, offset) = place(life);
    let admin: AdminClient<DefaultClientContext> =
        kafka.client().create().expect("an admin client");
    let mut up_to = TopicPartitionList::new();
    up_to.add_partition_offset(topic, partition, Offset::Offset(offset + 1)).expect("a place");
    admin.delete_records(&up_to, &AdminOptions::new()).await.expect("the records are deleted");
}
