//! Measures the relay as ratios in one run: `cargo bench --bench relay -- --help`.
//!
//! Starts a real Kafka, the relay and a bare actix server, and posts to them in turn from this
//! process, on the same machine: what counts is the ratio of neighbouring rounds.

mod bare;
mod load;
mod prepared;

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use load::{Requests, Round};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Measures the relay.
#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`, and of no consequence.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    command: Option<Measure>,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Throughput and latency against the bare server.
    Ratio {
        /// Rounds of each, in turn.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Requests in a round.
        #[arg(long, default_value_t = 60_000)]
        requests: usize,
        /// Bytes of a body.
        #[arg(long, default_value_t = 1024)]
        size: usize,
        /// Connections.
        #[arg(long, default_value_t = 64)]
        connections: usize,
    },
    /// Latency at a fixed rate.
    Latency {
        /// Requests a second.
        #[arg(long, default_value_t = 2_000)]
        rate: u32,
        /// For how long.
        #[arg(long, default_value_t = 10)]
        seconds: u32,
        /// Kafka is stopped meanwhile.
        #[arg(long)]
        without_kafka: bool,
    },
    /// Backlog: fill the spool while Kafka is away, then measure how it drains, what memory that
    /// takes, and what senders wait meanwhile.
    Drain {
        /// Records.
        #[arg(long, default_value_t = 500_000)]
        records: usize,
        /// Bytes of a body.
        #[arg(long, default_value_t = 350)]
        size: usize,
        /// Requests a second while it drains.
        #[arg(long, default_value_t = 1_000)]
        rate: u32,
    },
    /// Restart: how long a start takes with much in the spool, and what memory.
    Restart {
        /// Ids that are remembered.
        #[arg(long, default_value_t = 10_000_000)]
        ids: u64,
        /// Records that wait.
        #[arg(long, default_value_t = 1_000_000)]
        pending: u64,
    },
    /// The bare server; started by the others.
    #[command(hide = true)]
    Bare,
}

fn main() {
    let args = Args::parse();
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match args.command {
        Some(Measure::Bare) => {
            actix_web::rt::System::new().block_on(bare::serve()).expect("it serves")
        }
        Some(Measure::Ratio { rounds, requests, size, connections }) => {
            runtime.block_on(ratio(rounds, requests, size, connections));
        }
        Some(Measure::Latency { rate, seconds, without_kafka }) => {
            runtime.block_on(latency(rate, seconds, without_kafka));
        }
        Some(Measure::Restart { ids, pending }) => runtime.block_on(restart(ids, pending)),
        Some(Measure::Drain { records, size, rate }) => {
            runtime.block_on(drain(records, size, rate));
        }
        // A smoke of two seconds, for those who run all benches.
        None => runtime.block_on(ratio(1, 5_000, 1024, 64)),
    }
}

