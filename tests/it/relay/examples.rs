//! The consumers under examples/ do what docs/EVENTS.md says of them.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::notification::Notification;
use support::relay::Relay;
use support::tools::{project, python, succeed};
use tokio::task::spawn_blocking;

/// A document that changes, a translation, a released item, an upload that was processed, and an
/// event that nobody has heard of, each from an open source.
async fn posted(relay: &Relay) -> usize {
    let onshape = |event: &str, rest: Value| {
        let mut body = json!({ "event": event, "messageId": event, "documentId": "d",
            "timestamp": "2024-05-06T04:45:10.611+0000" });
        body.as_object_mut().expect("an object").extend(rest.as_object().expect("one").clone());
        Notification::bare("onshape", body.to_string())
    };
    let aps = |event: &str, system: &str, payload: Value| {
        let hook = json!({ "hookId": "h", "event": event, "system": system });
        let body = json!({ "hook": hook, "payload": payload, "resourceUrn": "urn:v?version=2" });
        Notification::bare("aps", body.to_string())
    };
    let notifications = [
        onshape("onshape.model.lifecycle.changed", json!({})),
        onshape("onshape.model.translation.complete", json!({ "translationId": "t-1" })),
        onshape("onshape.revision.created", json!({ "partNumber": "PRT-1", "releaseId": "r-1" })),
        onshape("onshape.unheard.of", json!({})),
        aps(
            "dm.version.modified",
            "data",
            json!({ "custom-metadata": { "storm:process-state": "PROCESSING_COMPLETE" } }),
        ),
        aps("extraction.finished", "derivative", json!({ "Payload": { "status": "failed" } })),
    ];
    for notification in &notifications {
        relay.post(notification).await.assert_accepted();
        relay.post(notification).await.assert_duplicate();
    }
    relay.drained().await;
    notifications.len()
}

async fn relay() -> Relay {
    let source = |of: &str| format!("name = '{of}'\nprovider = '{of}'\nproof = 'none'");
    let relay = Relay::builder().source(&source("onshape")).source(&source("aps")).start().await;
    assert_eq!(relay.topic(""), "cad.", "the examples read the topics of the default prefix");
    relay
}

async fn printed(mut command: Command) -> Vec<String> {
    let printed = spawn_blocking(move || succeed(&mut command)).await.expect("it ends well");
    let mut lines: Vec<_> = printed.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_consumer_in_python_tells_of_each_event_once_whoever_reads_it_again() {
    let relay = relay().await;
    let count = posted(&relay).await;
    let consume = |group: &str| {
        let mut command = python();
        command.arg(project().join("examples/consumer.py"));
        command.args(["--brokers", &relay.brokers(), "--group", group]);
        command.arg("--database").arg(relay.dir().join("consumer.db"));
        command.args(["--count", &count.to_string()]);
        printed(command)
    };

    let told = consume("first").await;
    // Another group begins anew; the database knows better.
    let again = consume("second").await;

    for expected in [
        "com.onshape.model.lifecycle.changed documents/d",
        "translation t-1 is complete",
        "PRT-1 revised by r-1",
        "com.onshape.unheard.of documents/d",
        "urn:v?version=2 can be viewed",
        "urn:v: failed",
    ] {
        assert!(told.iter().any(|line| line.ends_with(expected)), "{expected}: {told:?}");
    }
    assert_eq!((told.len(), again), (count, vec![]));
}

#[tokio::test]
async fn the_consumer_in_rust_prints_each_event() {
    let relay = relay().await;
    let count = posted(&relay).await;
    let mut consume = Command::new(example("consumer"));
    consume.args([&relay.brokers(), "group", &count.to_string()]);

    let told = printed(consume).await;

    assert_eq!(told.len(), count, "{told:?}");
    assert!(told.iter().any(|line| line.contains(" onshape.unheard.of documents/d ")), "{told:?}");
}

/// An example beside the program under test, as it is now. `cargo test` builds it with all tests, but
/// not with some.
fn example(name: &str) -> PathBuf {
    let program = support::relay::cadrelay().get_program().to_owned();
    let built = Path::new(&program).with_file_name("examples").join(name);
    let source = project().join(format!("examples/{name}.rs"));
    let time = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    assert!(time(&built) >= time(&source), "run cargo build --examples, or tests/run");
    built
}
