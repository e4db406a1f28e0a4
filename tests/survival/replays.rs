//! A relay that dies in the middle of a replay.

use crate::faults::{Fault, Faults};
use crate::oracle;
use cadrelay::event::provider::Provider;
use reqwest::{Client, Method};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use support::kafka::Kafka;
use support::notification::Notification;
use support::relay::{Answer, Relay};
use support::waiting::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_whose_relay_dies_around_its_commit_publishes_its_event_once() {
    let kafka = Kafka::shared().await;
    let faults = Faults::new();
    let mut relay = faults.apply(oracle::relay(kafka).source(PLANT)).start().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(relay.post(&odd(number)).await.id());
    }
    relay.drained().await;
    let text = fs::read_to_string(relay.config()).expect("the configuration");
    let assume = "assume = { system = 'data', event = 'dm.version.added' }";
    fs::write(relay.config(), text.replace(PLANT, &format!("{PLANT}\n{assume}")))
        .expect("it is written");
    relay.restart().await;

    for (at, (id, fault, then)) in [
        // Bytes that are written and not synced survive as long as the machine runs.
        (&ids[0], Fault::KillBefore, None),
        (&ids[1], Fault::KillAfter, Some("duplicate")),
        (&ids[2], Fault::TearWrite, Some("published")),
    ]
    .into_iter()
    .enumerate()
    {
        // The next sync is to be that of the replay's commit alone.
        relay.post(&odd(10 + at)).await.assert_accepted();
        relay.drained().await;
        earlier_runs_are_put_away(&relay).await;
        faults.order_next(fault, 1);
        let path = format!("http://{}/api/quarantine/{id}/replay", relay.admin());
        assert!(Client::new().post(path).send().await.is_err(), "{fault:?}");
        assert_eq!(relay.ended().await.signal(), Some(libc::SIGKILL));
        faults.mend();
        relay.restart().await;

        let outcome = replay(&relay, id).await;
        assert!(then.is_none_or(|then| then == outcome), "{fault:?}: {outcome}");
        assert_eq!(replay(&relay, id).await, "duplicate", "{fault:?}");
    }

    relay.drained().await;
    assert_eq!(relay.read_to_end("aps.data").await.len(), 2 * ids.len());
    oracle::assert_books_balance(&relay.metrics().await);
}

/// Waits until the segments of earlier runs are sealed and removed: both sync.
async fn earlier_runs_are_put_away(relay: &Relay) {
    let log = relay.dir().join("spool/log");
    eventually("one segment is left", async || {
        let names = fs::read_dir(&log).ok()?.flatten().map(|entry| entry.file_name());
        let segments = names.filter(|name| name.to_string_lossy().ends_with(".log"));
        (segments.count() == 1).then_some(())
    })
    .await;
}

/// A payload without its hook.
fn odd(number: usize) -> Notification {
    let body = format!(r#"{{"name":"{number}.txt","modifiedTime":"2026-11-25T20:00:00Z"}}"#);
    Notification::bare("plant", body).signed(Provider::Aps, "s3cret-of-plant")
}

async fn replay(relay: &Relay, id: &str) -> String {
    let path = format!("/api/quarantine/{id}/replay");
    let answer: Answer = relay.request(Method::POST, relay.admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["replays"][0]["outcome"].as_str().expect("a text").to_owned()
}

const PLANT: &str = "name = 'plant'\nprovider = 'aps'\nproof = { hmac = ['s3cret-of-plant'] }";
