//! Measures what the benches leave out: bytes in the log and in Kafka, and the cost of an id in
//! Redis.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};
use support::{
    kafka::Kafka,
    notification::{Notification, secret},
    process::launch,
    relay::Relay,
    tools::succeed,
};

use cadrelay::event::provider::Provider;

/// Prints the figures under their names in the page's table of inputs.
pub fn run() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(bytes());
    redis();
}

/// Measures the bytes of notifications of a kilobyte, in the spool and in one copy in Kafka.
async fn bytes() {
    let mut kafka = Kafka::start().await;
    let relay = Relay::builder().kafka(&kafka).start().await;
    post(&relay, 0..100).await;
    relay.drained().await;
    let before = size(kafka.data());
    post(&relay, 100..100 + COUNT).await;
    relay.drained().await;
    let written = size(kafka.data()) - before;
    kafka.kill();
    post(&relay, 100 + COUNT..100 + 2 * COUNT).await;
    let waiting = relay.metrics().await.sum("cadrelay_spool_bytes");
    println!("log_bytes {:.0}", waiting / COUNT as f64);
    println!("kafka_bytes {:.0}", written as f64 / COUNT as f64);
}

async fn post(relay: &Relay, numbers: std::ops::Range<u64>) {
    let mut senders = tokio::task::JoinSet::new();
    for first in numbers.clone().take(SENDERS) {
        let (sender, numbers) = (relay.sender(), first..numbers.end);
        senders.spawn(async move {
            for number in numbers.step_by(SENDERS) {
                sender.post(&notification(number)).await.expect("an answer").assert_accepted();
            }
        });
    }
    senders.join_all().await;
}

/// Makes a notification of 1 KiB, as the benches post them. `data` fills it up with hexadecimal
/// digits, which compress by half and not to nothing.
fn notification(number: u64) -> Notification {
    let mut body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&Notification::onshape(number).body).expect("a sample is JSON");
    body.remove("data");
    let bare = serde_json::to_string(&body).expect("JSON").len() + r#","data":"""#.len();
    let words = (0..).map(|word| format!("{:016x}", super::queue::mix(number << 16 | word)));
    let fill: String = words.take(BODY / 16).collect();
    body.insert("data".to_owned(), fill[..BODY - bare].into());
    let body = serde_json::to_vec(&body).expect("JSON");
    Notification::bare("onshape", body).signed(Provider::Onshape, secret(Provider::Onshape))
}

/// The bytes of the logs of the relay's topics.
fn size(data: std::path::PathBuf) -> u64 {
    let folders = fs::read_dir(data).expect("the broker's data").flatten();
    let ours = folders.filter(|entry| entry.file_name().to_string_lossy().contains("onshape"));
    let files = ours.flat_map(|entry| fs::read_dir(entry.path()).expect("a folder").flatten());
    let logs = files.filter(|file| file.path().extension().is_some_and(|end| end == "log"));
    logs.map(|file| file.metadata().expect("a file").len()).sum()
}

/// Measures a claim and a confirmation of an id, fifty in each round trip, and the memory of an id.
/// Counts the server's own processor time, so that other processes do not matter.
fn redis() {
    let port = "26379";
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--port", port, "--save", "", "--dir"]);
    server.arg(folder.path()).stdout(Stdio::null());
    let mut server = launch(server).expect("redis-server (Debian's package of that name) starts");
    let ask = |words: &[&str]| succeed(Command::new("redis-cli").args(["-p", port]).args(words));
    // Asked until it answers, because redis-cli itself does not wait.
    while !Command::new("redis-cli")
        .args(["-p", port, "ping"])
        .output()
        .expect("redis-cli")
        .status
        .success()
    {}
    let memory = || -> u64 {
        let told = ask(&["info", "memory"]);
        let line = told.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a line");
        line.trim().parse().expect("a number")
    };
    let bench = |words: &[&str]| {
        let before = ticks(server.id());
        let mut bench = Command::new("redis-benchmark");
        bench.args(["-p", port, "-n", IDS, "-r", "100000000000", "-P", "50", "-c", "4", "-q"]);
        succeed(bench.args(words));
        (ticks(server.id()) - before) as f64 * 1e4 / IDS.parse::<f64>().expect("a number")
    };
    let empty = memory();
    let key = "cadrelay:onshape:66385c16__rand_int__";
    let claim = bench(&["set", key, "3f2a9c1d77aa/1", "NX", "PX", "260000000"]);
    let ids: f64 = ask(&["dbsize"]).trim().parse().expect("a number");
    println!("redis_claim_cpu {claim:.1}");
    println!("redis_id_bytes {:.0}", (memory() - empty) as f64 / ids);
    let compare = "if redis.call('get',KEYS[1])==ARGV[1] then \
                   return redis.call('set',KEYS[1],ARGV[2],'PX',ARGV[3]) else return 0 end";
    // Each of these finds the same claim, so it compares and sets.
    ask(&["set", "claimed", "a"]);
    println!(
        "redis_confirm_cpu {:.1}",
        bench(&["eval", compare, "1", "claimed", "a", "a", "260000000"])
    );
    server.kill().expect("a process of ours can be killed");
    server.wait().expect("it ends");
}

/// A process's time as the kernel counts it, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    let stat = stat.expect("a running process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let field = |place: usize| fields[place].parse::<u64>().expect("a number");
    // User and system time: fields 14 and 15, of which two stand before the end of the name.
    field(11) + field(12)
}

const COUNT: u64 = 10_000;
const SENDERS: usize = 16;
const BODY: usize = 1024;
const IDS: &str = "1000000";
