//! The broker of the tests behaves as the tests of the relay take for granted.

mod support;

use std::time::Duration;

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use support::kafka::{Isolation, Kafka};

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
