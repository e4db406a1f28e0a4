//! The records that the consumers read: of every topic, from two relays, one for each encoding.

use super::id_of;
use cadrelay::event::{group::Group, provider::Provider};
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::kafka::Kafka;
use support::notification::Notification;
use support::relay::Relay;
use support::tools::project;
use tokio::task::spawn_blocking;

/// The events of one document, in the order in which they were posted.
pub const ORDER: [&str; 5] = ["one", "two", "three", "four", "five"];

/// Two relays on one real Kafka, and the ids of what they published.
pub struct Published {
    kafka: &'static Kafka,
    binary: Relay,
    structured: Relay,
    ids: Vec<String>,
}

impl Published {
    /// Posts all fixtures of both providers, a few more, and bodies for the quarantine to each of two
    /// relays.
    pub async fn by_two_relays() -> Self {
        let kafka = Kafka::shared().await;
        let binary = relay(kafka, "binary").await;
        let structured = relay(kafka, "structured").await;
        let mut ids = Vec::new();
        for (relay, encoding) in [(&binary, "binary"), (&structured, "structured")] {
            for (provider, body) in bodies() {
                let notification = Notification::bare(&format!("{encoding}-{provider}"), body);
                let answer = relay.post(&notification).await;
                if answer.receipt() != "duplicate" {
                    ids.push(answer.id());
                }
            }
            relay.drained().await;
            assert_every_topic_has_records(relay).await;
            let between = format!("{encoding}-between");
            beside_aborted_transactions(kafka, relay, &between).await;
            ids.push(between);
        }
        let mut published = Self { kafka, binary, structured, ids };
        for name in ORDER {
            let id = published.change_the_document(name).await;
            published.ids.push(id);
        }
        published.ids.sort();
        published
    }

    /// The id of each event, sorted; one that both relays published is there twice.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Posts one more change of the document: its id.
    pub async fn change_the_document(&self, name: &str) -> String {
        let body = json!({ "event": "onshape.model.lifecycle.changed", "messageId": name,
            "documentId": "ordered", "timestamp": "2024-05-06T04:45:10.611+0000" });
        let notification = Notification::bare("binary-onshape", body.to_string());
        self.binary.post(&notification).await.assert_accepted();
        name.to_owned()
    }

    /// The names of the document's events in the order of these lines.
    pub fn order_of_the_document<'l>(&self, lines: &'l [String]) -> Vec<&'l str> {
        lines.iter().map(|line| id_of(line)).filter(|id| ORDER.contains(id)).collect()
    }

    pub fn brokers(&self) -> String {
        self.kafka.brokers()
    }

    /// The prefix of its topics, which no other test uses.
    pub fn prefix(&self) -> String {
        self.binary.topic("")
    }

    /// The topics of both relays as a regular expression that every client takes.
    pub fn pattern(&self) -> String {
        let of = |relay: &Relay| relay.topic("").replace('.', r"\.");
        let prefixes = format!("({}|{})", of(&self.binary), of(&self.structured));
        format!(r"^{prefixes}(onshape\..*|aps\..*|quarantine)$")
    }

    /// A folder of the test's own.
    pub fn dir(&self) -> &Path {
        self.binary.dir()
    }
}

async fn relay(kafka: &Kafka, encoding: &str) -> Relay {
    let source = |of: &str| format!("name = '{encoding}-{of}'\nprovider = '{of}'\nproof = 'none'");
    Relay::builder()
        .kafka(kafka)
        .set("kafka.encoding", &format!("'{encoding}'"))
        .source(&source("onshape"))
        .source(&source("aps"))
        .start()
        .await
}

/// The fixtures of both providers, events of which docs/EVENTS.md tells more, and what is authentic
/// and not understood.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let mut bodies: Vec<(&str, Vec<u8>)> = Vec::new();
    for provider in Provider::ALL {
        let folder = project().join("tests/fixtures").join(provider.as_str());
        for file in fs::read_dir(folder).expect("fixtures") {
            let body = fs::read(file.expect("a fixture").path()).expect("a body");
            bodies.push((provider.as_str(), body));
        }
        bodies.push((provider.as_str(), br#"{"nothing":"that we know"}"#.to_vec()));
    }
    let onshape = |event: &str, rest: Value| {
        let mut body = json!({ "event": event, "messageId": event, "documentId": "d" });
        body.as_object_mut().expect("an object").extend(rest.as_object().expect("one").clone());
        ("onshape", body.to_string().into_bytes())
    };
    let aps = |event: &str, system: &str, payload: Value| {
        let hook = json!({ "hookId": "h", "event": event, "system": system });
        let body = json!({ "hook": hook, "payload": payload, "resourceUrn": "urn:v?version=2" });
        ("aps", body.to_string().into_bytes())
    };
    let processed = json!({ "custom-metadata": { "storm:process-state": "PROCESSING_COMPLETE" } });
    bodies.extend([
        onshape("onshape.model.translation.complete", json!({ "translationId": "t-1" })),
        onshape("onshape.revision.created", json!({ "partNumber": "PRT-1", "releaseId": "r-1" })),
        onshape("onshape.unheard.of", json!({})),
        aps("dm.version.modified", "data", processed),
        aps("extraction.finished", "derivative", json!({ "Payload": { "status": "failed" } })),
    ]);
    bodies
}

async fn assert_every_topic_has_records(relay: &Relay) {
    let metrics = relay.metrics().await;
    let groups = Provider::ALL.into_iter().flat_map(|provider| {
        Group::of(provider).iter().map(move |group| format!("{provider}.{group}"))
    });
    for name in groups.chain(["quarantine".to_owned()]) {
        let topic = relay.topic(&name);
        let published = metrics.get("cadrelay_published_total", &[("topic", &topic)]);
        assert!(published > 0.0, "nothing was published to {topic}");
    }
}

/// Puts a record of a committed transaction between those of two that are aborted, all of one
/// producer, as the relay's own are when a topic is in trouble.
async fn beside_aborted_transactions(kafka: &Kafka, relay: &Relay, id: &str) {
    let producer: BaseProducer = kafka
        .client()
        .set("transactional.id", format!("{id}-{}", relay.topic("")))
        .create()
        .expect("a producer");
    let (topic, id) = (relay.topic("onshape.document"), id.to_owned());
    spawn_blocking(move || {
        producer.init_transactions(DEADLINE).expect("a transactional producer");
        for (id, commits) in [("aborted", false), (id.as_str(), true), ("aborted", false)] {
            producer.begin_transaction().expect("a transaction");
            let value =
                json!({ "id": id, "source": "other", "receivedAt": "2026-11-22T07:00:00.123Z",
                "raw": {} })
                .to_string();
            let mut headers = OwnedHeaders::new();
            for (key, value) in [
                ("content-type", "application/json"),
                ("ce_specversion", "1.0"),
                ("ce_id", id),
                ("ce_source", "/onshape/webhooks"),
                ("ce_type", "com.onshape.other"),
            ] {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let record = BaseRecord::to(&topic).key("k").payload(&value).headers(headers);
            producer.send(record.partition(0)).expect("room in the queue");
            producer.flush(DEADLINE).expect("it is sent");
            if commits {
                producer.commit_transaction(DEADLINE).expect("it commits");
            } else {
                producer.abort_transaction(DEADLINE).expect("it aborts");
            }
        }
    })
    .await
    .expect("no panic");
}

const DEADLINE: Duration = Duration::from_secs(30);
