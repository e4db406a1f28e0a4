//! `/api/quarantine`: who may, and what is not there.

use super::{command, outcomes, payload_only, plant, replay};
use reqwest::Method;
use std::time::Instant;
use support::kafka::{Kafka, Received};
use support::relay::{Answer, Relay};

#[tokio::test]
async fn changes_need_the_token_and_come_from_no_other_site() {
    let kafka = Kafka::shared().await;
    let relay = plant(kafka).set("admin.token", "'s3cret-of-admin'").start().await;
    let id = relay.post(&payload_only(1)).await.id();
    relay.consume("quarantine", 1).await;
    let path = format!("/api/quarantine/{id}/replay");
    let post = async |token: &str, origin: &str| {
        let request = reqwest::Client::new().post(format!("http://{}{path}", relay.admin()));
        let request = request.bearer_auth(token).header("origin", origin);
        Answer::read(request.send().await.expect("an answer")).await.expect("a whole answer")
    };
    let ours = format!("http://{}", relay.admin());

    relay.request(Method::POST, relay.admin(), &path).await.assert_problem(401);
    relay.ask("/api/quarantine").await.assert_problem(401);
    post("wrong", &ours).await.assert_problem(401);
    post("s3cret-of-admin", "https://evil.example").await.assert_problem(403);
    assert_eq!(outcomes(&post("s3cret-of-admin", &ours).await), ["still_quarantined"]);
    let listed = relay.ask_with_token("/api/quarantine?source=plant", "s3cret-of-admin").await;
    assert_eq!(listed.json()["records"][0]["id"], id);
    let (replayed, code) = command(&relay, "replay", &["--id", &id, "--url"], true).await;
    assert_eq!((replayed[0]["outcome"].as_str(), code), (Some("still_quarantined"), 1));
}

#[tokio::test]
async fn what_is_not_in_quarantine_is_not_found() {
    let kafka = Kafka::shared().await;
    let relay = plant(kafka).start().await;
    replay(&relay, "never", "").await.assert_problem(404);
    let id = relay.post(&payload_only(1)).await.id();
    let lying = relay.consume("quarantine", 1).await.remove(0);

    let at = |record: &Received, more: i64| {
        format!("?partition={}&offset={}", record.partition, record.offset + more)
    };
    assert_eq!(outcomes(&replay(&relay, &id, &at(&lying, 0)).await), ["still_quarantined"]);
    for query in [&*at(&lying, 5), "?partition=99&offset=0", "?partition=0&offset=-1", "?source=x"]
    {
        replay(&relay, &id, query).await.assert_problem(404);
    }
    replay(&relay, "never", &at(&lying, 0)).await.assert_problem(404);
}

#[tokio::test]
async fn a_quarantine_that_cannot_be_read_is_not_an_empty_one() {
    let relay = Relay::builder().start().await;
    relay.kafka_goes_away();

    relay.ask("/api/quarantine").await.assert_problem(503);
    replay(&relay, "some", "").await.assert_problem(503);
}

#[tokio::test]
async fn five_reads_while_kafka_is_away_take_no_longer_together_than_two_alone() {
    let relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    let read = async || relay.ask("/api/quarantine").await.assert_problem(503);

    let began = Instant::now();
    read().await;
    let alone = began.elapsed();
    let began = Instant::now();
    tokio::join!(read(), read(), read(), read(), read());
    let together = began.elapsed();

    // One after the other they would take five times as long.
    assert!(together < 2 * alone, "one takes {alone:?}, five together {together:?}");
}
