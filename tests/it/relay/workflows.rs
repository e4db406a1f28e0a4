//! The documents' workflows, whole: a provider, the relay, a real Kafka and the commands of a user.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use support::kafka::Kafka;
use support::notification::secret;
use support::provider::{Output, Simulator, command, run};
use support::relay::Relay;
use support::waiting::eventually;

pub const DOCUMENT: &str = "0f9c4392e5934f30b48ab645";
pub const FOLDER: &str = "urn:adsk.wipprod:fs.folder:co.KR3Fw7mhRkmKqhMvTOIBaA";
pub const CHANGED: &str = "onshape.model.lifecycle.changed";

/// A provider that signs with the secrets of the harness's sources, tries nothing twice, and loses
/// its patience with an APS hook at the second event that does not get through.
pub fn simulator(provider: Provider) -> Simulator {
    let key = match provider {
        Provider::Onshape => "ONSHAPE_WEBHOOK_KEY",
        Provider::Aps => "APS_WEBHOOK_SECRET",
    };
    let arguments = [provider.as_str(), "--retries", "0", "--cancel-after", "2"];
    Simulator::start_with(&arguments, &[(key, secret(provider))])
}

/// An address that the kernel gives to no outgoing connection, so that a relay finds it again.
pub fn address_of_its_own() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = (std::process::id() % 100 * 20) as u16;
    let mut ports =
        (0..2_000).map(|_| 30_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 2_000);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    format!("127.0.0.1:{}", ports.find(free).expect("a port is free"))
}

pub fn changed() -> Value {
    json!({ "event": CHANGED, "documentId": DOCUMENT })
}

pub fn version_added() -> Value {
    json!({ "event": "dm.version.added", "scope": { "folder": FOLDER } })
}

/// The events and hooks of the records, in order.
fn told(records: &[support::kafka::Received]) -> Vec<(String, String)> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let values = records.iter().map(|record| record.json());
    values.map(|value| (text(&value, "event"), text(&value, "webhookId"))).collect()
}

#[tokio::test]
async fn a_hook_at_onshape_is_in_kafka_from_its_register_to_its_unregister() {
    let relay = Relay::builder().kafka(Kafka::shared().await).start().await;
    let onshape = simulator(Provider::Onshape);
    let webhook = |arguments: &[&str]| {
        onshape.webhook(&[arguments, &["--provider", "onshape"]].concat()).json()
    };
    let url = format!("http://{}/webhooks/onshape", relay.ingest());
    let scope = format!("documentId={DOCUMENT}");

    let created =
        webhook(&["create", "-u", &url, "-e", CHANGED, "--scope", &scope, "--data", "relay-7"]);
    let hook = created["id"].as_str().unwrap();
    relay.consume("onshape.lifecycle", 1).await;
    assert_eq!(onshape.happen(&changed()), 1);
    let event = relay.consume("onshape.document", 1).await.remove(0);
    let text = "Send a notification each time a document changes.";
    assert_eq!(webhook(&["update", hook, "--description", text])["description"], text);
    webhook(&["ping", hook]);
    relay.consume("onshape.lifecycle", 2).await;
    assert_eq!(webhook(&["list"])[0]["id"], hook);
    webhook(&["delete", hook]);
    let lifecycle = relay.consume("onshape.lifecycle", 3).await;

    assert_eq!(event.key_text(), DOCUMENT);
    assert_eq!(event.header("ce_source"), Some(&*format!("/onshape/webhooks/{hook}")));
    let value = event.json();
    assert_eq!(value["event"], CHANGED);
    assert_eq!(value["webhookId"], hook);
    assert_eq!(value["attributes"]["data"], "relay-7");
    assert_eq!(value["verified"], "hmac");
    let step = |event: &str| (event.to_owned(), hook.to_owned());
    let life = ["webhook.register", "webhook.ping", "webhook.unregister"].map(step);
    assert_eq!(told(&lifecycle), life);
    assert_eq!(onshape.happen(&changed()), 0);
}

