//! Three brokers that hold everything three times, as a company runs them.
//!
//! Each is a controller as well, so whatever befalls one of them befalls a vote of the quorum. A
//! record is acknowledged when two of them have it (`min.insync.replicas`).
//!
//! # Promises
//! - [`Cluster::start`] and [`Cluster::whole`] return when every partition has all its replicas in
//!   sync, so that the next fault meets a cluster that can bear it.
//! - A client of [`Cluster::kafka`] is told of all three.

use super::{Compiler, Kafka, Unready, admin};
use crate::waiting::within;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::{collections::BTreeMap, fs, time::Duration};
use tokio::task::spawn_blocking;

/// The nodes of [`Cluster::start`].
pub const NODES: [i32; 3] = [1, 2, 3];

/// Three brokers. They end with this value.
pub struct Cluster {
    nodes: [Kafka; 3],
}

/// The place of a partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The node that leads it; -1 while none does.
    pub leader: i32,
    /// The nodes that are to hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those that hold all of it.
    pub in_sync: Vec<i32>,
}

impl Cluster {
    /// Starts three brokers with nothing in them.
    pub async fn start() -> Self {
        Self::start_with(|_, _| String::new()).await
    }

    /// Starts three brokers with further properties for each, by its place and its port.
    pub(super) async fn start_with(further: impl Fn(usize, u16) -> String) -> Self {
        // As with one broker: a port can be lost between the look at it and the broker's own bind.
        for _ in 0..3 {
            let mut nodes = NODES.map(|_| Kafka::unstarted(Compiler::Quick));
            let ports = [nodes[0].port, nodes[1].port, nodes[2].port];
            for (place, (id, node)) in NODES.into_iter().zip(&mut nodes).enumerate() {
                node.others = ports.into_iter().filter(|port| *port != node.port).collect();
                let properties = properties(id, &ports) + &further(place, node.port);
                fs::write(node.dir.path().join("extra.properties"), properties)
                    .expect("the broker's folder is writable");
            }
            let [first, second, third] = &mut nodes;
            let (one, two, three) = tokio::join!(first.run(), second.run(), third.run());
            match one.and(two).and(three) {
                Ok(()) => {
                    let cluster = Self { nodes };
                    cluster.whole().await;
                    return cluster;
                }
                Err(Unready::PortTaken) => continue,
                Err(Unready::Failed(why)) => panic!("{why}\n{}", nodes[0].log_end()),
            }
        }
        panic!("three times in a row a broker found its port taken");
    }

    /// The cluster for clients and readers: all three addresses, whichever brokers are alive.
    pub fn kafka(&self) -> &Kafka {
        &self.nodes[0]
    }

    /// One of the brokers.
    pub fn node(&mut self, id: i32) -> &mut Kafka {
        let place = NODES.iter().position(|node| *node == id).expect("one of the three");
        &mut self.nodes[place]
    }

    /// All of them, to do something to several at once.
    pub fn all(&mut self) -> &mut [Kafka; 3] {
        &mut self.nodes
    }

    /// Freezes all three at once: nothing is answered, and what is sent gathers at the relay.
    pub fn pause(&self) {
        self.nodes.iter().for_each(Kafka::pause);
    }

    /// Wakes all three.
    pub fn resume(&self) {
        self.nodes.iter().for_each(Kafka::resume);
    }

    /// Waits until all three are alive, and every partition has a leader and all its replicas in sync.
    pub async fn whole(&self) {
        within(PATIENCE, "every partition has all its replicas", async || {
            let (alive, places) = self.look().await?;
            let whole =
                |place: &Place| place.leader > 0 && place.in_sync.len() == place.replicas.len();
            (alive == NODES.len() && places.values().all(whole)).then_some(())
        })
        .await;
    }

    /// The places of the partitions of all topics, by topic and number.
    pub async fn places(&self) -> BTreeMap<(String, i32), Place> {
        within(PATIENCE, "the cluster says where its partitions are", async || {
            self.look().await.map(|(_, places)| places)
        })
        .await
    }

    /// The node that is the active controller.
    pub async fn controller(&self) -> i32 {
        within(PATIENCE, "the quorum has a leader", async || {
            admin::quorum_leader(&self.kafka().addresses()).await.filter(|leader| *leader > 0)
        })
        .await
    }

