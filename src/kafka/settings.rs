//! `[kafka]`: the cluster, and the way of records to it.

use crate::event::encoding::Encoding;
use crate::secret::written::Written;
use crate::topics::Names;
use crate::veil;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The settings of `[kafka]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The brokers to begin with: `host:port`, several with commas. Default `localhost:9092`.
    pub brokers: String,
    /// The delivery guarantee. Default `exactly-once`.
    pub delivery: Delivery,
    /// The prefix of all our topics. Default `cad.`.
    pub topic_prefix: String,
    /// The form of a CloudEvent in a record: `binary` or `structured`. Default `binary`.
    pub encoding: Encoding,
    /// Creates missing topics. Default true.
    pub create_topics: bool,
    /// Partitions of topics that we create. Default 6.
    pub partitions: i32,
    /// Replicas of topics that we create. Default: the cluster's.
    pub replication: Option<i32>,
    /// Other names for topics: `"onshape.document" = "plm.onshape"`.
    pub topics: BTreeMap<String, String>,
    /// Any property of librdkafka, such as `"security.protocol"`; secrets are written as elsewhere.
    pub client: BTreeMap<String, Written>,
}

/// The delivery guarantee.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// In transactions: a `read_committed` consumer sees each record once.
    #[default]
    ExactlyOnce,
    /// Without transactions, for clusters that refuse them: after a crash some records repeat.
    AtLeastOnce,
}

impl Delivery {
    /// The name in the configuration and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExactlyOnce => "exactly-once",
            Self::AtLeastOnce => "at-least-once",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: "localhost:9092".to_owned(),
            delivery: Delivery::default(),
            topic_prefix: "cad.".to_owned(),
            encoding: Encoding::default(),
            create_topics: true,
            partitions: 6,
            replication: None,
            topics: BTreeMap::new(),
            client: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The names of our topics.
    pub fn topic_names(&self) -> Names<'_> {
        Names { prefix: &self.topic_prefix, overrides: &self.topics }
    }

    /// Reads the secrets of `[kafka.client]` once, so that every client gets the same. Returns the
    /// faults of those that cannot be read.
    pub fn resolve_secrets(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        for (property, value) in &mut self.client {
            match value.resolve() {
                Ok(secret) => *value = Written::Text(secret.reveal().to_owned()),
                Err(error) => faults.push(format!("kafka.client.\"{property}\": {error}")),
            }
        }
        faults
    }

    /// Returns the faults in these settings, each with its key.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.brokers.trim().is_empty() {
            faults.push("kafka.brokers: empty; expected host:port, several with commas".to_owned());
        }
        if self.brokers.contains('@') {
            faults.push(
                "kafka.brokers: expected host:port without a user; credentials are \"sasl.username\" \
                 and \"sasl.password\" in [kafka.client]"
                    .to_owned(),
            );
        }
        // Of one with a user no part is shown: it may be a password.
        let brokers = self.brokers.split(',').filter(|_| !self.brokers.contains('@'));
        let wrong = brokers.filter(|one| !self.brokers.trim().is_empty() && !is_broker(one));
        faults.extend(wrong.map(|one| {
            format!(
                "kafka.brokers: {} is not host:port, with a port of 1 to 65535",
                veil::value(one)
            )
        }));
        if !(1..=10_000).contains(&self.partitions) {
            faults.push(format!("kafka.partitions: {} is not 1 to 10000", self.partitions));
        }
        if self.replication.is_some_and(|replicas| !(1..=i32::from(i16::MAX)).contains(&replicas)) {
            faults.push("kafka.replication: expected 1 or more".to_owned());
        }
        faults.extend(self.topic_names().faults());
        for (property, reason) in OURS {
            if self.client.contains_key(*property) {
                faults.push(format!("kafka.client.\"{property}\": cannot be set: {reason}"));
            }
        }
        faults
    }
}

/// True for `host`, `host:port`, `[address]:port`, and these after a protocol of Kafka's and `://`.
fn is_broker(written: &str) -> bool {
    let written = written.trim();
    let place = written.split_once("://").map_or(written, |(_, place)| place);
    // The colons of an address in brackets are its own.
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (place, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && !host.contains(char::is_whitespace) && port.is_none_or(is_port)
}

/// Properties that cannot be set, because the relay's promises depend on them.
const OURS: &[(&str, &str)] = &[
    ("acks", "it is always all, or an answered notification could be lost"),
    ("request.required.acks", "acks are always all, or an answered notification could be lost"),
    ("bootstrap.servers", "kafka.brokers says it"),
    ("metadata.broker.list", "kafka.brokers says it"),
    ("enable.idempotence", "it is always on, or order and uniqueness would be lost"),
    ("transactional.id", "it is the spool's instance, so that a copy of it is fenced"),
    ("isolation.level", "positions are read as committed"),
    ("enable.gapless.guarantee", "the relay itself sends again"),
    (
        "sasl.oauthbearer.method",
        "tokens of an identity provider (OIDC) are not built in; a password (SCRAM) and a certificate are",
    ),
    ("max.in.flight", "more than 5 would lose order, and fewer only slow down"),
    ("max.in.flight.requests.per.connection", "more than 5 would lose order"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_with_its_key() {
        let settings = Settings {
            brokers: " ".to_owned(),
            partitions: 0,
            topics: BTreeMap::from([("aps.nothing".to_owned(), "a b".to_owned())]),
            ..Settings::default()
        };

        let faults = settings.faults().join("\n");

        for key in ["kafka.brokers", "kafka.partitions", "kafka.topics.\"aps.nothing\""] {
            assert!(faults.contains(key), "{key} in {faults}");
        }
    }
}
