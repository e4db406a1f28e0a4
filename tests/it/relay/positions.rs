//! Our positions in Kafka do not grow for ever, and none is deleted too early.

use jiff::{SignedDuration, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::BTreeMap;
use std::time::Duration;
use support::kafka::{Isolation, Kafka};
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn positions_of_runs_that_are_long_over_are_taken_back_and_no_others() {
    let kafka = Kafka::shared().await;
    let mut relay = Relay::builder().kafka(kafka).set("kafka.create_topics", "false").start().await;
    // Documents have no topic, so theirs wait, and with them this run is not over.
    for topic in ["aps.data", "quarantine"] {
        kafka.create_topic(&relay.topic(topic), 3, &[]).await;
    }
    let compacted = [("cleanup.policy", "compact")];
    kafka.create_topic(&relay.topic("relay.positions"), 1, &compacted).await;
    relay.post(&Notification::aps(1)).await.assert_accepted();
    relay.consume("aps.data", 1).await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let status = relay.status().await;
    let (instance, run) = (text(&status["instance"]), text(&status["run"]));
    assert_eq!(relay.terminate().await.code(), Some(0));

    let data = relay.topic("aps.data");
    let key = |instance: &str, run: &str| format!("{instance}/{run}/{data}");
    let waiting = key(&instance, &run);
    for (key, days) in [
        (key(&instance, "long-over"), 31),
        (key(&instance, "just-over"), 29),
        (key("another", "long-over"), 31),
        // The last of the run that still has something to send was written as long ago.
        (waiting.clone(), 31),
    ] {
        let sequence = if key == waiting { 1 } else { 7 };
        write(kafka, &relay.topic("relay.positions"), &key, sequence, days);
    }
    relay.restart().await;
    relay.post(&Notification::aps(2)).await.assert_accepted();
    relay.consume("aps.data", 2).await;

    let held = eventually("something is taken back", async || {
        let held = positions(kafka, &relay.topic("relay.positions")).await;
        held.values().any(Option::is_none).then_some(held)
    })
    .await;
    assert_eq!(held[&key(&instance, "long-over")], None);
    assert_eq!(held[&key(&instance, "just-over")].as_deref(), Some(r#"{"sequence":7}"#));
    assert_eq!(held[&key("another", "long-over")].as_deref(), Some(r#"{"sequence":7}"#));
    assert_eq!(held[&waiting].as_deref(), Some(r#"{"sequence":1}"#));
    assert_eq!(relay.read_to_end("aps.data").await.len(), 2);
}

/// The last value of each key; none for one that was taken back.
async fn positions(kafka: &Kafka, topic: &str) -> BTreeMap<String, Option<String>> {
    let records = kafka.read_topic(topic, Isolation::ReadCommitted).await;
    let pair = |record: &support::kafka::Received| {
        let value =
            record.value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned());
        (record.key_text().to_owned(), value)
    };
    records.iter().map(pair).collect()
}

/// Writes a position as if it had been so many days ago.
fn write(kafka: &Kafka, topic: &str, key: &str, sequence: u64, days: i64) {
    let producer: BaseProducer = kafka.client().create().expect("a producer");
    let when = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let value = format!(r#"{{"sequence":{sequence}}}"#);
    let record = BaseRecord::to(topic).key(key).payload(&value).timestamp(when.as_millisecond());
    producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    producer.flush(Duration::from_secs(30)).expect("Kafka takes it");
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().expect("a text").to_owned()
}
