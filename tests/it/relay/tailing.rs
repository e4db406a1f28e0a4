//! `cadrelay tail` says why nothing comes, and ends when nothing will.

use std::process::Output;
use support::kafka::Kafka;
use support::kafka::secure::USER;
use support::relay::cadrelay;
use tokio::task::spawn_blocking;

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

#[tokio::test]
async fn tail_says_once_that_no_broker_answers_and_ends_with_5() {
    // Nobody listens on the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let gone = gone.expect("a free port");

    let (exit, said) = tail(format!("brokers = '{gone}'")).await;

    assert_eq!(exit, Some(5), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("no broker could be reached") && said.contains(&gone.to_string()),
        "{said}"
    );
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
