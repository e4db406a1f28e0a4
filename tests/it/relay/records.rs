//! The records that consumers get, from a real Kafka: every event of both catalogs, read by our own
//! client and by another one.

use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use support::kafka::{Kafka, Received};
use support::notification::Notification;
use support::relay::Relay;
use support::tools::{project, python, succeed};
use tokio::task::spawn_blocking;

#[tokio::test]
async fn each_event_of_onshape_reaches_a_foreign_consumer_as_its_snapshot_says() {
    each_event_arrives(Provider::Onshape).await;
}

#[tokio::test]
async fn each_event_of_aps_reaches_a_foreign_consumer_as_its_snapshot_says() {
    each_event_arrives(Provider::Aps).await;
}

#[tokio::test]
async fn what_is_in_quarantine_reaches_a_foreign_consumer_as_a_cloudevent() {
    let kafka = Kafka::shared().await;
    let source = "name = 'acme'\nprovider = 'aps'\nproof = { url_token = ['t0ken'] }";
    let relay = Relay::builder().kafka(kafka).source(source).start().await;
    let bodies: [&[u8]; 3] = [b"{\"a\":1}", b"{\"a\":\"\\ud800\"}", b"\xff"];
    for body in bodies {
        let odd = Notification::bare("acme?token=t0ken", body);
        relay.post(&odd).await.assert_quarantined();
    }
    relay.drained().await;

    let topic = relay.topic("quarantine");
    let lines = read_by_python(&kafka.brokers(), &topic, bodies.len()).await;

    assert_eq!(lines.len(), bodies.len());
    for line in lines {
        let event = Foreign::parse(&line);
        assert_eq!(event.attributes["type"], "com.cadrelay.quarantined");
        assert_eq!(event.attributes["source"], "/cadrelay/sources/acme");
        assert_eq!(event.attributes["id"], event.data["id"]);
    }
}

/// Posts every fixture of a provider, and compares what arrives with the fixture's snapshot and
/// bytes.
async fn each_event_arrives(provider: Provider) {
    let kafka = Kafka::shared().await;
    let source = format!("name = 'acme'\nprovider = '{provider}'\nproof = 'none'");
    let relay = Relay::builder().kafka(kafka).source(&source).start().await;
    let mut expected = BTreeMap::new();
    for fixture in fixtures(provider) {
        let notification = Notification::bare("acme", fixture.body.clone())
            .with("x-adsk-delivery-id", DELIVERY)
            .with("traceparent", TRACE);
        let answer = relay.post(&notification).await;
        assert_eq!(answer.receipt(), "accepted", "{}", fixture.name);
        expected.insert(answer.id(), fixture);
    }
    relay.drained().await;

    let mut arrived = 0;
    for group in Group::of(provider) {
        let topic = relay.topic(&format!("{provider}.{group}"));
        let records = relay.read_to_end(&format!("{provider}.{group}")).await;
        for record in &records {
            let id = record.header("ce_id").expect("an event has an id");
            assert_is(record, &expected[id]);
        }
        for line in read_by_python(&kafka.brokers(), &topic, records.len()).await {
            let event = Foreign::parse(&line);
            let id = event.attributes["id"].as_str().expect("an id is text");
            event.assert_is(&expected[id]);
            arrived += 1;
        }
    }
    assert_eq!(arrived, expected.len());
}

/// A body of tests/fixtures, and the record that tests/it/providers says it becomes.
struct Fixture {
    name: String,
    body: Vec<u8>,
    topic: String,
    key: String,
    headers: BTreeMap<String, String>,
    value: Value,
}

fn fixtures(provider: Provider) -> Vec<Fixture> {
    let folder = project().join("tests/fixtures").join(provider.as_str());
    let files = std::fs::read_dir(folder).expect("fixtures");
    files.map(|file| Fixture::read(provider, &file.expect("a fixture").path())).collect()
}

impl Fixture {
    fn read(provider: Provider, file: &Path) -> Self {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let snapshot = project().join(format!("tests/fixtures/records/{provider}/{name}.snap"));
        let snapshot = std::fs::read_to_string(&snapshot).expect("each fixture has a snapshot");
        let (_, record) = snapshot.split_once("\n---\n").expect("a snapshot has a head");
        let (head, value) = record.split_once("\n\n").expect("a record has headers and a value");
        let mut headers: BTreeMap<String, String> = head
            .lines()
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(header, text)| (header.to_owned(), text.to_owned()))
            .collect();
        let mut take = |header: &str| headers.remove(header).expect("each record has it");
        let (topic, key) = (take("topic"), take("key"));
        let (_, _) = (take("ce_receivedtime"), take("ce_sequence"));
        let value = without_time(serde_json::from_str(value).expect("every record is JSON"));
        Self { name, body: std::fs::read(file).expect("a body"), topic, key, headers, value }
    }

    /// The body without the mark that some send before it.
    fn raw(&self) -> &[u8] {
        self.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.body)
    }
}

