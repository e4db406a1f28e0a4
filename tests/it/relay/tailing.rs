//! `cadrelay tail` says why nothing comes, and ends when nothing will.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::time::Duration;
use support::kafka::Kafka;
use support::kafka::secure::USER;
use support::process::launch;
use support::relay::{Broker, cadrelay};
use tokio::task::{JoinHandle, spawn_blocking};

/// Runs `tail` with this configuration of Kafka until it ends.
async fn tail(kafka: String) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("cadrelay.toml");
    std::fs::write(&file, format!("[kafka]\n{kafka}\n")).expect("the configuration is written");
    let mut command = cadrelay();
    command.args(["tail", "--config"]).arg(&file);
    let run = spawn_blocking(move || command.output().expect("the command runs"));
    let Output { status, stdout, stderr } = run.await.expect("the command ends");
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).expect("text"))
}

/// What is read of a command within some seconds. A command that says nothing is ended.
async fn soon<T>(running: &mut Child, reading: JoinHandle<T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), reading).await {
        Ok(read) => read.expect("it is read"),
        Err(_) => {
            running.kill().expect("it ends");
            panic!("it says nothing");
        }
    }
}

/// Writes one record with this key.
pub(super) fn put(broker: &Broker, topic: &str, key: &str) {
    let producer: BaseProducer = broker.client().create().expect("a producer");
    producer.send(BaseRecord::to(topic).key(key).payload("{}")).expect("it is taken");
    producer.flush(Duration::from_secs(10)).expect("it is written");
}

#[tokio::test]
async fn tail_says_soon_that_no_broker_answers_and_ends_with_5_after_trying_on() {
    // Nobody listens on the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let gone = gone.expect("a free port");

    let (exit, said) = tail(format!("brokers = '{gone}'")).await;

    assert_eq!(exit, Some(5), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert!(
        matches!(lines[..], [soon, end] if soon.ends_with("; waiting") && end.starts_with("error: ")),
        "{said}"
    );
    for line in lines {
        let told = line.contains("no broker could be reached");
        assert!(told && line.contains(&gone.to_string()), "{said}");
    }
}

#[tokio::test]
async fn tail_says_that_a_topic_does_not_exist_yet_and_reads_it_once_it_does() {
    let broker = Broker::embedded();
    let mut command = cadrelay();
    command
        .args(["tail", "--json", "--count", "1", "--topic", "cad.late", "--brokers"])
        .arg(broker.address())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = launch(command).expect("the command starts");
    let mut said = BufReader::new(running.stderr.take().expect("its stderr")).lines();

    let line = soon(&mut running, spawn_blocking(move || said.next())).await;

    let line = line.expect("a line").expect("text");
    assert_eq!(line, "there is no topic cad.late yet, or it may not be read; waiting");
    broker.mock().make_topic("cad.late", 1).expect("the topic is made");
    put(&broker, "cad.late", "k");
    let ended = spawn_blocking(move || running.wait_with_output()).await.expect("it ends");
    let ended = ended.expect("its output");
    let shown = String::from_utf8(ended.stdout).expect("text");
    assert!(ended.status.success() && shown.contains("\"topic\":\"cad.late\""), "{shown}");
}

#[tokio::test]
async fn tail_says_within_seconds_that_the_brokers_are_gone() {
    let broker = Broker::embedded();
    let mut command = cadrelay();
    command
        .args(["tail", "--from", "beginning", "--brokers"])
        .arg(broker.address())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = launch(command).expect("the command starts");
    let mut shown = BufReader::new(running.stdout.take().expect("its stdout")).lines();
    let mut said = BufReader::new(running.stderr.take().expect("its stderr")).lines();
    put(&broker, "cad.onshape.document", "k");
    // It has read a record, so it has reached the broker.
    let event = soon(&mut running, spawn_blocking(move || shown.next())).await;
    event.expect("a line").expect("text");

    broker.mock().goes_away().expect("the mock goes down");
    let line = soon(&mut running, spawn_blocking(move || said.next())).await;

    let line = line.expect("a line").expect("text");
    assert!(line.contains(&broker.address()) && line.ends_with("; waiting"), "{line}");
    running.kill().and_then(|()| running.wait()).expect("it ends");
}

#[tokio::test]
async fn tail_says_once_that_the_password_is_wrong_and_ends_with_3() {
    let kafka = Kafka::start_secured().await;
    let (brokers, authority) = (kafka.secured_brokers(), kafka.authority());
    let with = |password: &str| {
        format!(
            "brokers = '{brokers}'\nclient = {{ 'security.protocol' = 'SASL_SSL', \
             'ssl.ca.location' = '{}', 'sasl.mechanism' = 'SCRAM-SHA-512', \
             'sasl.username' = '{USER}', 'sasl.password' = '{password}' }}",
            authority.display()
        )
    };

    let (exit, said) = tail(with("s3cret-guess")).await;

    assert_eq!(exit, Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("password") && !said.contains("s3cret-guess"), "{said}");
}
