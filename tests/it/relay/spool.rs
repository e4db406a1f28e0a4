//! Whoever looks after the spool sees what waits, and whether it is sound, and changes nothing.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::notification::Notification;
use support::relay::{Relay, cadrelay};

#[tokio::test]
async fn what_waits_is_seen_on_the_directory_of_a_killed_relay_and_stays_as_it_is() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    let mut ids = Vec::new();
    for seed in 0..5 {
        ids.push(relay.post(&Notification::onshape(seed)).await.id());
    }
    relay.post(&Notification::aps(1)).await.assert_accepted();
    let status = relay.status().await;
    relay.kill();
    let before = files(&relay.dir().join("spool"));

    let (stat, code) = look(&relay, &["stat"]);
    assert_eq!(code, 0);
    assert_eq!((&stat["instance"], &stat["run"]), (&status["instance"], &status["run"]));
    assert_eq!((&stat["pending"], &stat["lastSequence"]), (&6.into(), &6.into()));
    let lanes = stat["lanes"].as_array().unwrap();
    let lane = lanes.iter().find(|lane| lane["topic"] == "cad.onshape.document").unwrap();
    assert_eq!((&lane["pending"], &lane["released"]), (&5.into(), &0.into()));
    assert!(lane["oldest"].is_string(), "{lane}");

    let (list, _) = look(&relay, &["list", "--topic", "cad.onshape.document", "--limit", "4"]);
    let listed: Vec<_> = list.as_array().unwrap().iter().map(|record| &record["id"]).collect();
    assert_eq!(listed, ids[..4].iter().collect::<Vec<_>>());

    let (verdict, code) = look(&relay, &["verify"]);
    assert_eq!(
        (code, &verdict["records"], &verdict["faults"]),
        (0, &6.into(), &Value::Array(vec![]))
    );

    assert_eq!(files(&relay.dir().join("spool")), before);
    relay.kafka_comes_back();
    relay.restart().await;
    assert_eq!(relay.consume("onshape.document", 5).await.len(), 5);
}

#[tokio::test]
async fn the_same_is_seen_beside_a_running_relay_by_who_has_its_token() {
    let relay = Relay::builder().set("admin.token", "'0perator'").start().await;
    relay.kafka_goes_away();
    let id = relay.post(&Notification::onshape(1)).await.id();
    let url = format!("http://{}", relay.admin());
    let beside = |words: &[&str]| look(&relay, &[words, &["--url", &url]].concat());

    assert_eq!(beside(&["stat"]).0["pending"], 1);
    assert_eq!(beside(&["list"]).0[0]["id"], id);
    let (verdict, code) = beside(&["verify"]);
    assert_eq!((code, &verdict["records"]), (0, &1.into()));
    assert_eq!(relay.ask("/api/spool/stat").await.status, 401);
}

#[tokio::test]
async fn positions_in_kafka_agree_with_a_spool_that_was_drained_and_stopped() {
    let mut relay = Relay::builder().start().await;
    for seed in 0..3 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    relay.drained().await;
    relay.terminate().await;

    let (verdict, code) = look(&relay, &["verify", "--connect"]);

    assert_eq!((code, &verdict["faults"]), (0, &Value::Array(vec![])));
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_a_segment_is_found_and_the_file_named() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    for seed in 0..20 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    relay.kill();
    let log = relay.dir().join("spool/log");
    let segment = files(&log)
        .into_keys()
        .find(|path| path.extension().is_some_and(|extension| extension == "log"))
        .expect("a segment");
    let sound = fs::read(&segment).unwrap();
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap();

    // The page before the first frame holds its few bytes twice.
    for at in (4096..used).step_by((used - 4096) / 9) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        fs::write(&segment, &flipped).unwrap();

        let (verdict, code) = look(&relay, &["verify"]);

        assert_eq!(code, 1, "byte {at} of {used}: {verdict}");
        let name = segment.file_name().unwrap().to_str().unwrap();
        let faults = verdict["faults"].as_array().unwrap();
        let named = |fault: &Value| fault["place"].as_str().unwrap().ends_with(name);
        assert!(faults.iter().any(named), "byte {at} of {used}: {verdict}");
        assert!(fs::read(&segment).unwrap() == flipped, "the evidence is changed");
    }
}

#[tokio::test]
async fn where_there_is_no_spool_none_is_made() {
    let mut relay = Relay::builder().start().await;
    relay.terminate().await;
    fs::remove_dir_all(relay.dir().join("spool")).unwrap();

    for command in ["stat", "list", "verify"] {
        let (_, code) = look(&relay, &[command]);
        assert_eq!(code, 4, "{command}");
    }

    assert!(!relay.dir().join("spool").exists());
}

/// Runs `cadrelay spool` with the relay's configuration: what it says, and how it ended.
fn look(relay: &Relay, words: &[&str]) -> (Value, i32) {
    let output = cadrelay()
        .arg("spool")
        .args(words)
        .arg("--config")
        .arg(relay.config())
        .output()
        .expect("the command starts");
    let code = output.status.code().expect("an exit code");
    (serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), code)
}

/// Every file under a folder, with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
    found
}
