//! A spool that an earlier build left is opened by this one.
//!
//! `upgrade/` holds one archive for each build whose spool must be read, and the script that made it.

use crate::faults::{Fault, Faults};
use crate::oracle;
use cadrelay::event::provider::Provider;
use cadrelay::kafka::settings::Settings;
use futures_util::future::join_all;
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::notification::{Notification, secret};
use support::relay::{Builder, Relay};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_in_the_spool_of_an_earlier_build_is_published_once_and_repeats_are_known() {
    let archives = archives();
    assert!(!archives.is_empty(), "there is no spool of an earlier build");
    for archive in archives {
        Left::unpack(&archive).is_complete(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_that_is_killed_before_any_of_its_steps_goes_on_at_the_next_start() {
    for archive in archives() {
        let mut killed = Vec::new();
        while !killed.last().is_some_and(Left::is_taken_over) {
            let left = Left::unpack(&archive);
            let faults = Faults::new();
            let step = killed.len() as i64 + 1;
            faults.order(Fault::KillStep, step);
            let (status, log) = faults.apply(left.relay()).start_in_vain().await;
            assert_eq!(status.signal(), Some(libc::SIGKILL), "step {step}: {log}");
            killed.push(left);
        }
        // It renames twice, syncs what it writes, and writes a frame at the least.
        assert!(killed.len() >= 6, "only {} steps", killed.len());

        join_all(killed.iter().map(|left| left.is_complete(20))).await;
    }
}

/// The spool of an earlier build, and the events that were posted to it.
struct Left {
    dir: TempDir,
    posted: Vec<Posted>,
}

impl Left {
    fn unpack(archive: &Path) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let unpacked =
            Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(dir.path()).status();
        assert!(unpacked.expect("tar runs").success());
        let posted = Posted::read(&dir.path().join("posted.jsonl"));
        let left = Self { dir, posted };
        let waiting = left.waiting();
        let all = left.posted.len();
        assert!(waiting > 100 && all > waiting + 100, "{waiting} of {all}");
        left
    }

    fn waiting(&self) -> usize {
        self.posted.iter().filter(|one| one.state == "pending").count()
    }

    fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn relay(&self) -> Builder {
        Relay::builder()
            .set("spool.dir", &format!("'{}'", self.spool().display()))
            // The archive grows older than any window that is used.
            .set("dedup.window", "'876000h'")
    }

    /// True if the spool has the names of the new format.
    fn is_taken_over(&self) -> bool {
        self.spool().join("log").exists() && !self.spool().join("store").exists()
    }

    /// Starts on it, and looks whether everything is there, once. One of so many is posted again.
    async fn is_complete(&self, one_of: usize) {
        let relay = self.relay().start().await;
        let recovered = relay.metrics().await.sum("cadrelay_spool_recovered");
        assert_eq!(recovered, self.waiting() as f64);
        relay.drained().await;

        let mut pending = BTreeMap::new();
        for one in self.posted.iter().filter(|one| one.state == "pending") {
            *pending.entry(one.body.clone()).or_default() += 1_u64;
        }
        assert_eq!(published(&relay).await, pending);
        for one in self.posted.iter().step_by(one_of) {
            relay.post(&one.notification()).await.assert_duplicate();
        }
        relay.post(&Notification::onshape(1)).await.assert_accepted();
        relay.drained().await;
        oracle::assert_books_balance(&relay.metrics().await);
    }
}

/// The number of times that each body was published, read from all topics.
async fn published(relay: &Relay) -> BTreeMap<String, u64> {
    #[derive(serde::Deserialize)]
    struct Published {
        raw: Box<RawValue>,
    }
    let mut times = BTreeMap::new();
    for topic in Settings::default().topic_names().all(&Provider::ALL) {
        let name = topic.strip_prefix("cad.").expect("the prefix of all");
        for record in relay.read_to_end(name).await {
            let value = record.value.expect("a value");
            let published: Published = serde_json::from_slice(&value).expect("a value with raw");
            *times.entry(published.raw.get().to_owned()).or_default() += 1;
        }
    }
    times
}

/// A notification that the earlier build answered 200.
struct Posted {
    source: String,
    /// Its state then: `published` or `pending`.
    state: String,
    body: String,
}

impl Posted {
    fn read(file: &Path) -> Vec<Self> {
        let text = fs::read_to_string(file).expect("what was posted");
        let parse = |line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let field = |name: &str| line[name].as_str().expect("a text").to_owned();
            Self { source: field("source"), state: field("state"), body: field("body") }
        };
        text.lines().map(parse).collect()
    }

    fn notification(&self) -> Notification {
        let provider = Provider::ALL.into_iter().find(|one| one.as_str() == self.source);
        let provider = provider.expect("a source named for its provider");
        Notification::bare(&self.source, self.body.as_bytes()).signed(provider, secret(provider))
    }
}

fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/survival/upgrade");
    let entries = fs::read_dir(folder).expect("the folder of archives");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "gz")).collect()
}
