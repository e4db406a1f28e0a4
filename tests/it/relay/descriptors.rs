//! Few open files cost connections or the start, and never leave a process that lives and answers nobody.

use crate::relay::configuration::run_apart;
use crate::relay::strangers::crowd;
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command};
use support::load::Load;
use support::process::launch;
use support::relay::{Relay, cadrelay};
use support::waiting::eventually;
use tempfile::TempDir;

#[tokio::test]
async fn no_number_of_open_files_leaves_a_process_that_lives_and_answers_nobody() {
    let mut ends = 0;
    // A process may inherit open files, which the relay cannot count beforehand. Each number runs
    // out of files at another place of the start.
    let inherited = (70..=130).step_by(4).map(|inherited| (140, inherited));
    for (limit, inherited) in [(20, 0), (28, 0), (40, 0), (48, 0)].into_iter().chain(inherited) {
        let dir = configured();
        let mut process = Started::with(&dir, limit, inherited);

        let what = format!("{limit} files, {inherited} inherited: it answers or ends");
        ends += usize::from(eventually(&what, async || process.answers_or_ended().await).await);
    }

    assert!((4..20).contains(&ends), "{ends} of 20 ended");
}

#[tokio::test]
async fn workers_that_the_open_files_cannot_carry_are_refused_with_both_numbers() {
    for (workers, parts) in [
        ("256", ["http.workers: 256 worker threads need 1156 open files", "1024 are allowed"]),
        ("20000", ["http.workers: 20000 is not 1 to 512"; 2]),
        ("0", ["http.workers: 0 is not 1 to 512"; 2]),
    ] {
        for command in ["check", "serve"] {
            let dir = configured();
            let mut command = limited(&dir, command, 1_024, 0);
            command.env("CADRELAY__HTTP__WORKERS", workers);

            let said = run_apart(command).await;

            assert_eq!(said.code, 2, "{said:?}");
            assert!(parts.iter().all(|part| said.stderr.contains(part)), "{said:?}");
            assert!(!said.stderr.contains("panicked"), "{said:?}");
        }
    }
}

#[tokio::test]
async fn the_files_of_128_workers_are_not_promised_to_connections() {
    let relay = Relay::builder()
        .descriptors(1_024, 1_024)
        .set("http.workers", "128")
        .set("http.read_timeout", "'120s'")
        .start()
        .await;
    let told = relay.logged("few_descriptors").await;
    let connections = told["connections"].as_u64().expect("a number");
    let files = || fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("it runs").count();
    let at_rest = files();
    let load = Load::start(&relay, 1);

    let crowd =
        crowd(&relay, 1_400, "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\nx-half:").await;
    load.acknowledged_reaches(load.acknowledged() + 50).await;
    let sent = load.stop().await;

    assert!(at_rest > 500, "{at_rest} files at rest");
    assert!(at_rest as u64 + connections < 1_024, "{at_rest} at rest, {connections} connections");
    assert!(sent.statuses.keys().all(|status| *status == 200), "{:?}", sent.statuses);
    assert_eq!(sent.unanswered, 0);
    assert!(!relay.log().contains("ERROR"), "{}", relay.log());
    drop(crowd);
}

/// A relay that may or may not come up.
struct Started {
    process: Child,
    log: std::path::PathBuf,
}

impl Started {
    fn with(dir: &TempDir, limit: usize, inherited: usize) -> Self {
        let log = dir.path().join("log");
        let file = File::create(&log).expect("a log file");
        let mut command = limited(dir, "serve", limit, inherited);
        command.stdout(file.try_clone().expect("a handle")).stderr(file);
        Self { process: launch(command).expect("it starts"), log }
    }

    /// True if it has ended with a failure, false if both listeners answer.
    async fn answers_or_ended(&mut self) -> Option<bool> {
        if let Some(status) = self.process.try_wait().expect("a child of ours can be asked") {
            assert!(!status.success(), "it ended as if all were well");
            return Some(true);
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let listening = lines.into_iter().find(|line| line["event"] == "listening")?;
        let (admin, ingest) = (address(&listening["admin"]), address(&listening["ingest"]));
        let live = status(format!("http://{admin}/livez")).await?;
        let look = status(format!("http://{ingest}/webhooks/a")).await?;
        (live == 200 && look == 200).then_some(false)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn address(value: &Value) -> SocketAddr {
    value.as_str().and_then(|text| text.parse().ok()).expect("an address")
}

async fn status(url: String) -> Option<u16> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
    client.get(url).send().await.ok().map(|answer| answer.status().as_u16())
}

/// A folder with a configuration that may run anywhere.
fn configured() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!(
        "http.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'\nkafka.brokers = '127.0.0.1:1'\n\
         spool.dir = '{}'\nspool.disk_reserve = '16MiB'\n\
         [[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n",
        dir.path().join("spool").display()
    );
    fs::write(dir.path().join("cadrelay.toml"), text).expect("the configuration is written");
    dir
}

/// A command of the program with so many open files allowed, some of which it inherits.
fn limited(dir: &TempDir, command: &str, limit: usize, inherited: usize) -> Command {
    let script = format!(
        "for fd in $(seq 10 {}); do eval \"exec $fd</dev/null\"; done; ulimit -n {limit}; exec \"$@\"",
        9 + inherited
    );
    let mut limited = Command::new("bash");
    limited.args(["-c", &script, "bash"]).arg(cadrelay().get_program()).arg(command);
    limited.arg("--config").arg(dir.path().join("cadrelay.toml"));
    limited.env_remove("RUST_LOG");
    limited
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
