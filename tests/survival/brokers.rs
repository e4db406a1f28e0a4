//! Three brokers, each of which holds everything, and what an operator or a power cut does to them.
//!
//! Before each fault the brokers stand still until a thousand notifications more were answered 200, so
//! that it meets a batch of as many and not the few records of a quiet moment.

use crate::oracle::{self, Load, Posting, Verdict};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::time::{Duration, Instant};
use support::kafka::Isolation;
use support::kafka::three::{Cluster, NODES, Place};
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::within;

/// The one scenario of the gate: what the others below do, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_brokers_that_roll_lose_their_controller_and_move_their_partitions_lose_nothing() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    for id in NODES {
        roll(&mut cluster, &posting, id).await;
    }
    gather(&cluster, &posting).await;
    let controller = cluster.controller().await;
    cluster.node(controller).kill();
    posting.answered(500).await;
    cluster.node(controller).restart().await;
    cluster.whole().await;
    let moved = cluster.reassign(&relay.topic(""), without_its_leader).await;
    cluster.reassign(&relay.topic(""), everywhere).await;
    cluster.elect_preferred().await;
    posting.answered(500).await;

    let mut ledger = posting.finish().await;
    ledger.fault("brokers_rolled", NODES.len() as u64);
    ledger.fault("controllers_killed", 1);
    ledger.fault("partitions_moved", 2 * moved as u64);
    let verdict =
        judge("three brokers: rolled, controller killed, moved", &cluster, &relay, ledger);
    verdict.await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn three_rolling_restarts_of_all_brokers_lose_and_repeat_nothing() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    for _ in 0..ROUNDS {
        for id in NODES {
            roll(&mut cluster, &posting, id).await;
        }
    }

    let mut ledger = posting.finish().await;
    ledger.fault("brokers_rolled", ROUNDS * NODES.len() as u64);
    judge("three brokers: rolled", &cluster, &relay, ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn one_dead_broker_of_three_holds_nothing_up_whichever_it_is() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    let mut longest = Duration::ZERO;
    for id in NODES {
        gather(&cluster, &posting).await;
        let died = Instant::now();
        cluster.node(id).kill();
        posting.answered(100).await;
        delivers(&relay).await;
        longest = longest.max(died.elapsed());
        cluster.node(id).restart().await;
        cluster.whole().await;
    }

    let mut ledger = posting.finish().await;
    ledger.fault("broker_kills", NODES.len() as u64);
    ledger.figure("longest_stop_of_delivery_milliseconds", longest.as_millis());
    judge("three brokers: one dead", &cluster, &relay, ledger).await.assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn the_coordinator_and_the_controller_that_die_by_turns_lose_and_repeat_nothing() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    for _ in 0..ROUNDS {
        for victim in [Victim::Coordinator, Victim::Controller] {
            let id = match victim {
                Victim::Coordinator => cluster.coordinator().await,
                Victim::Controller => cluster.controller().await,
            };
            gather(&cluster, &posting).await;
            cluster.node(id).kill();
            posting.answered(500).await;
            cluster.node(id).restart().await;
            cluster.whole().await;
        }
    }

    let mut ledger = posting.finish().await;
    ledger.fault("coordinators_killed", ROUNDS);
    ledger.fault("controllers_killed", ROUNDS);
    judge("three brokers: coordinator, controller killed", &cluster, &relay, ledger)
        .await
        .assert_holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn partitions_that_change_leaders_and_replicas_under_load_lose_and_repeat_nothing() {
    let cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    let (mut moved, mut elections) = (0, 0);
    for _ in 0..MOVES {
        gather(&cluster, &posting).await;
        // Kafka's own topic of transactions moves with ours: everything, that is.
        moved += cluster.reassign("", without_its_leader).await;
        gather(&cluster, &posting).await;
        moved += cluster.reassign("", everywhere).await;
        gather(&cluster, &posting).await;
        cluster.elect_preferred().await;
        elections += 1;
    }

    let mut ledger = posting.finish().await;
    ledger.fault("partitions_moved", moved as u64);
    ledger.fault("elections", elections);
    judge("three brokers: leaders and replicas moved", &cluster, &relay, ledger)
        .await
        .assert_holds();
}

/// With two of three away nothing can be acknowledged: `min.insync.replicas`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn two_dead_brokers_of_three_stop_delivery_until_one_is_back_and_senders_do_not_notice() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    gather(&cluster, &posting).await;
    cluster.node(2).kill();
    cluster.node(3).kill();
    posting.answered(3_000).await;
    let back = Instant::now();
    let [_, two, three] = cluster.all();
    tokio::join!(two.restart(), three.restart());
    cluster.whole().await;
    delivers(&relay).await;
    let took = back.elapsed();

    let mut ledger = posting.finish().await;
    ledger.fault("broker_kills", 2);
    ledger.figure("back_after_milliseconds", took.as_millis());
    let verdict = judge("three brokers: two dead", &cluster, &relay, ledger).await;
    verdict.assert_holds();
    assert_eq!(verdict.statuses.keys().collect::<Vec<_>>(), [&200]);
}

