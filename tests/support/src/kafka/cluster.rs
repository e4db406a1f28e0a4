//! A second broker, for partitions that lose their leader while the cluster goes on.

use super::{Kafka, START_DEADLINE};
use crate::waiting::eventually;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use std::{fs, time::Duration};
use tokio::task::spawn_blocking;

/// The node that [`Kafka::start`] makes, which is the cluster's controller, too.
pub const FIRST: i32 = 1;
/// The node that [`Kafka::join`] adds.
pub const SECOND: i32 = 2;

impl Kafka {
    /// Adds a second broker to this one's cluster. What Kafka keeps for itself stays on the first if
    /// it was used before.
    pub async fn join(&self) -> Self {
        let controller = self.port + 1;
        let second = Self::start_prepared(|kafka| {
            let address = format!("PLAINTEXT://127.0.0.1:{}", kafka.port);
            let properties = format!(
                "process.roles=broker\nnode.id={SECOND}\n\
                 controller.quorum.voters={FIRST}@127.0.0.1:{controller}\n\
                 listeners={address}\nadvertised.listeners={address}\n"
            );
            fs::write(kafka.dir.path().join("extra.properties"), properties)
        })
        .await;
        self.knows_brokers(2).await;
        second
    }

    /// Waits until the cluster counts so many brokers as alive.
    pub async fn knows_brokers(&self, count: usize) {
        let client = self.client();
        eventually("the cluster knows its brokers", async || {
            let client: BaseConsumer = client.create().expect("a client");
            let asked = spawn_blocking(move || client.fetch_metadata(None, ANSWER));
            let metadata = asked.await.expect("no panic").ok()?;
            (metadata.brokers().len() == count).then_some(())
        })
        .await;
    }

    /// Makes a topic with one partition on each of the given brokers, without a replica elsewhere.
    pub async fn create_topic_on(&self, name: &str, brokers: &[i32]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let places: Vec<&[i32]> = brokers.chunks(1).collect();
        let partitions = i32::try_from(brokers.len()).expect("a few brokers");
        let topic = NewTopic::new(name, partitions, TopicReplication::Variable(&places));
        let options = AdminOptions::new().operation_timeout(Some(START_DEADLINE));
        for outcome in admin.create_topics([&topic], &options).await.expect("an answer") {
            outcome.expect("the topic is made");
        }
    }
}

const ANSWER: Duration = Duration::from_secs(5);
