//! The running program: the real binary in a process of its own, with a spool of its own.
//!
//! # Promises
//! - What [`Builder::start`] returns has said where it listens; a relay that does not come up fails
//!   the test, with its log.
//! - [`Relay::restart`] keeps the spool and the configuration, and the handles of
//!   [`Relay::sender`] find it again; its ports are new ones.
//! - No relay outlives its value, nor the test process. A failed test shows the end of its log.

mod answer;
mod broker;
mod metrics;

pub use answer::{Answer, Sender};
pub use broker::Broker;
pub use metrics::Metrics;

use super::kafka::{
    Kafka,
    reader::{self, Isolation, Received},
};
use super::notification::{Notification, secret};
use super::process::{launch, limit_descriptors, signal};
use super::tools::{program, scratch};
use super::waiting::eventually;
use cadrelay::event::provider::Provider;
use rdkafka::ClientConfig;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::watch, task::spawn_blocking};

/// The program under test, for commands other than `serve`.
pub fn cadrelay() -> Command {
    let mut command = Command::new(program());
    // The machine's own configuration must not matter here.
    command.env_remove("CADRELAY_CONFIG").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// The settings with which a relay is started.
pub struct Builder {
    broker: Option<Broker>,
    settings: BTreeMap<String, String>,
    sources: Vec<String>,
    sections: String,
    environment: Vec<(String, String)>,
    descriptors: Option<(u64, u64)>,
}

impl Builder {
    /// Publishes to this Kafka instead of an embedded one. Topics get a prefix of the test's own.
    pub fn kafka(mut self, kafka: &Kafka) -> Self {
        self.broker = Some(Broker::at(kafka.client()));
        self
    }

    /// Publishes to where a client with these settings finds it, with the same settings.
    pub fn kafka_with(mut self, client: ClientConfig) -> Self {
        // The map says which properties there are, and hides the values of secret ones.
        for property in client.config_map().into_keys() {
            let value = client.get(property).expect("a property that is set has a value");
            if property != "bootstrap.servers" {
                self = self.set(&format!("kafka.client.\"{property}\""), &quoted(value));
            }
        }
        self.broker = Some(Broker::at(client));
        self
    }

    /// A setting, its value as TOML: `("kafka.partitions", "3")`, `("dedup.window", "'2s'")`.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A further source, as the TOML of its fields: `name = "other"` and so on. The first replaces
    /// the usual two, `onshape` and `aps`, each with an `hmac` secret, [`secret`].
    pub fn source(mut self, fields: &str) -> Self {
        self.sources.push(fields.to_owned());
        self
    }

    /// A section as a page has it, with its head: `[kafka.client]` and so on.
    pub fn section(mut self, toml: &str) -> Self {
        self.sections.push_str(toml);
        self
    }

    /// A variable of the process's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The soft and the hard limit of open files that it is started with.
    pub fn descriptors(mut self, soft: u64, hard: u64) -> Self {
        self.descriptors = Some((soft, hard));
        self
    }

    /// Starts it. Fails the test if it does not come up.
    pub async fn start(self) -> Relay {
        let mut relay = self.build();
        relay.launch().await;
        relay
    }

    /// Starts what is expected not to come up: how it ended, and its log.
    pub async fn start_in_vain(self) -> (ExitStatus, String) {
        let mut relay = self.build();
        relay.spawn();
        let status = relay.ended().await;
        (status, relay.log())
    }

    fn build(mut self) -> Relay {
        let dir = tempfile::Builder::new()
            .prefix("relay-")
            .tempdir_in(scratch())
            .expect("a folder for the relay");
        let broker = self.broker.take().unwrap_or_else(Broker::embedded);
        let usual = [
            ("http.listen", "'127.0.0.1:0'".to_owned()),
            ("admin.listen", "'127.0.0.1:0'".to_owned()),
            ("kafka.brokers", quoted(&broker.address())),
            ("kafka.topic_prefix", quoted(&broker.prefix())),
            ("kafka.create_topics", broker.creates_topics().to_string()),
            ("kafka.partitions", "3".to_owned()),
            ("spool.dir", quoted(&dir.path().join("spool").display().to_string())),
            // Test machines have small disks, and no test fills one without meaning to.
            ("spool.disk_reserve", "'16MiB'".to_owned()),
        ];
        for (key, value) in usual {
            self.settings.entry(key.to_owned()).or_insert(value);
        }
        if self.sources.is_empty() {
            self.sources = Provider::ALL.map(usual_source).into();
        }
        let mut text = String::new();
        for (key, value) in &self.settings {
            text.push_str(&format!("{key} = {value}\n"));
        }
        for source in &self.sources {
            text.push_str(&format!("[[sources]]\n{source}\n"));
        }
        text.push_str(&self.sections);
        fs::write(dir.path().join("cadrelay.toml"), text).expect("the configuration is written");
        // An HTTPS client needs to be told whose cryptography it uses.
        drop(rustls::crypto::ring::default_provider().install_default());
        Relay {
            dir,
            broker,
            environment: self.environment,
            descriptors: self.descriptors,
            process: None,
            ingest: watch::Sender::new(None),
            admin: None,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                // A relay closes idle connections when others need their room, perhaps just as the
                // next request goes out.
                .pool_idle_timeout(Duration::from_secs(2))
                .build()
                .expect("an HTTP client"),
            runs: 0,
        }
    }
}

/// A relay, running or stopped.
pub struct Relay {
    dir: TempDir,
    broker: Broker,
    environment: Vec<(String, String)>,
    descriptors: Option<(u64, u64)>,
    process: Option<Child>,
    ingest: watch::Sender<Option<SocketAddr>>,
    admin: Option<SocketAddr>,
    client: reqwest::Client,
    runs: u32,
}

impl Relay {
    /// A relay with an embedded Kafka and the two usual sources, unless told otherwise.
    pub fn builder() -> Builder {
        Builder {
            broker: None,
            settings: BTreeMap::new(),
            sources: Vec::new(),
            sections: String::new(),
            environment: Vec::new(),
            descriptors: None,
        }
    }

    /// The address of the ingest listener.
    pub fn ingest(&self) -> SocketAddr {
        self.ingest.borrow().expect("a running relay")
    }

    /// The address of the admin listener.
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("a running relay")
    }

    /// The folder with the configuration, `cadrelay.toml`, the log and the spool.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("cadrelay.toml")
    }

    /// A client that posts to this relay, also after it has restarted.
    pub fn sender(&self) -> Sender {
        Sender::new(self.client.clone(), self.ingest.subscribe())
    }

    /// Posts a notification. Fails the test if there is no answer.
    pub async fn post(&self, notification: &Notification) -> Answer {
        self.sender().post(notification).await.expect("an answer")
    }

    /// Asks the ingest listener.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(reqwest::Method::GET, self.ingest(), path).await
    }

    /// Asks the admin listener.
    pub async fn ask(&self, path: &str) -> Answer {
        self.request(reqwest::Method::GET, self.admin(), path).await
    }

    /// Asks the admin listener with a bearer token.
    pub async fn ask_with_token(&self, path: &str, token: &str) -> Answer {
        let request = self.client.get(format!("http://{}{path}", self.admin())).bearer_auth(token);
        Answer::read(request.send().await.expect("an answer")).await.expect("a whole answer")
    }

    /// A request without a body.
    pub async fn request(&self, method: reqwest::Method, to: SocketAddr, path: &str) -> Answer {
        let response = self.client.request(method, format!("http://{to}{path}")).send().await;
        Answer::read(response.expect("an answer")).await.expect("a whole answer")
    }

    /// One look at all series.
    pub async fn metrics(&self) -> Metrics {
        let answer = self.ask("/metrics").await;
        assert_eq!(answer.status, 200);
        Metrics::parse(&answer.body)
    }

    /// The answer of `/readyz`: true if ready, and the body.
    pub async fn ready(&self) -> (bool, Value) {
        let answer = self.ask("/readyz").await;
        (answer.status == 200, answer.json())
    }

    /// The answer of `/api/status`.
    pub async fn status(&self) -> Value {
        self.ask("/api/status").await.json()
    }

    /// Waits until nothing waits in the spool.
    pub async fn drained(&self) {
        eventually("the spool is empty", async || {
            (self.metrics().await.sum("cadrelay_spool_pending") == 0.0).then_some(())
        })
        .await;
    }

    /// Takes the embedded Kafka away.
    pub fn kafka_goes_away(&self) {
        self.broker.mock().goes_away().expect("the mock goes down");
    }

    /// Brings it back.
    pub fn kafka_comes_back(&self) {
        self.broker.mock().comes_back().expect("the mock comes up");
    }

    /// Lets the embedded Kafka take the next record for a repeat of what it never had.
    pub fn kafka_claims_a_repeat(&self) {
        self.broker.mock().claims_a_repeat();
    }

    /// The address of its Kafka.
    pub fn brokers(&self) -> String {
        self.broker.address()
    }

    /// The full name of a topic of ours: `onshape.document`.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.broker.prefix())
    }

    /// The records of one of our topics as a consumer gets them, once there are `count`.
    pub async fn consume(&self, topic: &str, count: usize) -> Vec<Received> {
        let (client, topic) = (self.broker.client(), self.topic(topic));
        spawn_blocking(move || reader::read_count(client, &topic, Isolation::ReadCommitted, count))
            .await
            .expect("the reading does not panic")
    }

    /// The records of one of our topics as a consumer gets them, to the end that it has now.
    pub async fn read_to_end(&self, topic: &str) -> Vec<Received> {
        let (client, topic) = (self.broker.client(), self.topic(topic));
        spawn_blocking(move || reader::read_to_end(client, &topic, Isolation::ReadCommitted))
            .await
            .expect("the reading does not panic")
    }

    /// Stops it as a service manager does: how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.ended().await
    }

    /// Sends a signal.
    pub fn signal(&self, number: libc::c_int) {
        signal(self.pid(), number);
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running relay").id()
    }

    /// Kills it, as a power cut would look to others.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running relay");
        self.ingest.send_replace(None);
        process.kill().expect("a process of ours can be killed");
        process.wait().expect("a killed process ends");
    }

    /// Starts it again, on the same spool and with the same configuration, after killing it if it
    /// runs.
    pub async fn restart(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
        self.launch().await;
    }

    /// Waits until it ends by itself: how it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let process = self.process.as_mut().expect("a running relay");
        let status = eventually("the relay ends", async || {
            process.try_wait().expect("a child of ours can be asked")
        })
        .await;
        self.process = None;
        self.ingest.send_replace(None);
        status
    }

    /// The log of the current run, or of the last one.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The same, each line as the JSON that it is.
    pub fn log_lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("a log line is not JSON: {line}"))
        };
        whole.lines().map(parse).collect()
    }

    /// Waits for a line of the log with this `event`.
    pub async fn logged(&self, event: &str) -> Value {
        eventually(&format!("the log says {event}"), async || {
            self.log_lines().into_iter().find(|line| line["event"] == event)
        })
        .await
    }

    async fn launch(&mut self) {
        self.spawn();
        let (mut process, file) = (self.process.take().expect("just started"), self.log_file());
        let listening = eventually("the relay listens", async || {
            let log = fs::read_to_string(&file).unwrap_or_default();
            if let Some(status) = process.try_wait().expect("a child of ours can be asked") {
                panic!("the relay ended while starting: {status}\n{log}");
            }
            let said = |line: &str| serde_json::from_str::<Value>(line).ok();
            log.lines().filter_map(said).find(|line| line["event"] == "listening")
        })
        .await;
        let address = |field: &str| {
            let text = listening[field].as_str().expect("an address as text");
            text.parse().expect("an address")
        };
        self.process = Some(process);
        self.admin = Some(address("admin"));
        self.ingest.send_replace(Some(address("ingest")));
    }

    fn spawn(&mut self) {
        assert!(self.process.is_none(), "the relay still runs");
        self.runs += 1;
        let log = File::create(self.log_file()).expect("a log file");
        let mut command = cadrelay();
        command
            .args(["serve", "--log-format", "json", "--config"])
            .arg(self.config())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        if let Some((soft, hard)) = self.descriptors {
            limit_descriptors(&mut command, soft, hard);
        }
        self.process = Some(launch(command).expect("the relay's binary starts"));
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join(format!("run-{}.log", self.runs))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // There is nobody to tell if it fails.
            drop(process.kill());
            drop(process.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            eprintln!("the relay's log ends:\n{}", shown.join("\n"));
        }
    }
}

fn usual_source(provider: Provider) -> String {
    let secret = secret(provider);
    format!("name = '{provider}'\nprovider = '{provider}'\nproof = {{ hmac = ['{secret}'] }}")
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

const LOG_LINES_SHOWN: usize = 40;