async fn ratio(rounds: usize, requests: usize, size: usize, connections: usize) {
    let kafka = support::kafka::Kafka::start().await;
    let mut relay = Relay::start(&kafka.brokers());
    let bare =
        Process::start(Command::new(std::env::current_exe().expect("this program")).arg("bare"));
    let bare_address = bare.first_line.parse().expect("an address");
    let mut ratios = Vec::new();
    println!(
        "{rounds} rounds of {requests} requests of {size} bytes over {connections} connections"
    );
    for round in 0..=rounds {
        let made = || {
            let first = unique();
            Arc::new(Requests::make(requests, size, SECRET, first, Timestamp::now()))
        };
        let bare = made().closed_loop(bare_address, connections).await;
        let cpu = relay.cpu();
        let relayed = made().closed_loop(relay.address, connections).await;
        let cpu = relay.cpu().saturating_sub(cpu);
        relay.drained().await;
        if round == 0 {
            continue; // Warm-up.
        }
        show("bare", &bare, None);
        show("relay", &relayed, Some(cpu));
        ratios.push(relayed.rate() / bare.rate());
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio relay/bare: median {:.2}, {ratios:.2?}", ratios[ratios.len() / 2]);
    println!("relay memory {} MiB", relay.memory() >> 20);
}

async fn latency(rate: u32, seconds: u32, without_kafka: bool) {
    let mut kafka = support::kafka::Kafka::start().await;
    let mut relay = Relay::start(&kafka.brokers());
    let make = |count| Arc::new(Requests::make(count, 1024, SECRET, unique(), Timestamp::now()));
    make(5_000).fixed_rate(relay.address, 64, rate).await;
    relay.drained().await;
    if without_kafka {
        kafka.stop().await;
    }
    let round = make((rate * seconds) as usize).fixed_rate(relay.address, 64, rate).await;
    let name = if without_kafka { "without Kafka" } else { "with Kafka" };
    show(name, &round, None);
    println!("relay memory {} MiB", relay.memory() >> 20);
}

async fn drain(records: usize, size: usize, rate: u32) {
    let mut kafka = support::kafka::Kafka::start().await;
    let mut relay = Relay::start(&kafka.brokers());
    let make = |count| Arc::new(Requests::make(count, size, SECRET, unique(), Timestamp::now()));
    make(1_000).closed_loop(relay.address, 64).await;
    relay.drained().await;
    kafka.stop().await;
    let mut left = records;
    while left > 0 {
        let part = left.min(100_000);
        let round = make(part).closed_loop(relay.address, 64).await;
        left -= part;
        show("filling", &round, None);
        println!("relay memory {} MiB with {} pending", relay.memory() >> 20, records - left);
    }
    // As long as the draining takes at 150,000 records a second, which it does not reach.
    let meanwhile = make(records * rate as usize / 150_000);
    kafka.restart().await;
    let mut began = None;
    let mut first = 0;
    let mut memory = 0;
    let mut posting = None;
    loop {
        let pending = relay.pending().await;
        memory = memory.max(relay.memory());
        match began {
            None if pending < records as u64 => {
                began = Some(Instant::now());
                first = pending;
                posting =
                    Some(tokio::spawn(Arc::clone(&meanwhile).fixed_rate(relay.address, 64, rate)));
            }
            Some(began) if pending == 0 => {
                let took = Instant::now().duration_since(began);
                let rate = first as f64 / took.as_secs_f64();
                println!(
                    "drained {first} records of {size} bytes at {rate:.0} a second, {took:.1?}"
                );
                break;
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let posting = posting.expect("it has begun").await.expect("the senders do not panic");
    show("while draining", &posting, None);
    println!(
        "relay memory {} MiB at most while draining, {} MiB afterwards",
        memory >> 20,
        relay.memory() >> 20
    );
}

async fn restart(ids: u64, pending: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let began = Instant::now();
    prepared::fill(&dir.path().join("spool"), ids, pending, 350).await;
    println!("made {ids} ids, {pending} of them pending, in {:.0?}", began.elapsed());
    for _ in 0..3 {
        let began = Instant::now();
        let relay = Relay::start_in("127.0.0.1:1", dir.path());
        let request = Requests::make(1, 350, SECRET, unique(), Timestamp::now());
        let round = Arc::new(request).closed_loop(relay.address, 1).await;
        assert_eq!(round.answered, 1, "the first notification is accepted");
        println!("first 200 after {:.2?}, memory {} MiB", began.elapsed(), relay.memory() >> 20);
    }
}

fn show(name: &str, round: &Round, cpu: Option<Duration>) {
    let cpu = cpu.map_or(String::new(), |cpu| {
        format!(", {:.1} us of processor each", cpu.as_secs_f64() * 1e6 / round.answered as f64)
    });
    println!(
        "{name:14} {:8.0}/s  p50 {:?}  p99 {:?}  p99.9 {:?}  failed {}{cpu}",
        round.rate(),
        round.quantile(0.5),
        round.quantile(0.99),
        round.quantile(0.999),
        round.failed
    );
}

/// A number from which ids are counted that no earlier round has used.
fn unique() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0) << 4
}

struct Relay {
    process: Process,
    address: SocketAddr,
    admin: SocketAddr,
    _dir: Option<tempfile::TempDir>,
}

impl Relay {
    fn start(brokers: &str) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let relay = Self::start_in(brokers, dir.path());
        Self { _dir: Some(dir), ..relay }
    }

    fn start_in(brokers: &str, dir: &Path) -> Self {
        let spool = dir.join("spool");
        let config = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [kafka]\nbrokers = \"{brokers}\"\n[spool]\ndir = {spool:?}\nmax_bytes = \"64GiB\"\n\
             [[sources]]\nname = \"onshape\"\nprovider = \"onshape\"\nproof = {{ hmac = [\"{SECRET}\"] }}\n"
        );
        let file = dir.join("cadrelay.toml");
        std::fs::write(&file, config).expect("a file");
        let mut command = Command::new(support::tools::program());
        command.args(["serve", "--log-format", "json", "--config"]).arg(&file);
        let process = Process::start_until(command.stderr(Stdio::piped()), "\"listening\"");
        let line: serde_json::Value = serde_json::from_str(&process.first_line).expect("JSON");
        let address =
            |key: &str| line[key].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { address: address("ingest"), admin: address("admin"), process, _dir: None }
    }

    async fn pending(&self) -> u64 {
        let ready: serde_json::Value = reqwest::get(format!("http://{}/readyz", self.admin))
            .await
            .expect("it answers")
            .json()
            .await
            .expect("JSON");
        ready["spool"]["pending"].as_u64().unwrap_or(u64::MAX)
    }

    async fn drained(&mut self) {
        while self.pending().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Processor time that it has used.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.child.id()));
        let stat = stat.expect("it runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap_or(0);
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// Bytes that are resident.
    fn memory(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.child.id()));
        let statm = statm.expect("it runs");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
    }
}

/// A process that ends with this value.
struct Process {
    child: Child,
    first_line: String,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        Self::start_until(command.stdout(Stdio::piped()), "")
    }

    /// Starts it and reads its output up to the first line that holds `sign`.
    fn start_until(command: &mut Command, sign: &str) -> Self {
        let mut child = command.spawn().expect("it starts");
        let output: Box<dyn std::io::Read + Send> = match child.stdout.take() {
            Some(stdout) => Box::new(stdout),
            None => Box::new(child.stderr.take().expect("it is piped")),
        };
        let mut lines = BufReader::new(output).lines();
        let first_line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(sign))
            .expect("it says that it listens");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, first_line }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const SECRET: &str = "a-key-for-the-bench";
