//! A broker as a company runs it: TLS, SCRAM, and rights for each user.
//!
//! The plain listener stays open beside it, for the tests' own eyes: who comes that way may do
//! everything.

use std::{fs, path::Path, process::Command};

use rdkafka::ClientConfig;

use super::Kafka;
use crate::tools::{project, python, succeed};

/// A user that a secured broker knows: [`Kafka::start_secured`].
pub const USER: &str = "relay";

/// The password of [`USER`].
pub const PASSWORD: &str = "relay-secret";

impl Kafka {
    /// Starts a broker with a further listener, for clients with TLS and SCRAM-SHA-512. It knows
    /// [`USER`], who has no right to anything until [`Kafka::allow`] gives it.
    pub async fn start_secured() -> Self {
        Self::start_prepared(|kafka| {
            let dir = kafka.dir.path();
            make_certificate(dir);
            fs::write(dir.join("extra.properties"), properties(kafka.port, dir))?;
            let user = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
            fs::write(dir.join("format.args"), format!("--add-scram\n{user}\n"))
        })
        .await
    }

    /// What a client's `bootstrap.servers` takes to come by TLS and SCRAM.
    pub fn secured_brokers(&self) -> String {
        format!("127.0.0.1:{}", secured_port(self.port))
    }

    /// The certificate of the authority that a client has to trust: the broker's own.
    pub fn authority(&self) -> std::path::PathBuf {
        self.dir.path().join("broker.pem")
    }

    /// A client's settings to come by TLS and SCRAM as [`USER`].
    pub fn secured_client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.secured_brokers())
            .set("security.protocol", "SASL_SSL")
            .set("ssl.ca.location", self.authority().display().to_string())
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", USER)
            .set("sasl.password", PASSWORD);
        config
    }

    /// Gives [`USER`] a right. `name` may end with a star: `allow("WRITE", "TOPIC", "cad.*")`.
    pub async fn allow(&self, operation: &str, resource: &str, name: &str) {
        self.change_right("allow", operation, resource, name).await;
    }

    /// Denies [`USER`] what is allowed elsewhere, until [`Kafka::undeny`].
    pub async fn deny(&self, operation: &str, resource: &str, name: &str) {
        self.change_right("deny", operation, resource, name).await;
    }

    /// Takes a denial back.
    pub async fn undeny(&self, operation: &str, resource: &str, name: &str) {
        self.change_right("undeny", operation, resource, name).await;
    }

    async fn change_right(&self, change: &str, operation: &str, resource: &str, name: &str) {
        let mut command = python();
        command.arg(project().join("tests/kafka/rights.py")).args([
            change,
            &self.brokers(),
            USER,
            operation,
            resource,
            name,
        ]);
        tokio::task::spawn_blocking(move || succeed(&mut command))
            .await
            .expect("the right is changed");
    }
}

/// The plain listener and the controller's have the two ports before it.
fn secured_port(port: u16) -> u16 {
    port + 2
}

fn properties(port: u16, dir: &Path) -> String {
    let secured = secured_port(port);
    let store = dir.join("broker.p12");
    format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{},CLIENT://127.0.0.1:{secured}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},CLIENT://127.0.0.1:{secured}\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.client.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         listener.name.client.ssl.keystore.type=PKCS12\n\
         listener.name.client.ssl.keystore.location={}\n\
         listener.name.client.ssl.keystore.password={STORE_PASSWORD}\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n",
        port + 1,
        store.display(),
    )
}

/// Java's own tool makes it; a broker needs Java anyway.
fn make_certificate(dir: &Path) {
    let keytool = |arguments: &[&str]| {
        let mut command = Command::new("keytool");
        command.current_dir(dir).args(arguments).args([
            "-keystore",
            "broker.p12",
            "-storetype",
            "PKCS12",
            "-storepass",
            STORE_PASSWORD,
            "-alias",
            "broker",
        ]);
        succeed(&mut command);
    };
    keytool(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-validity",
        "30",
        "-dname",
        "CN=cadrelay tests",
        "-ext",
        "SAN=IP:127.0.0.1",
    ]);
    keytool(&["-exportcert", "-rfc", "-file", "broker.pem"]);
}

/// Of a key that lives as long as the test.
const STORE_PASSWORD: &str = "cadrelay-tests";
