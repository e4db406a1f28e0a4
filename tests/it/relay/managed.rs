//! Managed Kafka: each way to say who the relay is, as docs/KAFKA.md has it, against a real broker.

use super::configuration::{Said, run_apart};
use std::fs;
use std::path::Path;
use support::kafka::{Isolation, Kafka, secure};
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use support::tools::project;
use tempfile::TempDir;
use tokio::sync::OnceCell;

#[tokio::test]
async fn a_relay_with_a_password_over_tls_delivers_and_a_wrong_one_is_told() {
    let kafka = secured().await;
    let way = Way::of(kafka, "A password", kafka.secured_brokers());

    way.delivers(&[("KAFKA_PASSWORD", secure::PASSWORD)]).await;
    way.refuses(&[("KAFKA_PASSWORD", "wrong-secret-5d1e")]).await;
}

/// The broker's validator is Apache Kafka's own for tests: it believes who the token says it is, and
/// refuses a token without the scope that it asks for.
#[tokio::test]
async fn a_relay_with_a_token_delivers_and_one_without_the_scope_is_told() {
    let kafka = secured().await;
    let way = Way::of(kafka, "A token", kafka.secured_brokers());

    way.delivers(&[("KAFKA_TOKEN", "principal=relay scope=kafka")]).await;
    way.refuses(&[("KAFKA_TOKEN", "principal=relay scope=other-5d1e")]).await;
}

#[tokio::test]
async fn a_relay_with_a_certificate_delivers_and_that_of_another_authority_is_told() {
    let kafka = secured().await;
    let way = Way::of(kafka, "A certificate", kafka.mutual_brokers());

    way.delivers(&[]).await;
    let (certificate, key) = kafka.foreign_certificate();
    way.put(&certificate, "kafka-client.pem");
    way.put(&key, "kafka-client.key");
    way.refuses(&[]).await;
}

#[tokio::test]
async fn a_broker_whose_authority_is_not_trusted_is_told() {
    let kafka = secured().await;
    let way = Way::of(kafka, "A password", kafka.secured_brokers());
    let (stranger, _) = kafka.foreign_certificate();
    way.put(&stranger, "kafka-ca.pem");

    way.refuses(&[("KAFKA_PASSWORD", secure::PASSWORD)]).await;
}

/// The broker that the tests of this file share. Its user may use what the relays of tests need.
async fn secured() -> &'static Kafka {
    static SECURED: OnceCell<Kafka> = OnceCell::const_new();
    SECURED
        .get_or_init(|| async {
            let kafka = Kafka::start_secured().await;
            kafka.allow("ALL", "TOPIC", "t*").await;
            kafka.allow("ALL", "TRANSACTIONAL_ID", "cadrelay-*").await;
            kafka
        })
        .await
}

/// A block of the page, and the files that it names.
struct Way {
    kafka: &'static Kafka,
    brokers: String,
    block: String,
    files: TempDir,
}

impl Way {
    fn of(kafka: &'static Kafka, heading: &str, brokers: String) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let way = Self { kafka, brokers, block: block(heading), files };
        way.put(&kafka.authority(), "kafka-ca.pem");
        way.put(&kafka.certificate(), "kafka-client.pem");
        way.put(&kafka.key(), "kafka-client.key");
        way
    }

    fn put(&self, file: &Path, name: &str) {
        fs::copy(file, self.files.path().join(name)).expect("the file is copied");
    }

    /// With right credentials a notification reaches Kafka, and `check --connect` is content.
    async fn delivers(&self, variables: &[(&str, &str)]) {
        let relay = self.relay(variables).await;
        relay.post(&Notification::onshape(1)).await.assert_accepted();
        relay.drained().await;

        let topic = relay.topic("onshape.document");
        assert_eq!(self.kafka.read_topic(&topic, Isolation::ReadCommitted).await.len(), 1);
        let said = check(&relay, variables).await;
        assert_eq!(said.code, 0, "{said:?}");
        let told = format!("{}{said:?}", relay.log());
        assert!(variables.iter().all(|(_, secret)| !told.contains(secret)), "{told}");
    }

    /// With wrong credentials `check --connect` says so, and shows no secret.
    async fn refuses(&self, variables: &[(&str, &str)]) {
        // It takes notifications all the same; what it is asked here is its configuration.
        let relay = self.relay(variables).await;

        let said = check(&relay, variables).await;

        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.stderr.contains("authentication: the cluster refuses"), "{said:?}");
        let told = format!("{}{said:?}", relay.log());
        assert!(variables.iter().all(|(_, secret)| !told.contains(secret)), "{told}");
    }

    async fn relay(&self, variables: &[(&str, &str)]) -> Relay {
        let folder = self.files.path().display().to_string();
        let mut builder = Relay::builder()
            .kafka(self.kafka)
            .set("kafka.brokers", &format!("'{}'", self.brokers))
            .section(&self.block.replace("/etc/cadrelay/secrets", &folder));
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        builder.start().await
    }
}

async fn check(relay: &Relay, variables: &[(&str, &str)]) -> Said {
    let mut command = cadrelay();
    command.args(["check", "--connect", "--config"]).arg(relay.config());
    command.envs(variables.iter().copied());
    run_apart(command).await
}

/// The block of TOML under the heading that begins so.
fn block(heading: &str) -> String {
    let page = fs::read_to_string(project().join("docs/KAFKA.md")).expect("docs/KAFKA.md");
    let (_, section) = page.split_once(&format!("\n### {heading}")).expect("a heading");
    let (_, block) = section.split_once("```toml\n").expect("a block");
    block.split_once("```").expect("a block ends").0.to_owned()
}
