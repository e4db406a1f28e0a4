//! A real Apache Kafka on loopback, and what a consumer finds in it.
//!
//! # Promises
//! - A broker that has started answers metadata requests; one that does not start fails the test,
//!   with the end of its log. Nothing is skipped when Kafka is missing.
//! - It comes back on the same port with the same data: [`Kafka::restart`].
//! - No broker outlives the test process, however that ends.
//!
//! `tests/kafka/start` says how the broker is run; the jars come from `tests/kafka/fetch`, or from
//! the folder that `CADRELAY_KAFKA_LIBS` names.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    process::{launch, signal},
    tools::{project, scratch, tool},
};

use rdkafka::{
    ClientConfig,
    admin::{
        AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout};

mod admin;
pub mod blinding;
pub mod cluster;
pub mod reader;
pub mod secure;
pub mod three;

pub use reader::{Isolation, Received};

/// One broker, which is its own controller. It ends with this value.
pub struct Kafka {
    port: u16,
    /// The ports of the other brokers that its clients are told of: [`three`].
    others: Vec<u16>,
    dir: TempDir,
    process: Option<Child>,
    compiler: Compiler,
}

/// The Java compiler for the broker's code.
#[derive(Clone, Copy, Debug)]
enum Compiler {
    /// The quick compiler alone: a test's broker lives for seconds, and the better one would not pay
    /// for itself.
    Quick,
    /// As in production.
    Best,
}

impl Kafka {
    /// Starts a broker with nothing in it.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts a broker whose cost is measured: it runs as in production.
    pub async fn start_measured() -> Self {
        Self::start_prepared_for(Compiler::Best, |_| Ok(())).await
    }

    /// Starts a broker with further lines in its `server.properties`.
    pub async fn start_with(properties: &str) -> Self {
        Self::start_prepared(|kafka| {
            fs::write(kafka.dir.path().join("extra.properties"), properties)
        })
        .await
    }

    /// Starts a broker after `prepare` has written into its folder what `tests/kafka/start` reads.
    async fn start_prepared(prepare: impl Fn(&Self) -> io::Result<()>) -> Self {
        Self::start_prepared_for(Compiler::Quick, prepare).await
    }

    async fn start_prepared_for(
        compiler: Compiler,
        prepare: impl Fn(&Self) -> io::Result<()>,
    ) -> Self {
        // A port can be lost between the look at it and the broker's own bind. Then another is as good.
        for _ in 0..3 {
            let mut kafka = Self::unstarted(compiler);
            prepare(&kafka).expect("the broker's folder is writable");
            match kafka.run().await {
                Ok(()) => return kafka,
                Err(Unready::PortTaken) => continue,
                Err(Unready::Failed(why)) => panic!("{why}\n{}", kafka.log_end()),
            }
        }
        panic!("three times in a row a broker found its port taken");
    }

    /// A broker with a port and a folder, which does not run yet.
    fn unstarted(compiler: Compiler) -> Self {
        let dir = tempfile::Builder::new()
            .prefix(&format!("kafka-{}-", std::process::id()))
            .tempdir_in(data_root())
            .expect("a folder for the broker's data");
        Self { port: free_port(), others: Vec::new(), dir, process: None, compiler }
    }

    /// The broker that all tests of this process share. Use topics of your own in it, and do not
    /// stop it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Kafka> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The `bootstrap.servers` for a client.
    pub fn brokers(&self) -> String {
        self.addresses().join(",")
    }

    /// Its address, and those of the other brokers that its clients know.
    fn addresses(&self) -> Vec<String> {
        let ports = std::iter::once(&self.port).chain(&self.others);
        ports.map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// A client's settings, without more than the address.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers());
        config
    }

    /// Stops the broker in good order, as an operator would.
    pub async fn stop(&mut self) {
        let mut process = self.process.take().expect("a running broker");
        let pid = process.id();
        signal(pid, libc::SIGTERM);
        let ended = timeout(STOP_DEADLINE, spawn_blocking(move || process.wait())).await;
        if ended.is_err() {
            signal(pid, libc::SIGKILL);
            panic!("the broker did not stop within {STOP_DEADLINE:?}\n{}", self.log_end());
        }
    }

    /// Kills the broker, as a power cut of its machine would look to its clients.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running broker");
        process.kill().expect("a process of ours can be killed");
        process.wait().expect("a killed process ends");
    }

    /// Freezes the broker: its connections stay open and nothing is answered.
    pub fn pause(&self) {
        signal(self.pid(), libc::SIGSTOP);
    }

    /// Wakes a paused broker.
    pub fn resume(&self) {
        signal(self.pid(), libc::SIGCONT);
    }

    /// Starts a stopped or killed broker again: same port, same data.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker still runs");
        match self.run().await {
            Ok(()) => {}
            Err(Unready::PortTaken) => panic!("another took port {}", self.port),
            Err(Unready::Failed(why)) => panic!("{why}\n{}", self.log_end()),
        }
    }

    /// Makes a topic that every broker holds. `settings` are Kafka's topic settings, such as
    /// `max.message.bytes`.
    pub async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let replicas = i32::try_from(1 + self.others.len()).expect("a few brokers");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(START_DEADLINE));
        let made = admin.create_topics([&topic], &options).await.expect("an answer to the request");
        for outcome in made {
            outcome.expect("the topic is made");
        }
    }

    /// Changes a topic's settings; those that are not named go back to their defaults.
    pub async fn alter_topic(&self, name: &str, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().expect("an admin client");
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in settings {
            change = change.set(key, value);
        }
        let options = AdminOptions::new().request_timeout(Some(START_DEADLINE));
        let changed = admin.alter_configs([&change], &options).await.expect("an answer");
        for outcome in changed {
            outcome.expect("the settings are taken");
        }
    }

    /// All records of a topic, to the end it has now, in the order of each partition.
    pub async fn read_topic(&self, topic: &str, isolation: Isolation) -> Vec<Received> {
        let (config, topic) = (self.client(), topic.to_owned());
        spawn_blocking(move || reader::read_to_end(config, &topic, isolation))
            .await
            .expect("the reading does not panic")
    }

    /// The records of a topic from its beginning, as soon as there are `count` of them.
    pub async fn await_records(
        &self,
        topic: &str,
        isolation: Isolation,
        count: usize,
    ) -> Vec<Received> {
        let (config, topic) = (self.client(), topic.to_owned());
        spawn_blocking(move || reader::read_count(config, &topic, isolation, count))
            .await
            .expect("the reading does not panic")
    }

    async fn run(&mut self) -> Result<(), Unready> {
        self.process = Some(launch(self.command()).expect("bash starts"));
        let deadline = Instant::now() + START_DEADLINE;
        let mut config = self.client();
        config.set("bootstrap.servers", format!("127.0.0.1:{}", self.port));
        loop {
            let config = config.clone();
            let answers = spawn_blocking(move || answers(&config)).await.expect("no panic");
            if let Some(status) = self.exited() {
                return Err(self.why_it_ended(status));
            }
            if answers {
                return Ok(());
            }
            if Instant::now() > deadline {
                let why = format!("the broker was not ready within {START_DEADLINE:?}");
                return Err(Unready::Failed(why));
            }
        }
    }

    fn command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.log()).expect("a log file");
        let mut command = Command::new(project().join("tests/kafka/start"));
        command
            .arg(self.port.to_string())
            .arg(self.dir.path())
            .env("CADRELAY_KAFKA_LIBS", libs())
            .env("KAFKA_JAVA_OPTS", self.compiler.options())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log);
        command
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        let process = self.process.as_mut().expect("a launched broker");
        process.try_wait().expect("a child of ours can be asked")
    }

    fn why_it_ended(&mut self, status: ExitStatus) -> Unready {
        self.process = None;
        if self.log_end().contains("Address already in use") {
            Unready::PortTaken
        } else {
            Unready::Failed(format!("the broker ended while starting: {status}"))
        }
    }

    /// The folder with what it keeps.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running broker").id()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("broker.log")
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // A paused process dies of this, too. There is nobody to tell if it fails.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Compiler {
    fn options(self) -> &'static str {
        match self {
            Self::Quick => "-XX:TieredStopAtLevel=1",
            Self::Best => "",
        }
    }
}

