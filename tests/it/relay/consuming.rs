//! `cadrelay dev`, `tail` and `webhook test`: the first five minutes of a user.

use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::process::{launch, signal};
use support::relay::cadrelay;
use support::waiting::eventually;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

#[tokio::test]
async fn a_test_notification_to_dev_is_seen_by_tail_and_on_the_screen() {
    let dev = Dev::start(&[]).await;
    let url = dev.said("http://", "/webhooks/aps");

    let tested = dev.run(&["webhook", "test", &url, "--provider", "aps"]).await;
    let tailed = dev.run(&["tail", "--from", "beginning", "--json", "--count", "1"]).await;

    assert!(tested.contains("accepted"), "{tested}");
    let event: Value = serde_json::from_str(tailed.trim()).expect("a line of JSON");
    assert_eq!(event["topic"], "cad.aps.data");
    assert_eq!(event["headers"]["ce_type"], "com.autodesk.aps.dm.version.added");
    assert_eq!(event["value"]["verified"], "none");
    let id = event["value"]["id"].as_str().expect("an id").to_owned();
    assert!(tested.contains(&id), "{tested}");
    eventually("dev shows the event", async || dev.shown().contains(&id).then_some(())).await;
}

#[tokio::test]
async fn dev_simulates_both_providers_and_ends_well_on_ctrl_c() {
    let mut dev = Dev::start(&["--simulate", "50"]).await;

    // Topics come one after the other, so it takes more than the first one has gathered meanwhile.
    let tailed = dev.run(&["tail", "--from", "beginning", "--json", "--count", "300"]).await;
    let providers: Vec<Value> = tailed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .map(|event| event["value"]["provider"].clone())
        .collect();

    assert_eq!(providers.len(), 300);
    for provider in ["onshape", "aps"] {
        assert!(providers.iter().any(|found| found == provider), "none of {provider}");
    }
    signal(dev.process.id(), libc::SIGINT);
    let status = eventually("dev ends", async || {
        dev.process.try_wait().expect("a child of ours can be asked")
    })
    .await;
    assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(dev.stderr()).unwrap());
}

#[tokio::test]
async fn dev_writes_through_no_link_that_another_user_laid_in_the_temporary_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let precious = dir.path().join("precious");
    fs::create_dir(&precious).expect("a folder");
    fs::write(precious.join("cadrelay-dev-brokers"), "mine").expect("a file");
    let user = dir.path().metadata().expect("a folder").uid();
    let place = dir.path().join(format!("cadrelay-{user}"));
    symlink(&precious, &place).expect("a link");

    let dev = Dev::start_at(dir, &[], |command| {
        command.env_remove("XDG_RUNTIME_DIR");
    })
    .await;

    let kept = fs::read_to_string(precious.join("cadrelay-dev-brokers")).expect("the file");
    assert_eq!(kept, "mine");
    let said = fs::read_to_string(dev.stderr()).expect("what it said");
    assert!(said.contains("is not a folder of this user alone"), "{said}");
}

#[tokio::test]
async fn dev_replaces_a_link_in_the_place_of_its_note() {
    let dir = tempfile::tempdir().expect("a folder");
    let precious = dir.path().join("precious");
    fs::write(&precious, "mine").expect("a file");
    symlink(&precious, dir.path().join("cadrelay-dev-brokers")).expect("a link");

    let dev = Dev::start_at(dir, &[], |_| {}).await;
    let url = dev.said("http://", "/webhooks/aps");
    dev.run(&["webhook", "test", &url, "--provider", "aps"]).await;
    dev.run(&["tail", "--from", "beginning", "--count", "1"]).await;

    assert_eq!(fs::read_to_string(&precious).expect("the file"), "mine");
}

/// A running `cadrelay dev`, with places of its own.
struct Dev {
    process: Child,
    dir: TempDir,
}

impl Dev {
    async fn start(flags: &[&str]) -> Self {
        Self::start_at(tempfile::tempdir().expect("a folder"), flags, |_| {}).await
    }

    async fn start_at(dir: TempDir, flags: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = at_home(dir.path());
        change(&mut command);
        command
            .args(["dev", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(flags)
            .stdout(File::create(dir.path().join("stdout")).expect("a file"))
            .stderr(File::create(dir.path().join("stderr")).expect("a file"));
        let dev = Self { process: launch(command).expect("dev starts"), dir };
        eventually("dev says what to try", async || {
            let said = fs::read_to_string(dev.stderr()).expect("what it said");
            said.contains("Events as they pass").then_some(())
        })
        .await;
        dev
    }

    /// The word that it printed with this beginning and end.
    fn said(&self, begins: &str, ends: &str) -> String {
        let said = fs::read_to_string(self.stderr()).expect("what it said");
        let mut words = said.split_whitespace();
        let word = words.find(|word| word.starts_with(begins) && word.ends_with(ends));
        word.unwrap_or_else(|| panic!("no {begins}…{ends} in {said}")).to_owned()
    }

    /// The events that it has shown.
    fn shown(&self) -> String {
        fs::read_to_string(self.dir.path().join("stdout")).expect("what it showed")
    }

    fn stderr(&self) -> PathBuf {
        self.dir.path().join("stderr")
    }

    /// Runs another command in a second terminal, and gives what it printed.
    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = at_home(self.dir.path());
        command.args(arguments);
        let run = move || {
            let output = command.output().expect("the command runs");
            assert!(output.status.success(), "{command:?}: {output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        spawn_blocking(run).await.expect("the command ends well")
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // There is nobody to tell if it fails.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The program with a home of its own, so that runs on one machine do not find each other.
fn at_home(dir: &Path) -> Command {
    let mut command = cadrelay();
    command.env("XDG_RUNTIME_DIR", dir).env("TMPDIR", dir).current_dir(dir).stdin(Stdio::null());
    command
}