/// A partition with one replica has no other leader. On Apache Kafka before 4.4 all lanes wait for it,
/// because the coordinator does not let go of the relay's transactional id; on 4.4 its own alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn lanes_go_on_when_the_leader_of_a_partition_in_an_open_transaction_is_back() {
    let mut cluster = Cluster::start().await;
    let relay = oracle::relay(cluster.kafka()).start().await;
    let first = Notification::onshape(1);
    relay.post(&first).await.assert_accepted();
    relay.drained().await;
    let coordinator = cluster.coordinator().await;
    let alone = NODES.into_iter().find(|id| *id != coordinator).expect("two others");
    cluster.kafka().create_topic_on(&relay.topic("aps.data"), &[coordinator, alone]).await;
    let posting = Load::of(oracle::seed()).start(relay.sender());
    delivers(&relay).await;

    gather(&cluster, &posting).await;
    let before = published(&relay, "onshape.document").await;
    cluster.node(alone).kill();
    let died = Instant::now();
    // Longer than the broker's session and the relay's own patience with a producer.
    while died.elapsed() < AWAY {
        posting.answered(100).await;
    }
    let meanwhile = published(&relay, "onshape.document").await - before;
    cluster.node(alone).restart().await;
    let back = Instant::now();
    let mut ledger = posting.finish().await;
    relay.drained().await;
    let took = back.elapsed();

    ledger.acknowledge(&first.body);
    ledger.fault("leaders_lost", 1);
    ledger.figure("others_published_meanwhile", meanwhile as u128);
    ledger.figure("all_out_after_milliseconds", took.as_millis());
    judge("three brokers: last leader away", &cluster, &relay, ledger).await.assert_holds();
}

/// Which node dies.
#[derive(Clone, Copy)]
enum Victim {
    Coordinator,
    Controller,
}

/// Stops a broker in good order while a batch waits, and starts it again.
async fn roll(cluster: &mut Cluster, posting: &Posting, id: i32) {
    gather(cluster, posting).await;
    cluster.node(id).stop().await;
    posting.answered(300).await;
    cluster.node(id).restart().await;
    cluster.whole().await;
}

/// Holds all brokers still until a thousand more notifications were answered 200, and lets them go.
async fn gather(cluster: &Cluster, posting: &Posting) {
    cluster.pause();
    posting.answered(1_000).await;
    cluster.resume();
}

/// A transaction that was left without its end in the topic of positions keeps them from being read.
/// It waits for nobody but us, so a relay that waits for its end never delivers again. Here a producer
/// with the relay's transactional id leaves one: it commits when the leader of the positions is gone,
/// which Apache Kafka 4.4.0 takes for a deletion (KAFKA-20734).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_without_an_end_in_the_positions_does_not_keep_the_relay_from_delivering() {
    let mut cluster = Cluster::start().await;
    let mut relay = oracle::relay(cluster.kafka()).start().await;
    for seed in 0..5 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    relay.drained().await;
    assert!(relay.terminate().await.success());
    let positions = relay.topic("relay.positions");
    let coordinator = cluster.coordinator().await;
    let leader = NODES.into_iter().find(|id| *id != coordinator).expect("one of the other two");
    cluster.reassign(&positions, |_| vec![leader]).await;

    let last = cluster.kafka().read_topic(&positions, Isolation::ReadCommitted).await;
    let last = last.last().expect("the position of the five");
    let (key, value) = (last.key.as_deref().expect("a key"), last.value.as_deref());
    let instance = str::from_utf8(key).expect("a key is text").split('/').next();
    let mut config = cluster.kafka().client();
    config.set("transactional.id", format!("cadrelay-{}", instance.expect("an instance")));
    let producer: BaseProducer = config.create().expect("a producer");
    producer.init_transactions(PATIENCE).expect("it takes over the transactional id");
    producer.begin_transaction().expect("it begins");
    let position = BaseRecord::<_, _>::to(&positions).key(key).payload(value.expect("a value"));
    producer.send(position).expect("room for one");
    producer.flush(PATIENCE).expect("it is written");
    cluster.node(leader).stop().await;
    within(PATIENCE, "the positions have no leader", async || {
        let places = cluster.places().await;
        (places[&(positions.clone(), 0)].leader == -1).then_some(())
    })
    .await;
    producer.commit_transaction(PATIENCE).expect("the coordinator is alive");
    cluster.node(leader).restart().await;
    cluster.whole().await;

    relay.restart().await;
    for seed in 5..10 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 10);
}

/// Waits until something more is in Kafka than there was.
async fn delivers(relay: &Relay) {
    let before = relay.metrics().await.sum("cadrelay_published_total");
    within(PATIENCE, "the relay delivers", async || {
        (relay.metrics().await.sum("cadrelay_published_total") > before).then_some(())
    })
    .await;
}

/// The number of published records of a topic.
async fn published(relay: &Relay, topic: &str) -> f64 {
    let topic = relay.topic(topic);
    relay.metrics().await.get("cadrelay_published_total", &[("topic", &*topic)])
}

async fn judge(run: &str, cluster: &Cluster, relay: &Relay, ledger: oracle::Ledger) -> Verdict {
    oracle::judge(run, cluster.kafka(), relay, &ledger).await
}

/// The replicas without the one that leads: two are enough to acknowledge.
fn without_its_leader(place: &Place) -> Vec<i32> {
    let others = place.replicas.iter().copied().filter(|replica| *replica != place.leader);
    others.take(2).collect()
}

/// All three again, the node that was left out first: it is to lead.
fn everywhere(place: &Place) -> Vec<i32> {
    let mut replicas: Vec<i32> =
        NODES.into_iter().filter(|id| !place.replicas.contains(id)).collect();
    replicas.extend(&place.replicas);
    replicas
}

const ROUNDS: u64 = 3;
const MOVES: u64 = 3;
/// On a machine where much else runs the brokers' quorum alone may take a minute for an election.
const PATIENCE: Duration = Duration::from_secs(180);
const AWAY: Duration = Duration::from_secs(45);
