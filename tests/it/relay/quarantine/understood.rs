//! A body that was not understood is published once when it is.

use super::{TRACE, command, outcomes, payload_only, plant, replay, understand};
use crate::relay::books::assert_balances;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::kafka::Kafka;
use support::relay::Answer;
use support::waiting::eventually;

#[tokio::test]
async fn what_is_understood_at_last_is_published_once_as_if_it_had_been_at_first() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).start().await;
    let odd = payload_only(1);
    let answer = relay.post(&odd).await;
    answer.assert_quarantined();
    relay.drained().await;
    let lying = relay.consume("quarantine", 1).await.remove(0);

    let still = replay(&relay, &answer.id(), "").await;
    assert_eq!(outcomes(&still), ["still_quarantined"]);
    assert_eq!(still.json()["replays"][0]["reason"], "no_hook");
    understand(&mut relay).await;
    let rehearsed = replay(&relay, &answer.id(), "?dryRun=true").await;
    let replayed = replay(&relay, &answer.id(), "").await;
    let again = replay(&relay, &answer.id(), "").await;
    relay.drained().await;

    assert_eq!(outcomes(&rehearsed), ["published"]);
    assert_eq!(outcomes(&replayed), ["published"]);
    assert_eq!(outcomes(&again), ["duplicate"]);
    relay.post(&odd).await.assert_duplicate();
    let events = relay.read_to_end("aps.data").await;
    let [event] = &events[..] else { panic!("{events:?}") };
    let (event_value, lying_value) = (event.json(), lying.json());
    assert_eq!(event.header("ce_id"), replayed.json()["replays"][0]["eventId"].as_str());
    assert_eq!(event.header("ce_verified"), Some("hmac"));
    assert_eq!(event.header("ce_receivedtime"), lying_value["receivedAt"].as_str());
    assert_eq!(event.header("ce_traceparent"), Some(TRACE));
    assert_eq!(event.header("ce_replayof"), None);
    assert_eq!(event_value["raw"], lying_value["raw"]);
    assert_eq!(relay.read_to_end("quarantine").await.len(), 1);
    let metrics = relay.metrics().await;
    assert_eq!(metrics.get("cadrelay_replayed_total", &[]), 1.0);
    assert_eq!(metrics.sum("cadrelay_events_total"), 0.0);
    assert_balances(&metrics);
    let audit = relay.logged("replayed").await;
    assert_eq!(audit["event.id"], answer.id());
    assert!(audit["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{audit}");
}

#[tokio::test]
async fn what_came_otherwise_meanwhile_is_not_published_again() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).start().await;
    let odd = payload_only(1);
    let id = relay.post(&odd).await.id();
    relay.drained().await;

    understand(&mut relay).await;
    relay.post(&odd).await.assert_accepted();
    let replayed = replay(&relay, &id, "").await;
    relay.drained().await;

    assert_eq!(outcomes(&replayed), ["duplicate"]);
    assert_eq!(relay.read_to_end("aps.data").await.len(), 1);
}

#[tokio::test]
async fn a_replay_is_remembered_when_the_window_has_passed() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).set("dedup.window", "'1s'").start().await;
    let id = relay.post(&payload_only(1)).await.id();
    relay.drained().await;
    understand(&mut relay).await;

    let replayed = replay(&relay, &id, "").await.json();
    let event = replayed["replays"][0]["eventId"].as_str().expect("an id").to_owned();
    let mut others = 2..;
    eventually("the event's id is forgotten", async || {
        // Ids go when others come.
        relay.post(&payload_only(others.next().expect("a number"))).await.assert_accepted();
        (relay.ask(&format!("/api/events/{event}")).await.status == 404).then_some(())
    })
    .await;
    relay.restart().await;

    assert_eq!(outcomes(&replay(&relay, &id, "?dryRun=true").await), ["duplicate"]);
    assert_eq!(outcomes(&replay(&relay, &id, "").await), ["duplicate"]);
    relay.drained().await;
    let events = relay.read_to_end("aps.data").await;
    assert_eq!(events.iter().filter(|found| found.header("ce_id") == Some(&*event)).count(), 1);
}

#[tokio::test]
async fn fifty_replays_of_one_record_at_the_same_moment_publish_it_once() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).start().await;
    let id = relay.post(&payload_only(1)).await.id();
    relay.drained().await;
    understand(&mut relay).await;

    let url = format!("http://{}/api/quarantine/{id}/replay", relay.admin());
    let (client, mut asking) = (reqwest::Client::new(), tokio::task::JoinSet::new());
    for _ in 0..50 {
        let request = client.post(&url);
        asking.spawn(async move {
            Answer::read(request.send().await.expect("an answer")).await.expect("a whole answer")
        });
    }
    let answers = asking.join_all().await;
    relay.drained().await;

    let told: Vec<String> = answers.iter().flat_map(outcomes).collect();
    assert_eq!(told.iter().filter(|outcome| *outcome == "published").count(), 1);
    assert_eq!(told.iter().filter(|outcome| *outcome == "duplicate").count(), 49);
    assert_eq!(relay.read_to_end("aps.data").await.len(), 1);
}

#[tokio::test]
async fn replays_that_are_crossed_by_kills_publish_each_event_once() {
    let kafka = Kafka::shared().await;
    let mut relay = plant(kafka).start().await;
    let mut ids = BTreeSet::new();
    for seed in 0..RECORDS {
        ids.insert(relay.post(&payload_only(seed)).await.id());
    }
    relay.drained().await;
    understand(&mut relay).await;

    for kill_after in [7, 19, 3] {
        // Told or not, committed or not: the relay dies while others wait for their answers.
        let (client, answered) = (reqwest::Client::new(), AtomicUsize::new(0));
        let admin = relay.admin();
        let asking = async {
            for id in &ids {
                let url = format!("http://{admin}/api/quarantine/{id}/replay");
                if client.post(url).send().await.is_err() {
                    return;
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        };
        let killing = async {
            eventually("some are replayed", async || {
                (answered.load(Ordering::Relaxed) >= kill_after).then_some(())
            })
            .await;
            relay.kill();
        };
        tokio::join!(asking, killing);
        relay.restart().await;
    }
    let (rest, code) = command(&relay, "replay", &["--all", "--yes", "--url"], true).await;
    relay.drained().await;

    assert_eq!((rest.as_array().map(Vec::len), code), (Some(RECORDS as usize), 0));
    let events = relay.read_to_end("aps.data").await;
    let published: BTreeSet<&str> =
        events.iter().filter_map(|event| event.header("ce_id")).collect();
    assert_eq!((events.len(), published.len()), (RECORDS as usize, RECORDS as usize));
    assert_balances(&relay.metrics().await);
}

const RECORDS: u64 = 40;