    /// The node that keeps what Kafka knows of transactions: the coordinator's.
    pub async fn coordinator(&self) -> i32 {
        within(PATIENCE, "there is a coordinator", async || {
            let (_, places) = self.look().await?;
            let leader = places.get(&(TRANSACTIONS.to_owned(), 0))?.leader;
            (leader > 0).then_some(leader)
        })
        .await
    }

    /// Moves the partitions of all topics whose name begins so to other replicas, and waits until
    /// they are there. `choose` gives a partition's replicas from those that it has.
    pub async fn reassign(&self, prefix: &str, choose: impl Fn(&Place) -> Vec<i32>) -> usize {
        let places = self.places().await.into_iter();
        let wanted: BTreeMap<(String, i32), Vec<i32>> = places
            .filter(|((topic, _), _)| topic.starts_with(prefix))
            .map(|(partition, place)| (partition, choose(&place)))
            .collect();
        within(PATIENCE, "the cluster takes the reassignment", async || {
            admin::reassign(&self.kafka().addresses(), &wanted).await
        })
        .await;
        within(PATIENCE, "the partitions have moved", async || {
            let (_, places) = self.look().await?;
            let moved = |(partition, replicas): (_, &Vec<i32>)| {
                places.get(partition).is_some_and(|place| {
                    place.replicas == *replicas && place.in_sync.len() == replicas.len()
                })
            };
            wanted.iter().all(moved).then_some(())
        })
        .await;
        wanted.len()
    }

    /// Gives every partition back to its preferred leader, as an operator does after a restart.
    pub async fn elect_preferred(&self) {
        within(PATIENCE, "the cluster elects", async || {
            admin::elect_preferred(&self.kafka().addresses()).await
        })
        .await;
    }

    /// Adds partitions to a topic, so that it has so many.
    pub async fn add_partitions(&self, topic: &str, count: usize) {
        let client: AdminClient<DefaultClientContext> =
            self.kafka().client().create().expect("an admin client");
        let more = NewPartitions::new(topic, count);
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for outcome in client.create_partitions([&more], &options).await.expect("an answer") {
            outcome.expect("the partitions are made");
        }
    }

    /// One look: how many brokers are alive, and where the partitions are. Nothing if no broker
    /// answers in time.
    async fn look(&self) -> Option<(usize, BTreeMap<(String, i32), Place>)> {
        let client = self.kafka().client();
        let asked = spawn_blocking(move || {
            let client: BaseConsumer = client.create().expect("a client");
            client.fetch_metadata(None, ANSWER).ok()
        });
        let metadata = asked.await.expect("no panic")?;
        let mut places = BTreeMap::new();
        for topic in metadata.topics() {
            for partition in topic.partitions() {
                let place = Place {
                    leader: partition.leader(),
                    replicas: partition.replicas().to_vec(),
                    in_sync: partition.isr().to_vec(),
                };
                places.insert((topic.name().to_owned(), partition.id()), place);
            }
        }
        Some((metadata.brokers().len(), places))
    }
}

fn properties(id: i32, ports: &[u16; 3]) -> String {
    let voters: Vec<String> = NODES
        .into_iter()
        .zip(ports)
        .map(|(id, port)| format!("{id}@127.0.0.1:{}", port + 1))
        .collect();
    format!(
        "node.id={id}\ncontroller.quorum.voters={}\n\
         default.replication.factor=3\nmin.insync.replicas=2\n\
         offsets.topic.replication.factor=3\n\
         transaction.state.log.replication.factor=3\ntransaction.state.log.min.isr=2\n\
         # Three brokers share two cores with the test; one that is slow is not dead.\n\
         broker.session.timeout.ms=4000\nreplica.lag.time.max.ms=4000\n\
         controller.quorum.fetch.timeout.ms=4000\n",
        voters.join(",")
    )
}

/// Kafka's own topic of transactions.
const TRANSACTIONS: &str = "__transaction_state";

const ANSWER: Duration = Duration::from_secs(5);

/// An election waits for a dead broker's session, and a broker that comes back fetches what it missed.
const PATIENCE: Duration = Duration::from_secs(90);
