//! Kafka inside this process, for `cadrelay dev` and fast tests: librdkafka's mock cluster.
//!
//! # Limits
//! Records live in memory, some megabytes a partition, and end with the process. An aborted
//! transaction stays visible, and there is no admin API: topics are made through this type.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

/// A cluster of one broker on a loopback port.
pub struct Embedded {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Embedded {
    /// Starts it.
    pub fn start() -> Result<Self, KafkaError> {
        Ok(Self { cluster: MockCluster::new(1)? })
    }

    /// Makes a topic.
    pub fn make_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        self.cluster.create_topic(name, partitions, 1)
    }

    /// Closes all connections and takes no new ones, until [`Embedded::comes_back`].
    pub fn goes_away(&self) -> Result<(), KafkaError> {
        self.cluster.broker_down(BROKER)
    }

    /// Takes connections again, at the same address and with the same records.
    pub fn comes_back(&self) -> Result<(), KafkaError> {
        self.cluster.broker_up(BROKER)
    }

    /// Answers the next two writes, of a record and of its position, as repeats of earlier ones,
    /// and writes nothing.
    pub fn claims_a_repeat(&self) {
        let claim = RDKafkaRespErr::RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER;
        self.cluster.request_errors(RDKafkaApiKey::Produce, &[claim; 2]);
    }

    /// Its address, for any Kafka client on this machine.
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("brokers", &self.brokers()).finish()
    }
}

/// The mock numbers its brokers from one.
const BROKER: i32 = 1;
