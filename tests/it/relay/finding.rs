//! Commands find the relay and the Kafka that are meant, and say where they looked.

use super::configuration::{Said, run_apart};
use super::tailing::put;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use support::notification::Notification;
use support::process::launch;
use support::relay::{Broker, Relay, cadrelay};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// A command in a folder without a configuration, of a user whose `dev` is told of in `run`.
fn bare(words: &[&str], dir: &Path) -> Command {
    let mut command = cadrelay();
    command.args(words).current_dir(dir).env("XDG_RUNTIME_DIR", dir);
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A Kafka with one record, whose key is its name.
fn kafka_named(name: &str) -> Broker {
    let broker = Broker::embedded();
    put(&broker, "cad.onshape.document", name);
    broker
}

#[tokio::test]
async fn the_kafka_that_is_given_wins_over_a_dev_that_happens_to_run() {
    let (dev, given) = (kafka_named("of-dev"), kafka_named("given"));
    let (empty, configured) = (folder(), folder());
    for dir in [&empty, &configured] {
        std::fs::write(dir.path().join("cadrelay-dev-brokers"), dev.address()).expect("a note");
    }
    let file = configured.path().join("cadrelay.toml");
    std::fs::write(&file, format!("kafka.brokers = '{}'\n", given.address())).expect("a file");
    let tail = |dir: &TempDir| {
        bare(&["tail", "--from", "beginning", "--json", "--count", "1"], dir.path())
    };
    let mut by_flag = tail(&empty);
    by_flag.args(["--brokers", &given.address()]);
    let mut by_environment = tail(&empty);
    by_environment.env("CADRELAY__KAFKA__BROKERS", given.address());
    let mut by_named_file = tail(&empty);
    by_named_file.arg("--config").arg(&file);
    let mut by_variable = tail(&empty);
    by_variable.env("CADRELAY_CONFIG", &file);

    for (command, key) in [
        (by_flag, "given"),
        (by_environment, "given"),
        (by_named_file, "given"),
        (by_variable, "given"),
        (tail(&configured), "given"),
        (tail(&empty), "of-dev"),
    ] {
        let told = format!("{command:?}");
        let said = run_apart(command).await;

        assert!(said.stdout.contains(&format!("\"key\":\"{key}\"")), "{told}: {said:?}");
    }
}

#[tokio::test]
async fn a_relay_whose_spool_is_elsewhere_is_found_by_its_listener_or_by_host_and_port() {
    let relay = Relay::builder().start().await;
    let id = relay.post(&Notification::onshape(1)).await.id();
    let dir = folder();
    let (admin, nowhere) = (relay.admin().to_string(), dir.path().join("nowhere"));
    let at = |listener: &str, words: &[&str]| {
        let mut command = bare(words, dir.path());
        command.env("CADRELAY__ADMIN__LISTEN", listener).env("CADRELAY__SPOOL__DIR", &nowhere);
        command
    };
    let commands = [
        vec!["spool", "stat"],
        vec!["spool", "list"],
        vec!["spool", "verify"],
        vec!["explain", &id],
    ];

    for words in &commands {
        let by_listener = run_apart(at(&admin, words)).await;
        let mut by_url = bare(words, dir.path());
        by_url.args(["--url", &admin]);
        let by_url = run_apart(by_url).await;
        let nobody = run_apart(at("127.0.0.1:1", words)).await;

        let found = |said: &Said| (said.code, said.stdout.is_empty());
        assert_eq!(found(&by_listener), (0, false), "{words:?}: {by_listener:?}");
        assert!(
            by_listener.stderr.contains("asking the relay at http://127.0.0.1:"),
            "{by_listener:?}"
        );
        assert_eq!(found(&by_url), (0, false), "{words:?}: {by_url:?}");
        assert_eq!(found(&nobody), (4, true), "{words:?}: {nobody:?}");
        assert!(
            nobody.stderr.contains("there is no spool in") && nobody.stderr.contains("--url"),
            "{nobody:?}"
        );
    }
    let mut ready = bare(&["ready", "--url", &admin], dir.path());
    ready.stdout(Stdio::null());
    assert_eq!(run_apart(ready).await.code, 0);
    let wrong = run_apart(bare(&["explain", "x", "--url", "ftp://relay"], dir.path())).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("such as http://127.0.0.1:9464"), "{wrong:?}");
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_a_command_quietly() {
    let relay = Relay::builder().start().await;
    let dir = folder();
    let admin = relay.admin().to_string();
    for words in [vec!["completions", "bash"], vec!["top", "--once", "--url", &admin]] {
        let mut command = bare(&words, dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = launch(command).expect("the command starts");
        // Closed before anything is read, as by `head -0`.
        drop(running.stdout.take());
        let ended = spawn_blocking(move || {
            let mut said = String::new();
            let mut stderr = running.stderr.take().expect("its stderr");
            stderr.read_to_string(&mut said).expect("text");
            (running.wait().expect("it ends").code(), said)
        });

        assert_eq!(ended.await.expect("it ends"), (Some(0), String::new()), "{words:?}");
    }
}
