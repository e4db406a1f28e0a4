//! A Prometheus that is no test's own reads the relay, and its alerts come and go as an operator
//! would see them: the rules of deploy/prometheus, with their patience cut to seconds.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::Duration;
use support::kafka::Kafka;
use support::notification::Notification;
use support::process::launch;
use support::relay::Relay;
use support::tools::{project, prometheus, scratch};
use support::waiting::{eventually, within};
use tempfile::TempDir;

#[tokio::test]
async fn the_alert_of_an_outage_fires_while_kafka_is_away_and_resolves_when_it_is_back() {
    let mut kafka = Kafka::start().await;
    let relay = Relay::builder().kafka(&kafka).start().await;
    let prometheus = Prometheus::watch(relay.admin());
    eventually("prometheus reads the relay, and is content", async || {
        let is_up = prometheus.value("cadrelay_kafka_up").await == Some(1.0);
        (is_up && prometheus.firing().await.is_empty()).then_some(())
    })
    .await;

    kafka.kill();
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    within(A_CHANGE_IS_SEEN, "the alert fires", async || {
        prometheus.firing().await.contains("CadrelayKafkaDown").then_some(())
    })
    .await;
    relay.post(&Notification::onshape(2)).await.assert_accepted();
    kafka.restart().await;
    within(A_CHANGE_IS_SEEN, "the alert resolves", async || {
        (!prometheus.firing().await.contains("CadrelayKafkaDown")).then_some(())
    })
    .await;

    // No other page went out meanwhile, and nothing is lost.
    let pages = prometheus.fired("page").await;
    assert_eq!(pages, BTreeSet::from(["CadrelayKafkaDown".to_owned()]));
    assert_eq!(relay.consume("onshape.document", 2).await.len(), 2);
    let booked = "instance:cadrelay_books:difference";
    eventually("the recorded books balance", async || {
        (prometheus.value(booked).await == Some(0.0)).then_some(())
    })
    .await;
}

/// A Prometheus of its own on loopback. It ends with this value.
struct Prometheus {
    address: SocketAddr,
    process: Child,
    _dir: TempDir,
}

impl Prometheus {
    /// Starts it with the configuration and the rules of deploy/prometheus, to read one relay each
    /// second.
    fn watch(relay: SocketAddr) -> Self {
        let dir = tempfile::Builder::new().prefix("prometheus-").tempdir_in(scratch());
        let dir = dir.expect("a folder for it");
        let written = |name: &str| {
            let path = project().join("deploy/prometheus").join(name);
            fs::read_to_string(path).expect("a file of deploy/prometheus")
        };
        let config = written("prometheus.yml")
            .replace("15s", "1s")
            .replace("10s", "1s")
            .replace("relay:9464", &relay.to_string());
        let rules: String = written("rules.yml")
            .lines()
            .map(|line| match line.trim_start().strip_prefix("for: ") {
                Some(patience) => line.replace(patience, "2s") + "\n",
                None => format!("{line}\n"),
            })
            .collect();
        fs::write(dir.path().join("prometheus.yml"), config).expect("its configuration");
        fs::write(dir.path().join("rules.yml"), rules).expect("its rules");

        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its number");
        drop(free);
        let log = File::create(dir.path().join("log")).expect("a log file");
        let mut command = prometheus();
        command
            .arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let process = launch(command).expect("prometheus starts");
        Self { address, process, _dir: dir }
    }

    /// The names of the alerts that fire now.
    async fn firing(&self) -> BTreeSet<String> {
        self.alerts("ALERTS{alertstate=\"firing\"}").await
    }

    /// The names of the alerts of a severity that fired at any time, but for the moment before the
    /// first look, in which there is no relay to see.
    async fn fired(&self, severity: &str) -> BTreeSet<String> {
        self.alerts(&format!(
            "count_over_time(ALERTS{{alertstate=\"firing\", severity=\"{severity}\", alertname!=\"CadrelayDown\"}}[10m])"
        ))
        .await
    }

    async fn alerts(&self, query: &str) -> BTreeSet<String> {
        let found = self.query(query).await;
        let name = |series: &Value| series["metric"]["alertname"].as_str().map(str::to_owned);
        found.iter().filter_map(name).collect()
    }

    /// The value of the one series that a query finds.
    async fn value(&self, query: &str) -> Option<f64> {
        self.query(query).await.first()?["value"][1].as_str()?.parse().ok()
    }

    /// The result of a query; empty while Prometheus starts.
    async fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("http://{}/api/v1/query", self.address);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let Ok(answer) = client.get(url).query(&[("query", query)]).send().await else {
            return Vec::new();
        };
        let Ok(answer) = answer.json::<Value>().await else { return Vec::new() };
        assert_ne!(answer["status"], "error", "{answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // There is nobody to tell if it fails.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// `cadrelay_kafka_up` follows Kafka within a minute, and then Prometheus has to look.
const A_CHANGE_IS_SEEN: Duration = Duration::from_secs(90);