#[tokio::test]
async fn a_hook_at_aps_is_silent_after_an_outage_of_the_relay_until_it_is_woken() {
    let listen = address_of_its_own();
    let builder = Relay::builder().kafka(Kafka::shared().await);
    let mut relay = builder.set("http.listen", &format!("'{listen}'")).start().await;
    let aps = simulator(Provider::Aps);
    let webhook =
        |arguments: &[&str]| aps.webhook(&[arguments, &["--provider", "aps"]].concat()).json();
    let (url, scope) = (format!("http://{listen}/webhooks/aps"), format!("folder={FOLDER}"));

    let created = webhook(&["create", "-u", &url, "-e", "dm.version.added", "--scope", &scope]);
    let hook = created["id"].as_str().unwrap();
    assert_eq!(aps.happen(&version_added()), 1);
    relay.consume("aps.data", 1).await;

    relay.kill();
    assert_eq!(aps.happen(&version_added()), 1);
    aps.wait_for_deliveries(2);
    assert_eq!(aps.happen(&version_added()), 1);
    eventually("the hook is inactive", async || {
        (webhook(&["get", hook])["status"] == "inactive").then_some(())
    })
    .await;
    assert_eq!(aps.happen(&version_added()), 0, "what happens now is lost");
    relay.restart().await;
    assert_eq!(webhook(&["update", hook, "--status", "active"])["status"], "active");
    assert_eq!(aps.happen(&version_added()), 1);

    let records = relay.consume("aps.data", 2).await;
    let step = || ("dm.version.added".to_owned(), hook.to_owned());
    assert_eq!(told(&records), [step(), step()], "no record of what was not delivered");
    assert_eq!(records[1].header("ce_source"), Some(&*format!("/aps/hooks/{hook}")));
    assert_eq!(records[1].json()["verified"], "hmac");
}

#[tokio::test]
async fn each_example_of_the_raps_document_does_what_it_says() {
    let relay = Relay::builder().kafka(Kafka::shared().await).start().await;
    let aps = simulator(Provider::Aps);
    let url = format!("http://{}/webhooks/aps", relay.ingest());
    let key = secret(Provider::Aps);
    let webhook = |arguments: &[&str]| aps.webhook(arguments);
    let test = |arguments: &[&str]| {
        let outcome = run(command().args(["webhook", "test", &url]).args(arguments)).json();
        let receipt: Value = serde_json::from_str(outcome["message"].as_str().unwrap()).unwrap();
        receipt["status"].as_str().unwrap().to_owned()
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let payload = sample::body(Provider::Aps, "dm.folder.added", 7, Timestamp::now());
    file.write_all(&payload).unwrap();
    let payload_file = file.path().to_str().unwrap();

    // raps webhook list
    let none = webhook(&["list", "--provider", "aps", "--output", "table"]);
    assert_eq!(none.stdout, "No webhooks found.\n");
    // raps webhook create --url U --event E: APS wants a scope, and where nobody can be asked the
    // command says so.
    let create = ["create", "--provider", "aps", "--url", &url, "--event", "dm.version.added"];
    webhook(&create).assert_refused(2, &["folder"]);
    let scope = ["--scope", &format!("folder={FOLDER}")];
    let hook = webhook(&[&create[..], &scope].concat()).id();
    // raps webhook list --output json
    let listed = webhook(&["list", "--provider", "aps", "--output", "json"]).json();
    assert_eq!(listed[0]["id"], hook);
    // raps webhook events
    let events = run(command().args(["webhook", "events", "--provider", "aps"])).json();
    assert!(events.as_array().unwrap().iter().any(|row| row["event"] == "dm.version.added"));
    // raps webhook test URL --secret S
    assert_eq!(test(&["--secret", key]), "accepted");
    // … --event extraction.finished
    assert_eq!(test(&["--secret", key, "--event", "extraction.finished"]), "accepted");
    // … --payload-file F
    assert_eq!(test(&["--secret", key, "--payload-file", payload_file]), "accepted");
    assert_eq!(test(&["--secret", key, "--payload-file", payload_file]), "duplicate");
    // … --count 5, which no document has: a short burst.
    let burst = ["--secret", key, "--payload-file", payload_file, "--count", "5"];
    let summary = run(command().args(["webhook", "test", &url]).args(burst)).json();
    assert_eq!(summary["receipts"], json!({ "duplicate": 5 }));
    // raps webhook test URL, which the relay does not believe.
    let unsigned: Output = run(command().args(["webhook", "test", &url]));
    assert_eq!(unsigned.exit, 1, "{unsigned:?}");
    assert!(unsigned.stdout.contains("401"), "{unsigned:?}");
    // raps webhook delete ID --system S --event E
    let delete = ["delete", "--provider", "aps", &hook, "--system", "data"];
    let deleted = webhook(&[&delete[..], &["--event", "dm.version.added"]].concat()).json();
    assert_eq!(deleted, json!({ "id": hook, "deleted": true }));

    relay.drained().await;
    let data = relay.consume("aps.data", 2).await;
    let event = |event: &str| {
        let value = data.iter().map(|record| record.json()).find(|value| value["event"] == event);
        value.unwrap_or_else(|| panic!("no {event} in {data:?}"))
    };
    event("dm.version.added");
    let raw: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(event("dm.folder.added")["raw"], raw);
    let derivative = relay.consume("aps.derivative", 1).await;
    assert_eq!(derivative[0].json()["event"], "extraction.finished");
}
