//! The end of a committed transaction: not there, not to be seen, or not to be read.
//!
//! A commit is answered before its end is in the partitions. Apache Kafka 4.4.0 leaves it out of a
//! partition that has no leader just then (KAFKA-20734), and an abort of the next transaction takes back
//! what was committed.

use crate::oracle::{self, Load};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::time::Duration;
use support::kafka::Kafka;
use support::kafka::three::{Cluster, NODES};
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::{eventually, within};

/// The commit is held back until the leader of a partition is gone, and the relay is killed as soon as it
/// goes on. If a next transaction with that partition has begun, it is aborted when the relay is back, and
/// so is the event that was answered 200, published, committed, and has left the spool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transaction_begins_before_the_last_one_has_its_end_in_each_partition() {
    let (mut cluster, proxy) = Cluster::start_behind_blinding().await;
    let client = cluster.kafka().client().set("bootstrap.servers", proxy.brokers()).clone();
    let mut relay = Relay::builder().kafka_with(client).start().await;
    let [first, committed] = [Notification::onshape(0), Notification::aps(0)];
    relay.post(&first).await.assert_accepted();
    relay.drained().await;
    let coordinator = cluster.coordinator().await;
    let alone = NODES.into_iter().find(|id| *id != coordinator).expect("two others");
    let topic = relay.topic("aps.data");
    cluster.kafka().create_topic_on(&topic, &[alone]).await;

    proxy.hold_ends(true);
    relay.post(&committed).await.assert_accepted();
    eventually("its commit is on its way", async || (proxy.held_ends() > 0).then_some(())).await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    tokio::join!(posting.answered(oracle::A_BATCH), cluster.node(alone).stop());
    within(PATIENCE, "the partition has no leader", async || {
        let places = cluster.places().await;
        (places[&(topic.clone(), 0)].leader == -1).then_some(())
    })
    .await;
    let added = proxy.added(&topic);
    assert_eq!(restarts(&relay).await, 0.0, "the commit was held for too long");
    proxy.hold_ends(false);
    within(PATIENCE, "the relay begins a transaction or a session", async || {
        (proxy.added(&topic) > added || restarts(&relay).await > 0.0).then_some(())
    })
    .await;
    relay.kill();
    cluster.node(alone).restart().await;
    cluster.whole().await;
    relay.restart().await;

    let mut ledger = posting.finish().await;
    ledger.acknowledge(&first.body);
    ledger.acknowledge(&committed.body);
    ledger.fault("ends_left_out", 1);
    oracle::judge("end left out of a partition", cluster.kafka(), &relay, &ledger)
        .await
        .assert_holds();
}

/// Whatever is older than our transaction hides its end: a relay of the same topics that has died holds
/// its transaction open for a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_of_another_hides_the_ends_and_stops_nothing() {
    let kafka = Kafka::shared().await;
    let relay = oracle::relay(kafka).start().await;
    let first = Notification::onshape(1);
    relay.post(&first).await.assert_accepted();
    relay.drained().await;
    let another = open_transaction(kafka, &relay.topic("onshape.document"));

    let posting = Load::of(oracle::seed()).start(relay.sender());
    posting.answered(2 * oracle::A_BATCH).await;
    let mut ledger = posting.finish().await;
    relay.drained().await;
    let restarts = restarts(&relay).await;
    another.abort_transaction(PATIENCE).expect("it was open until now");

    assert_eq!(restarts, 0.0, "the relay took what it could not see for a fault");
    ledger.acknowledge(&first.body);
    oracle::judge("ends hidden by another", kafka, &relay, &ledger).await.assert_holds();
}

/// The number of producers that the relay has given up.
async fn restarts(relay: &Relay) -> f64 {
    relay.metrics().await.sum("cadrelay_kafka_producer_restarts_total")
}

/// Leaves a record in each partition of a topic whose transaction goes on.
pub fn open_transaction(kafka: &Kafka, topic: &str) -> BaseProducer {
    let mut config = kafka.client();
    config.set("transactional.id", format!("another of {topic}"));
    config.set("transaction.timeout.ms", "600000");
    let producer: BaseProducer = config.create().expect("a producer");
    producer.init_transactions(PATIENCE).expect("a coordinator");
    producer.begin_transaction().expect("it begins");
    for partition in 0..3 {
        let record = BaseRecord::<[u8], _>::to(topic).payload("open").partition(partition);
        producer.send(record).expect("room for three");
    }
    producer.flush(PATIENCE).expect("they are written");
    producer
}

/// On a machine where much else runs an election may take a minute.
const PATIENCE: Duration = Duration::from_secs(120);
