//! The Kafka that a relay under test publishes to.

use cadrelay::{
    event::provider::Provider,
    kafka::{embedded::Embedded, settings::Settings},
};
use rdkafka::ClientConfig;
use std::sync::atomic::{AtomicU32, Ordering};

/// The Kafka that a relay publishes to, and that its consumers read.
pub struct Broker {
    client: ClientConfig,
    prefix: String,
    /// In this process; ends with its relay.
    embedded: Option<Embedded>,
}

impl Broker {
    /// A Kafka that runs apart. The prefix of topics is one that no other relay of this process has.
    pub fn at(client: ClientConfig) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { client, prefix: format!("t{number}."), embedded: None }
    }

    /// A Kafka in this process: quick, and with librdkafka's idea of what a broker does.
    pub fn embedded() -> Self {
        let embedded = Embedded::start().expect("a mock cluster starts");
        let settings = Settings::default();
        for topic in settings.topic_names().all(&Provider::ALL) {
            embedded.make_topic(&topic, 3).expect("a topic is made");
        }
        embedded.make_topic(&settings.topic_names().positions(), 1).expect("a topic is made");
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", embedded.brokers());
        Self { client, prefix: settings.topic_prefix, embedded: Some(embedded) }
    }

    /// A client's settings.
    pub fn client(&self) -> ClientConfig {
        self.client.clone()
    }

    /// The value for `kafka.brokers`.
    pub fn address(&self) -> String {
        self.client.get("bootstrap.servers").expect("a broker has an address").to_owned()
    }

    /// The embedded broker. Fails the test if it is a real one.
    pub fn mock(&self) -> &Embedded {
        self.embedded.as_ref().expect("an embedded Kafka")
    }

    pub(super) fn prefix(&self) -> String {
        self.prefix.clone()
    }

    /// The mock has no administration: its topics are there already.
    pub(super) fn creates_topics(&self) -> bool {
        self.embedded.is_none()
    }
}