/// The reason why a broker did not start.
enum Unready {
    PortTaken,
    Failed(String),
}

/// True if a client that asks now gets a broker. Waits a moment for it.
fn answers(config: &ClientConfig) -> bool {
    let mut config = config.clone();
    config
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "50")
        // The refused connections of a broker that starts are what we expect.
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    let client: BaseConsumer = config.create().expect("a client");
    client
        .fetch_metadata(None, Duration::from_millis(500))
        .is_ok_and(|metadata| !metadata.brokers().is_empty())
}

/// The first of four ports that nobody listens on: for clients, for the controller, and two for the
/// clients of a secured broker.
///
/// Below the range from which the kernel gives ports to outgoing connections, because a broker that
/// is down must find its own again.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);

    let offset = u16::try_from(std::process::id() % 500).expect("less than 500") * 20;
    for _ in 0..5_000 {
        let port = 20_000 + (offset + NEXT.fetch_add(4, Ordering::Relaxed)) % 10_000;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (port..port + 4).all(free) {
            return port;
        }
    }
    panic!("no free port between 20000 and 30000");
}

/// The folder for the brokers' data. What dead processes left there is removed.
fn data_root() -> &'static Path {
    static ROOT: OnceLock<&Path> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = scratch();
        for entry in fs::read_dir(root).expect("the folder just made").flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let owner = name.strip_prefix("kafka-").and_then(|rest| rest.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // Another test process may be removing it, too.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        root
    })
}

fn libs() -> PathBuf {
    let pom = include_str!("../../kafka/pom.xml");
    let version = pom
        .split_once("<kafka.version>")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map(|(version, _)| version)
        .expect("pom.xml names Kafka's version");
    tool("CADRELAY_KAFKA_LIBS", &format!(".cache/kafka/{version}/libs"), "tests/kafka/fetch")
}

/// A start takes two to three seconds on a quiet machine; a test machine is seldom quiet.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// A broker stops within a second when nobody holds it; one of three hands over its partitions first, and
/// on a machine where much else runs the controller takes its time.
const STOP_DEADLINE: Duration = Duration::from_secs(90);

/// Enough for a Java stack trace and what led to it.
const LOG_LINES_SHOWN: usize = 60;
