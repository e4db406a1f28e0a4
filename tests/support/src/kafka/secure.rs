//! A broker as a company runs it, or a cloud: TLS, three ways to say who one is, and rights for each
//! user.
//!
//! One listener takes a password (SCRAM-SHA-512) or a token (OAUTHBEARER) over TLS, another a client's
//! certificate (mTLS). Who comes by any of the three is [`USER`]. The plain listener stays open beside
//! them, for the tests' own eyes: who comes that way may do everything.

use std::{fs, io, path::Path, path::PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rdkafka::ClientConfig;

use super::Kafka;
use crate::tools::{project, python, succeed};

/// A user that a secured broker knows: [`Kafka::start_secured`].
pub const USER: &str = "relay";

/// The password of [`USER`].
pub const PASSWORD: &str = "relay-secret";

impl Kafka {
    /// Starts a broker with further listeners, for clients with TLS. It knows [`USER`], who has no
    /// right to anything until [`Kafka::allow`] gives it.
    pub async fn start_secured() -> Self {
        Self::start_prepared(|kafka| {
            let dir = kafka.dir.path();
            make_certificates(dir)?;
            fs::write(dir.join("extra.properties"), properties(kafka.port, dir))?;
            let user = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
            fs::write(dir.join("format.args"), format!("--add-scram\n{user}\n"))
        })
        .await
    }

    /// The `bootstrap.servers` for a client that comes by TLS with a password or a token.
    pub fn secured_brokers(&self) -> String {
        format!("127.0.0.1:{}", sasl_port(self.port))
    }

    /// The `bootstrap.servers` for a client that comes with a certificate.
    pub fn mutual_brokers(&self) -> String {
        format!("127.0.0.1:{}", mutual_port(self.port))
    }

    /// The certificate of the authority that a client has to trust.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// The certificate of [`USER`].
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("relay.pem")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("relay.key")
    }

    /// A certificate for the same name that the broker's authority did not sign, and its key.
    pub fn foreign_certificate(&self) -> (PathBuf, PathBuf) {
        (self.dir.path().join("foreign.pem"), self.dir.path().join("foreign.key"))
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
fn sasl_port(port: u16) -> u16 {
    port + 2
}

fn mutual_port(port: u16) -> u16 {
    port + 3
}

/// The validator of tokens is the one that Apache Kafka has for tests: it believes a token that
/// nobody signed, and looks at its times and its scope alone.
fn properties(port: u16, dir: &Path) -> String {
    let (sasl, mutual) = (sasl_port(port), mutual_port(port));
    let controller = port + 1;
    let store = dir.join("broker-store.pem");
    let store = store.display();
    let authority = dir.join("authority.pem");
    let authority = authority.display();
    let security = "org.apache.kafka.common.security";
    format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},\
         CLIENT://127.0.0.1:{sasl},MUTUAL://127.0.0.1:{mutual}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},CLIENT://127.0.0.1:{sasl},\
         MUTUAL://127.0.0.1:{mutual}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,\
         CLIENT:SASL_SSL,MUTUAL:SSL\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER\n\
         listener.name.client.scram-sha-512.sasl.jaas.config=\
         {security}.scram.ScramLoginModule required;\n\
         listener.name.client.oauthbearer.sasl.jaas.config=\
         {security}.oauthbearer.OAuthBearerLoginModule required \
         unsecuredLoginStringClaim_sub=\"broker\" \
         unsecuredValidatorRequiredScope=\"kafka\";\n\
         listener.name.client.ssl.keystore.type=PEM\n\
         listener.name.client.ssl.keystore.location={store}\n\
         listener.name.mutual.ssl.keystore.type=PEM\n\
         listener.name.mutual.ssl.keystore.location={store}\n\
         listener.name.mutual.ssl.truststore.type=PEM\n\
         listener.name.mutual.ssl.truststore.location={authority}\n\
         listener.name.mutual.ssl.client.auth=required\n\
         listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:ANONYMOUS\n"
    )
}

/// An authority, and what it signs: the broker's certificate and the relay's. Another relay's is by an
/// authority that nobody trusts.
fn make_certificates(dir: &Path) -> io::Result<()> {
    let ours = authority();
    fs::write(dir.join("authority.pem"), ours.pem())?;
    let (certificate, key) = signed("broker", &ours);
    fs::write(dir.join("broker-store.pem"), key + &certificate)?;
    for (name, authority) in [("relay", &ours), ("foreign", &self::authority())] {
        let (certificate, key) = signed(USER, authority);
        fs::write(dir.join(name).with_extension("pem"), certificate)?;
        fs::write(dir.join(name).with_extension("key"), key)?;
    }
    Ok(())
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params("cadrelay tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, new_key()).expect("an authority")
}

fn signed(name: &str, authority: &CertifiedIssuer<'_, KeyPair>) -> (String, String) {
    let key = new_key();
    let mut params = params(name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