/// Compares a record as our own client reads it: topic, key, headers, value, and the posted bytes.
#[track_caller]
fn assert_is(record: &Received, fixture: &Fixture) {
    let name = &fixture.name;
    let group = fixture.topic.strip_prefix("cad.").expect("a topic of ours");
    assert!(record.topic.ends_with(group), "{name}: {}", record.topic);
    assert_eq!(record.key_text(), fixture.key, "{name}");
    let mut headers: BTreeMap<String, String> = record
        .headers
        .iter()
        .map(|(header, text)| (header.clone(), String::from_utf8_lossy(text).into_owned()))
        .collect();
    assert!(headers.remove("ce_receivedtime").is_some(), "{name}");
    let sequence = headers.remove("ce_sequence").expect("a sequence");
    assert!(sequence.len() == 20 && sequence.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    assert_eq!(headers, fixture.headers, "{name}");
    let value = record.value.as_deref().expect("a value");
    let end = match fixture.value["rawBase64"].as_str() {
        None => [b"\"raw\":", fixture.raw(), b"}"].concat(),
        Some(text) => {
            let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text);
            assert_eq!(bytes.expect("Base64"), fixture.raw(), "{name}");
            format!("\"rawBase64\":\"{text}\"}}").into_bytes()
        }
    };
    assert!(value.ends_with(&end), "{name}: raw is not what was posted");
    let value = without_time(serde_json::from_slice(value).expect("JSON"));
    assert_eq!(value, fixture.value, "{name}");
}

/// An event as the Python SDK for CloudEvents reads it.
struct Foreign {
    attributes: Map<String, Value>,
    data: Value,
}

impl Foreign {
    fn parse(line: &str) -> Self {
        let (attributes, data) = line.split_once(", \"data\": ").expect("attributes and data");
        let attributes = attributes.strip_prefix("{\"attributes\": ").expect("attributes first");
        Self {
            attributes: serde_json::from_str(attributes).expect("attributes are JSON"),
            data: serde_json::from_str(data.strip_suffix('}').expect("data last")).expect("JSON"),
        }
    }

    #[track_caller]
    fn assert_is(&self, fixture: &Fixture) {
        let name = &fixture.name;
        for (header, text) in &fixture.headers {
            let attribute = match header.strip_prefix("ce_") {
                // The SDK makes a date of it, which Python writes in its own way, and makes up one
                // where there is none.
                Some("time") => continue,
                Some(attribute) => attribute,
                None => "datacontenttype",
            };
            assert_eq!(self.attributes[attribute], text.as_str(), "{name}: {attribute}");
        }
        assert_eq!(self.attributes["partitionkey"], fixture.key.as_str(), "{name}");
        assert_eq!(without_time(self.data.clone()), fixture.value, "{name}");
    }
}

/// The output of consume.py for a topic, one line for each event.
async fn read_by_python(brokers: &str, topic: &str, count: usize) -> Vec<String> {
    let mut command = python();
    command.arg(project().join("tests/kafka/consume.py")).args([brokers, topic]);
    command.arg(count.to_string());
    let printed = spawn_blocking(move || succeed(&mut command)).await.expect("it is read");
    printed.lines().map(str::to_owned).collect()
}

/// The value without the one field that differs each time.
fn without_time(mut value: Value) -> Value {
    let fields = value.as_object_mut().expect("a value is an object");
    assert!(fields.remove("receivedAt").is_some());
    value
}

#[tokio::test]
async fn what_is_not_understood_is_kept_whole_in_quarantine() {
    let relay = Relay::builder().start().await;
    let secret = support::notification::secret(Provider::Aps);
    let bodies: [(&[u8], &str); 4] = [
        (b" [1, 2]\n", "not_an_object"),
        (b"{\"a\":1}", "no_hook"),
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
    ];

    for (body, _) in bodies {
        let odd = Notification::bare("aps", body).signed(Provider::Aps, secret);
        relay.post(&odd).await.assert_quarantined();
    }

    let records = relay.consume("quarantine", bodies.len()).await;
    for (record, (body, reason)) in records.iter().zip(bodies) {
        let value = record.json();
        assert_eq!(record.key_text(), "aps");
        assert_eq!(record.header("ce_specversion"), Some("1.0"));
        assert_eq!(record.header("ce_type"), Some("com.cadrelay.quarantined"));
        assert_eq!(value["reason"], reason);
        assert_eq!(value["source"], "aps");
        assert_eq!(value["provider"], "aps");
        let kept = match value["rawBase64"].as_str() {
            Some(text) => base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap(),
            None => {
                let text = String::from_utf8(record.value.clone().unwrap()).unwrap();
                let (_, raw) = text.split_once("\"raw\":").expect("raw or rawBase64");
                raw.strip_suffix('}').expect("raw is last").as_bytes().to_vec()
            }
        };
        assert_eq!(kept, body);
    }
}

#[tokio::test]
async fn structured_mode_puts_the_attributes_into_the_value() {
    let relay = Relay::builder().set("kafka.encoding", "'structured'").start().await;

    let id = relay.post(&Notification::aps(1)).await.id();

    let records = relay.consume("aps.data", 1).await;
    let content_type = records[0].header("content-type").expect("a content-type");
    assert!(content_type.starts_with("application/cloudevents+json"), "{content_type}");
    let value = records[0].json();
    assert_eq!(value["specversion"], "1.0");
    assert_eq!(value["id"], id.as_str());
    assert_eq!(value["type"], "com.autodesk.aps.dm.version.added");
    assert_eq!(value["data"]["id"], id.as_str());
}

const DELIVERY: &str = "httpadapter~dm~0123456789abcdef0123456789abcdef/1";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
