//! A spool that an earlier build left is opened by this one.
//!
//! `upgrade/` holds one archive for each build whose spool must be read, and the script that made it.

use crate::oracle;
use cadrelay::event::provider::Provider;
use cadrelay::kafka::settings::Settings;
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::notification::{Notification, secret};
use support::relay::Relay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_in_the_spool_of_an_earlier_build_is_published_once_and_repeats_are_known() {
    let archives = archives();
    assert!(!archives.is_empty(), "there is no spool of an earlier build");
    for archive in archives {
        opens(&archive).await;
    }
}

async fn opens(archive: &Path) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let unpacked = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(dir.path()).status();
    assert!(unpacked.expect("tar runs").success());
    let posted = Posted::read(&dir.path().join("posted.jsonl"));
    let waiting = posted.iter().filter(|one| one.state == "pending").count();
    assert!(waiting > 100 && posted.len() > waiting + 100, "{waiting} of {}", posted.len());

    let relay = Relay::builder()
        .set("spool.dir", &format!("'{}'", dir.path().join("spool").display()))
        // The archive grows older than any window that is used.
        .set("dedup.window", "'876000h'")
        .start()
        .await;
    assert_eq!(relay.metrics().await.sum("cadrelay_spool_recovered"), waiting as f64);
    relay.drained().await;

    let bodies = |state: &str| {
        let mut times = BTreeMap::new();
        for one in posted.iter().filter(|one| one.state == state) {
            *times.entry(one.body.clone()).or_default() += 1_u64;
        }
        times
    };
    assert_eq!(published(&relay).await, bodies("pending"), "{}", archive.display());
    for one in &posted {
        relay.post(&one.notification()).await.assert_duplicate();
    }
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;
    oracle::assert_books_balance(&relay.metrics().await);
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
