//! Whoever asks what came lately, and what became of it, is told.

use cadrelay::event::provider::Provider;
use serde_json::Value;
use std::time::Duration;
use support::notification::Notification;
use support::relay::{Answer, Relay};
use support::waiting::{A_LOSS_IS_SEEN, eventually, within};

/// The decisions that a query finds, newest first.
async fn events(relay: &Relay, query: &str) -> Vec<Value> {
    let answer = relay.ask(&format!("/api/events?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["events"].as_array().expect("a list").clone()
}

/// One field of each.
fn all<'v>(events: &'v [Value], field: &str) -> Vec<&'v str> {
    events.iter().map(|event| event[field].as_str().unwrap_or("-")).collect()
}

/// A request that changes something, as an operator on this machine sends it.
async fn ask_for(relay: &Relay, path: &str) -> Answer {
    relay.request(reqwest::Method::POST, relay.admin(), path).await
}

#[tokio::test]
async fn every_decision_is_listed_with_its_outcome_newest_first() {
    let relay = Relay::builder().start().await;
    let known = Notification::onshape(1);
    let id = relay.post(&known).await.id();
    relay.post(&known).await.assert_duplicate();
    let forged = Notification::onshape(2).signed(Provider::Onshape, "another secret");
    relay.post(&forged).await.assert_problem(401);
    relay.post(&Notification::bare("onshape", vec![b'x'; 2 << 20])).await;

    let events = events(&relay, "").await;

    let outcomes = all(&events, "outcome");
    assert_eq!(outcomes, ["too_large", "unproven", "duplicate", "accepted"], "{events:?}");
    let accepted = &events[3];
    assert_eq!(accepted["id"], id);
    assert_eq!(accepted["event"], "onshape.model.lifecycle.changed");
    assert_eq!((&accepted["group"], &accepted["verified"]), (&"document".into(), &"hmac".into()));
    assert!(accepted["subject"].as_str().is_some_and(|it| it.starts_with("documents/")));
    // Of what was not believed nothing is told but when, and how large it was.
    assert_eq!((&events[1]["id"], &events[1]["subject"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_documents_events_are_found_among_a_thousand_others() {
    let relay = Relay::builder().start().await;
    let mut document = String::new();
    for seed in 0..1_000 {
        let answer = relay.post(&Notification::onshape(seed)).await;
        if seed == 500 {
            let found = events(&relay, &format!("id={}", answer.id())).await;
            document = found[0]["document"].as_str().expect("a document").to_owned();
        }
    }

    let found = events(&relay, &format!("document={document}")).await;

    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(events(&relay, "event=onshape.model.*&limit=1000").await.len(), 1_000);
    assert_eq!(events(&relay, "source=aps").await.len(), 0);
    assert_eq!(events(&relay, "outcome=duplicate").await.len(), 0);
    let subject = found[0]["subject"].as_str().expect("a subject");
    for (query, count) in [
        (format!("subject={subject}"), 1),
        (format!("group=document&document={document}"), 1),
        (format!("group=plm&document={document}"), 0),
    ] {
        assert_eq!(events(&relay, &query).await.len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_document_is_found_in_the_text_of_a_body_that_was_not_understood() {
    let relay = Relay::builder().start().await;
    let secret = support::notification::secret(Provider::Onshape);
    let document = "0f9c4392e5934f30b48ab645";
    let odd = Notification::bare("onshape", format!("{{\"documentId\":\"{document}\",,}}"));
    relay.post(&odd.signed(Provider::Onshape, secret)).await.assert_quarantined();
    for seed in 0..1_000 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }

    for query in [format!("document={document}"), format!("q={}", document.to_uppercase())] {
        let found = events(&relay, &query).await;

        assert_eq!(all(&found, "reason"), ["not_json"], "{query}: {found:?}");
    }
    // A word that every understood body has is not searched for in them.
    assert_eq!(events(&relay, "q=messageId").await.len(), 0);
}

#[tokio::test]
async fn a_refusal_has_its_declared_size_its_time_and_its_reason_in_words() {
    let relay = Relay::builder()
        .source("name = 'open'\nprovider = 'onshape'\nproof = 'none'")
        .set("http.body_limit", "'4KiB'")
        .start()
        .await;
    relay.post(&Notification::bare("open", vec![b'x'; 5_000])).await.assert_problem(413);
    let body = "{\"event\":\"a.b.c\",\"messageId\":\"m\"}";
    let encoded = Notification::bare("open", body).with("content-encoding", "gzip");
    relay.post(&encoded).await.assert_problem(415);
    relay.post(&Notification::bare("open", "no json")).await.assert_problem(400);

    let found = events(&relay, "").await;

    let reasons = ["Not JSON", "Sent with a content-encoding", "Larger than the body limit"];
    assert_eq!(all(&found, "reason"), reasons, "{found:?}");
    let sizes: Vec<_> = found.iter().map(|event| event["bytes"].as_u64()).collect();
    assert_eq!(sizes, [Some(7), Some(body.len() as u64), Some(5_000)]);
    let took = |event: &Value| event["durationMs"].as_f64().expect("a number");
    assert!(found.iter().all(|event| took(event) > 0.0), "{found:?}");
}

#[tokio::test]
async fn what_was_not_proven_says_what_was_wrong_with_its_proof() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::bare("onshape", "{}")).await.assert_problem(401);
    relay
        .post(&Notification::onshape(1).signed(Provider::Onshape, "another"))
        .await
        .assert_problem(401);

    let found = events(&relay, "outcome=unproven").await;

    let reasons = [
        "Not proven: it does not fit the secrets of the source",
        "Not proven: a header or token is missing",
    ];
    assert_eq!(all(&found, "reason"), reasons, "{found:?}");
}

#[tokio::test]
async fn pages_hold_each_decision_once() {
    let relay = Relay::builder().start().await;
    let mut posted = Vec::new();
    for seed in 0..25 {
        posted.push(relay.post(&Notification::onshape(seed)).await.id());
    }

    let mut seen = Vec::new();
    let mut query = "limit=10".to_owned();
    loop {
        let page = relay.ask(&format!("/api/events?{query}")).await.json();
        let events = page["events"].as_array().expect("a list");
        seen.extend(events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=10&before={next}");
    }

    seen.reverse();
    assert_eq!(seen, posted);
}

#[tokio::test]
async fn the_life_of_an_event_tells_each_time_that_it_came_and_where_it_is() {
    let relay = Relay::builder().start().await;
    let notification = Notification::onshape(1);
    let id = relay.post(&notification).await.id();
    relay.post(&notification).await.assert_duplicate();
    relay.post(&notification).await.assert_duplicate();
    let record = relay.consume("onshape.document", 1).await.remove(0);

    let life = eventually("its place is known", async || {
        let life = relay.ask(&format!("/api/events/{id}")).await.json()["events"][0].clone();
        (!life["offset"].is_null()).then_some(life)
    })
    .await;

    assert_eq!((&life["state"], &life["duplicates"]), (&"committed".into(), &2.into()));
    assert_eq!((&life["offset"], &life["sequence"]), (&record.offset.into(), &1.into()));
    assert_eq!(life["topic"], record.topic);
    assert_eq!(life["webhookId"], record.json()["webhookId"]);
    assert_eq!(life["verified"], "hmac");
    let deliveries = life["deliveries"].as_array().expect("a list");
    assert_eq!(all(deliveries, "outcome"), ["accepted", "duplicate", "duplicate"]);
    assert!(deliveries.iter().all(|delivery| delivery["at"].is_string()));
}

#[tokio::test]
async fn decisions_survive_a_restart_and_a_kill() {
    let mut relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.terminate().await;
    relay.restart().await;
    relay.post(&Notification::onshape(2)).await.assert_accepted();
    // A question writes down what was noted before it; without one that takes a quarter of a second.
    assert_eq!(events(&relay, "").await.len(), 2);
    relay.kill();
    relay.restart().await;
    relay.post(&Notification::onshape(3)).await.assert_accepted();

    let cursors = all(&events(&relay, "").await, "cursor").join(" ");

    assert_eq!(cursors, "3 2 1");
}

#[tokio::test]
async fn a_body_is_had_back_byte_for_byte_from_the_spool_or_the_recent_decisions() {
    let mut relay = Relay::builder()
        .source("name = 'open'\nprovider = 'onshape'\nproof = 'none'")
        .start()
        .await;
    relay.kafka_goes_away();
    let odd = "{\r\n \"messageId\" : \"m-1\",\t\"event\":\"onshape.model.lifecycle.changed\", \"n\": 1.0e+2 }";
    let padded = |id: &str| {
        let text = "x".repeat(80 << 10);
        format!(r#"{{"messageId":"{id}","event":"onshape.model.lifecycle.changed","t":"{text}"}}"#)
    };
    let large = padded("large");
    relay.post(&Notification::bare("open", odd)).await.assert_accepted();
    relay.post(&Notification::bare("open", large.clone())).await.assert_accepted();

    assert_eq!(relay.ask("/api/events/m-1/raw").await.body, odd);
    // Too large for the decisions; it waits in the spool.
    assert_eq!(relay.ask("/api/events/large/raw").await.body, large);

    relay.kafka_comes_back();
    relay.drained().await;
    let problem = relay.ask("/api/events/large/raw").await;
    problem.assert_problem(404);
    let place = problem.json();
    assert_eq!(place["topic"], "cad.onshape.document");
    assert!(place["offset"].is_i64() && place["partition"].is_i64(), "{place}");
    assert_eq!(relay.ask("/api/events/m-1/raw").await.body, odd);
    relay.ask("/api/events/never/raw").await.assert_problem(404);
    relay.terminate().await;
}

#[tokio::test]
async fn an_event_that_consumers_lost_is_published_again_and_says_so() {
    let relay = Relay::builder().start().await;
    let id = relay.post(&Notification::aps(1)).await.id();
    relay.drained().await;

    let answer = ask_for(&relay, &format!("/api/events/{id}/replay")).await;

    assert_eq!((answer.status, &answer.json()["outcome"]), (200, &"published".into()));
    let records = relay.consume("aps.data", 2).await;
    let header = |at: usize, name: &str| records[at].header(name).map(str::to_owned);
    let order = usize::from(header(0, "ce_replayof").is_some());
    let (first, again) = (order, 1 - order);
    assert_eq!(header(first, "ce_replayof"), None);
    assert_eq!(header(again, "ce_replayof"), Some(id.clone()));
    assert_eq!(header(again, "ce_id"), Some(id));
    assert_eq!(records[first].key, records[again].key);
    assert_eq!(relay.metrics().await.sum("cadrelay_replayed_total"), 1.0);
    assert_eq!(relay.logged("replayed").await["source"], "aps");
    ask_for(&relay, "/api/events/never/replay").await.assert_problem(404);
}

#[tokio::test]
async fn a_stream_tells_what_comes_and_goes_on_where_it_was_cut() {
    let relay = Relay::builder().start().await;
    let before = relay.post(&Notification::onshape(1)).await.id();
    let url = format!("http://{}/api/events/stream", relay.admin());
    let mut live = reqwest::get(&url).await.expect("a stream");

    let after = relay.post(&Notification::onshape(2)).await.id();
    let told = read_until(&mut live, &after).await;
    assert!(!told.contains(&before), "{told}");

    let client = reqwest::Client::new();
    let request = client.get(&url).header("last-event-id", "0");
    let mut resumed = request.send().await.expect("a stream");
    let told = read_until(&mut resumed, &after).await;
    assert!(told.contains(&before) && told.contains("id: 1\n"), "{told}");

    let only_aps = format!("{url}?source=aps&after=0");
    let mut filtered = reqwest::get(only_aps).await.expect("a stream");
    let of_aps = relay.post(&Notification::aps(3)).await.id();
    let told = read_until(&mut filtered, &of_aps).await;
    assert!(!told.contains(&before) && !told.contains(&after), "{told}");
}

#[tokio::test]
async fn a_stream_has_a_head_and_a_cursor_of_lost_decisions_stops_nothing() {
    let relay = Relay::builder().start().await;
    let first = relay.post(&Notification::onshape(1)).await.id();
    let url = format!("http://{}/api/events/stream", relay.admin());
    let client = reqwest::Client::new();

    let head = client.head(&url).send().await.expect("a head");
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "text/event-stream");

    // The files of decisions were lost meanwhile, so the numbers began anew.
    let request = client.get(&url).header("last-event-id", "5000");
    let mut resumed = request.send().await.expect("a stream");
    let second = relay.post(&Notification::onshape(2)).await.id();
    let told = read_until(&mut resumed, &second).await;
    assert!(told.contains(&first), "{told}");
}

#[tokio::test]
async fn a_client_that_missed_more_than_a_stream_tells_at_once_comes_again_and_hears_each_once() {
    let relay = Relay::builder().start().await;
    for seed in 0..1_100 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    let client = reqwest::Client::new();
    let url = format!("http://{}/api/events/stream", relay.admin());

    let request = client.get(&url).header("last-event-id", "0");
    // It ends by itself: what it tells is not all.
    let first = request.send().await.expect("a stream").text();
    let first = tokio::time::timeout(Duration::from_secs(60), first).await;
    let first = first.expect("the stream ends").expect("it is whole");
    let ids = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect()
    };
    let last = ids(&first).pop().expect("a decision");
    let request = client.get(&url).header("last-event-id", &last);
    let mut second = request.send().await.expect("a stream");
    let rest = read_until(&mut second, "id: 1100\n").await;

    let told = [ids(&first), ids(&rest)].concat();
    let expected: Vec<String> = (1..=1_100).map(|number| number.to_string()).collect();
    assert_eq!(told, expected);
}

/// Reads a stream until a text has come.
async fn read_until(stream: &mut reqwest::Response, text: &str) -> String {
    let mut told = String::new();
    eventually("the stream tells it", async || {
        let chunk = stream.chunk().await.expect("the stream goes on")?;
        told.push_str(&String::from_utf8_lossy(&chunk));
        told.contains(text).then_some(())
    })
    .await;
    told
}

#[tokio::test]
async fn a_question_that_does_not_fit_is_answered_with_what_is_wrong() {
    let relay = Relay::builder().start().await;

    for query in ["outcome=lost", "limit=many", "limit=0", "before=x", "colour=red"] {
        relay.ask(&format!("/api/events?{query}")).await.assert_problem(400);
        relay.ask(&format!("/api/events/stream?{query}")).await.assert_problem(400);
    }
    for query in ["reason=nope", "colour=red", "limit=0", "limit=many"] {
        relay.ask(&format!("/api/quarantine?{query}")).await.assert_problem(400);
    }
    for query in ["colour=red", "limit=many"] {
        relay.ask(&format!("/api/spool/records?{query}")).await.assert_problem(400);
    }
    relay.ask("/api/events/x/raw?colour=red").await.assert_problem(400);
    ask_for(&relay, "/api/events/x/replay?colour=red").await.assert_problem(400);
    for query in ["colour=red", "partition=x"] {
        ask_for(&relay, &format!("/api/quarantine/x/replay?{query}")).await.assert_problem(400);
    }
    // A form sends its empty fields too.
    assert_eq!(relay.ask("/api/events?outcome=&q=").await.status, 200);
    assert_eq!(relay.ask("/api/quarantine?reason=&limit=").await.status, 200);
}

#[tokio::test]
async fn the_sources_and_the_summary_say_what_comes_and_what_waits() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;
    relay.kafka_goes_away();
    relay.post(&Notification::onshape(2)).await.assert_accepted();

    let sources = relay.ask("/api/sources").await.json();
    let onshape = &sources["sources"][1];
    assert_eq!((&onshape["name"], &onshape["proof"][0]), (&"onshape".into(), &"hmac".into()));
    assert_eq!(onshape["outcomes"]["accepted"], 2);
    assert!(onshape["lastNotificationAt"].is_string());
    assert!(!sources.to_string().contains("s3cret"), "{sources}");

    let summary = within(A_LOSS_IS_SEEN, "the summary tells of the outage", async || {
        let summary = relay.status().await["summary"].clone();
        (summary["health"] == "waiting").then_some(summary)
    })
    .await;
    let text = summary["text"].as_str().expect("a text");
    assert!(text.contains("1 event waits, nothing is lost"), "{text}");
}
