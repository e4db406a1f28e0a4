//! The broker of the tests behaves as the tests of the relay take for granted.

use std::time::Duration;

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use support::{
    kafka::{Isolation, Kafka},
    tools::{project, python, succeed},
};

#[tokio::test]
async fn what_was_committed_is_there_again_after_a_kill() {
    let mut kafka = Kafka::start().await;
    kafka.create_topic("facts", 3, &[]).await;
    let producer = transactional(&kafka);

    producer.begin_transaction().unwrap();
    send(&producer, "facts", "a", "committed");
    producer.commit_transaction(DEADLINE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, "facts", "a", "aborted");
    producer.flush(DEADLINE).unwrap();
    producer.abort_transaction(DEADLINE).unwrap();
    let before = kafka.read_topic("facts", Isolation::ReadCommitted).await;
    kafka.kill();
    kafka.restart().await;
    let after = kafka.read_topic("facts", Isolation::ReadCommitted).await;

    assert_eq!(before.len(), 1);
    assert_eq!(before[0].key_text(), "a");
    assert_eq!(before[0].header("ce_id"), Some("7"));
    assert_eq!(before[0].value.as_deref(), Some("committed".as_bytes()));
    assert_eq!(after, before);
    let all = kafka.read_topic("facts", Isolation::ReadUncommitted).await;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_paused_broker_answers_nothing_until_it_is_woken() {
    let mut kafka = Kafka::start().await;
    kafka.create_topic("facts", 1, &[]).await;
    let producer: BaseProducer =
        kafka.client().set("message.timeout.ms", "60000").create().unwrap();

    send(&producer, "facts", "a", "first");
    producer.flush(DEADLINE).unwrap();
    kafka.pause();
    send(&producer, "facts", "a", "second");
    let while_paused = producer.flush(Duration::from_secs(1));
    kafka.resume();
    producer.flush(DEADLINE).unwrap();
    let records = kafka.await_records("facts", Isolation::ReadCommitted, 2).await;

    assert!(while_paused.is_err(), "a paused broker acknowledged a record");
    assert_eq!(records.len(), 2);
    kafka.stop().await;
}

#[tokio::test]
async fn a_missing_topic_is_not_made_by_asking_for_it() {
    let kafka = Kafka::shared().await;
    let producer: BaseProducer = kafka.client().set("message.timeout.ms", "1000").create().unwrap();

    send(&producer, "nowhere", "a", "lost");
    producer.flush(DEADLINE).unwrap();

    let metadata = producer.client().fetch_metadata(None, DEADLINE).unwrap();
    assert!(metadata.topics().iter().all(|topic| topic.name() != "nowhere"));
}

#[tokio::test]
async fn an_sdk_that_is_not_ours_reads_an_event() {
    let kafka = Kafka::shared().await;
    kafka.create_topic("events", 2, &[]).await;
    let producer: BaseProducer = kafka.client().create().unwrap();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "66385c16bb00000000000002"),
        ("ce_source", "/onshape/webhooks/66385c16aa00000000000001"),
        ("ce_type", "com.onshape.model.lifecycle.changed"),
        ("ce_eventgroup", "document"),
        ("content-type", "application/json"),
    ]
    .into_iter()
    .fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });

    let record = BaseRecord::to("events").key("doc").payload(r#"{"group":"document"}"#);
    producer.send(record.headers(headers)).unwrap();
    producer.flush(DEADLINE).unwrap();
    let brokers = kafka.brokers();
    let printed = tokio::task::spawn_blocking(move || {
        let script = project().join("tests/kafka/consume.py");
        succeed(python().arg(script).args([&brokers, "events", "1"]))
    });

    let event: serde_json::Value = serde_json::from_str(&printed.await.unwrap()).unwrap();
    assert_eq!(event["attributes"]["id"], "66385c16bb00000000000002");
    assert_eq!(event["attributes"]["eventgroup"], "document");
    assert_eq!(event["attributes"]["partitionkey"], "doc");
    assert_eq!(event["data"]["group"], "document");
}

#[tokio::test]
async fn a_secured_broker_takes_only_what_was_allowed() {
    let kafka = Kafka::start_secured().await;
    kafka.create_topic("cad.open", 1, &[]).await;
    kafka.create_topic("closed", 1, &[]).await;
    kafka.allow("WRITE", "TOPIC", "cad.*").await;
    let producer: BaseProducer =
        kafka.secured_client().set("message.timeout.ms", "2000").create().unwrap();

    send(&producer, "cad.open", "a", "taken");
    send(&producer, "closed", "a", "refused");
    producer.flush(DEADLINE).unwrap();

    assert_eq!(kafka.read_topic("cad.open", Isolation::ReadCommitted).await.len(), 1);
    assert_eq!(kafka.read_topic("closed", Isolation::ReadCommitted).await.len(), 0);
}

#[tokio::test]
async fn a_secured_broker_refuses_a_wrong_password() {
    let kafka = Kafka::start_secured().await;
    let stranger: BaseProducer =
        kafka.secured_client().set("sasl.password", "guessed").create().unwrap();

    let answer = stranger.client().fetch_metadata(None, Duration::from_secs(2));

    let known: BaseProducer = kafka.secured_client().create().unwrap();
    assert!(answer.is_err(), "a wrong password was let in");
    assert!(known.client().fetch_metadata(None, DEADLINE).is_ok(), "the right one was not");
}

fn transactional(kafka: &Kafka) -> BaseProducer {
    let producer: BaseProducer =
        kafka.client().set("transactional.id", "harness").create().expect("a producer");
    producer.init_transactions(DEADLINE).expect("transactions");
    producer
}

fn send(producer: &BaseProducer, topic: &str, key: &str, value: &str) {
    let headers = OwnedHeaders::new().insert(Header { key: "ce_id", value: Some("7") });
    producer
        .send(BaseRecord::to(topic).key(key).payload(value).headers(headers))
        .expect("room in the queue");
}

const DEADLINE: Duration = Duration::from_secs(30);
