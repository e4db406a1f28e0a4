//! Strangers take little of the relay, and never what an honest sender needs.
//!
//! Beside each crowd an honest sender posts all the time and is answered 200 each time.

use crate::relay::hostile::resident;
use crate::relay::wire::{Wire, head};
use cadrelay::event::provider::Provider;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::load::Load;
use support::notification::{Notification, secret};
use support::relay::{Builder, Relay};
use support::waiting::eventually;

const OPEN: &str = "name = 'open'\nprovider = 'onshape'\nproof = 'none'";

/// This process needs as many descriptors as the relay.
fn raise_our_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("our limit");
}

/// So many connections, each of which has sent these bytes.
pub async fn crowd(relay: &Relay, size: usize, bytes: &str) -> Vec<Wire> {
    raise_our_limit();
    let mut crowd = Vec::with_capacity(size);
    for _ in 0..size {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(bytes).await;
        crowd.push(wire);
    }
    crowd
}

/// Posts from one honest sender go on until it has been answered so many times more; ends it.
async fn honest_sender_is_served(load: Load, times: usize) {
    let before = load.acknowledged();
    load.acknowledged_reaches(before + times).await;
    let sent = load.stop().await;
    assert_eq!(sent.unanswered, 0);
    assert!(sent.statuses.keys().all(|status| *status == 200), "{:?}", sent.statuses);
}

#[tokio::test]
async fn five_thousand_half_heads_take_little_memory() {
    let relay = Relay::builder().start().await;
    let load = Load::start(&relay, 1);

    let crowd =
        crowd(&relay, 5_000, "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\nx-half: of a")
            .await;
    let memory = resident(&relay);

    honest_sender_is_served(load, 50).await;
    assert!(memory < 150, "{memory} MiB");
    drop(crowd);
}

#[tokio::test]
async fn ten_thousand_heads_without_an_end_are_refused_at_16_kib() {
    let relay = Relay::builder().start().await;
    let load = Load::start(&relay, 1);
    let endless = format!("POST /webhooks/onshape HTTP/1.1\r\nx: {}", "y".repeat(125_000));
    raise_our_limit();

    let mut crowd = Vec::new();
    let mut most = 0;
    for number in 0..9_800 {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(&endless).await;
        crowd.push(wire);
        if number % 500 == 0 {
            most = most.max(resident(&relay));
        }
    }
    most = most.max(resident(&relay));

    honest_sender_is_served(load, 50).await;
    assert!(most < 400, "{most} MiB");
    let mut one = Wire::to(relay.ingest()).await;
    one.send(&endless).await;
    let reply = one.reply().await.expect("an answer");
    assert_eq!(reply.status, 431);
    assert!(reply.body.contains("\"status\":431"), "{reply:?}");
}

#[tokio::test]
async fn more_connections_than_there_may_be_end_the_slowest_and_no_honest_one() {
    let relay = Relay::builder().set("http.max_connections", "500").start().await;
    let load = Load::start(&relay, 1);
    load.acknowledged_reaches(1).await;

    let mut crowd = crowd(&relay, 10_000, "POST /webhooks/onshape HTTP/1.1\r\nhost:").await;

    honest_sender_is_served(load, 50).await;
    relay.post(&Notification::onshape(1_000_000)).await.assert_accepted();
    // The first came long ago and has gone; it was told why, or at the least hung up on.
    let reply = crowd[0].reply().await;
    assert!(reply.as_ref().is_none_or(|reply| reply.status == 503), "{reply:?}");
    crowd[0].hung_up().await;
}

/// A usual default. The program raises it, and then all of them are held.
#[tokio::test]
async fn a_soft_limit_of_1024_files_is_raised_for_1400_half_open_connections() {
    serves_beside_1400_strangers(Relay::builder().descriptors(1_024, 8_192), 1_400).await;
}

/// It cannot be raised, so the slowest strangers go. What the spool and Kafka need is theirs all the time.
#[tokio::test]
async fn a_hard_limit_of_1024_files_leaves_the_spool_and_kafka_theirs_beside_1400_strangers() {
    serves_beside_1400_strangers(Relay::builder().descriptors(1_024, 1_024), 512).await;
}

/// Strangers come, and then the spool goes through segments and Kafka through an outage: both open files
/// anew. The honest sender is answered 200 throughout.
async fn serves_beside_1400_strangers(relay: Builder, held: usize) {
    // Strangers stay until the end, unless they are ended for a newcomer.
    let relay = relay.set("http.read_timeout", "'120s'").start().await;
    let load = Load::start(&relay, 1);
    let crowd =
        crowd(&relay, 1_400, "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\nx-half:").await;
    // Connecting is the kernel's; the relay takes a moment more, most of all where its table of files grows.
    let files = eventually("the relay holds the strangers", async || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("it runs");
        Some(files.count()).filter(|files| *files > held * 9 / 10)
    })
    .await;

    relay.kafka_goes_away();
    let segments = SEGMENTS_BYTES / LARGE_BYTES;
    for number in 0..segments {
        relay.post(&large(number)).await.assert_accepted();
    }
    relay.kafka_comes_back();
    honest_sender_is_served(load, 50).await;
    relay.drained().await;
    let published = relay.read_to_end("onshape.document").await.len();
    assert!(published > segments, "{published} of {segments}");
    assert!(files > held * 9 / 10 && files < held + 300, "{files} files for {held} strangers");
    let log = relay.log();
    assert!(!log.contains("ERROR"), "{log}");
    drop(crowd);
}

/// Two segments of the log and more.
const SEGMENTS_BYTES: usize = 60_000_000;
const LARGE_BYTES: usize = 900_000;

/// A notification with a large body.
fn large(number: usize) -> Notification {
    let body = format!(
        "{{\"event\":\"onshape.model.lifecycle.changed\",\"messageId\":\"large-{number}\",\"data\":\"{}\"}}",
        "x".repeat(LARGE_BYTES)
    );
    Notification::bare("onshape", body).signed(Provider::Onshape, secret(Provider::Onshape))
}

#[tokio::test]
async fn bodies_without_their_last_byte_take_no_room_from_honest_ones_in_two_pieces() {
    let relay = Relay::builder().source(OPEN).start().await;
    let megabyte = 1 << 20;
    let unfinished =
        head("open", &format!("content-length: {megabyte}\r\n")) + &"x".repeat(megabyte - 1);
    let crowd = crowd(&relay, 200, &unfinished).await;
    eventually("bodies hold all the room there is", async || {
        relay.log().contains("connections_crowded").then_some(())
    })
    .await;

    for number in 0..50 {
        let body = format!("{{\"event\":\"onshape.x\",\"messageId\":\"m{number}\"}}");
        let (first, second) = body.split_at(10);
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(head("open", &format!("content-length: {}\r\n", body.len())) + first).await;
        tokio::task::yield_now().await;
        wire.send(second).await;
        assert_eq!(wire.reply().await.expect("an answer").status, 200, "{number}");
    }
    drop(crowd);
}

#[tokio::test]
async fn a_later_head_of_a_connection_has_a_deadline_too() {
    let honest = OPEN.replace("open", "onshape");
    let builder = Relay::builder().source(OPEN).source(&honest);
    let relay = builder.set("http.read_timeout", "'1s'").start().await;
    let load = Load::start(&relay, 1);
    let body = "{\"event\":\"onshape.x\"}";
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(head("open", &format!("content-length: {}\r\n", body.len())) + body).await;
    assert_eq!(wire.reply().await.expect("an answer").status, 200);

    wire.send("POST /webhooks/open HTTP/1.1\r\nhost:").await;

    let reply = wire.reply().await.expect("an answer");
    assert_eq!(reply.status, 408);
    assert!(reply.body.contains("\"status\":408"), "{reply:?}");
    wire.hung_up().await;
    honest_sender_is_served(load, 10).await;
}

#[tokio::test]
async fn half_a_head_in_the_same_packet_as_a_good_request_has_a_deadline_too() {
    let relay = Relay::builder()
        .source(OPEN)
        .set("http.read_timeout", "'1s'")
        .set("http.keep_alive", "'3600s'")
        .start()
        .await;
    let body = "{\"event\":\"onshape.x\"}";
    let post = head("open", &format!("content-length: {}\r\n", body.len())) + body;

    // One good request, and then two of them.
    for good in [post.clone(), post.repeat(2)] {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(good.clone() + "POST /webhooks/open HTTP/1.1\r\nhost:").await;
        for _ in 0..good.len() / post.len() {
            assert_eq!(wire.reply().await.expect("an answer").status, 200);
        }
        assert_eq!(wire.reply().await.expect("an answer").status, 408);
        wire.hung_up().await;
    }
}

#[tokio::test]
async fn a_connection_may_rest_as_long_as_keep_alive_says_and_not_longer() {
    let relay = Relay::builder()
        .source(OPEN)
        .set("http.read_timeout", "'1s'")
        .set("http.keep_alive", "'2s'")
        .start()
        .await;
    let body = "{\"event\":\"onshape.x\"}";
    let post = head("open", &format!("content-length: {}\r\n", body.len())) + body;
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(&post).await;
    assert_eq!(wire.reply().await.expect("an answer").status, 200);

    let rested = std::time::Instant::now();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut chunked = Wire::to(relay.ingest()).await;
    chunked.send(head("open", "transfer-encoding: chunked\r\n") + &chunks).await;
    assert_eq!(chunked.reply().await.expect("an answer").status, 200);

    wire.hung_up().await;
    assert!(chunked.reply().await.is_none(), "it was told of a head that it had not begun");

    assert!(rested.elapsed() >= std::time::Duration::from_secs(2));
    assert!(!relay.log().contains("ERROR"), "{}", relay.log());
}

#[tokio::test]
async fn what_is_no_http_is_told_so_in_our_words() {
    let relay = Relay::builder().start().await;
    for bytes in
        ["hello\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"]
    {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(bytes).await;
        let reply = wire.reply().await.expect("an answer");
        assert_eq!(reply.status, 400);
        assert!(reply.body.contains("\"status\":400"), "{reply:?}");
    }
    assert!(!relay.log().contains("stream error"), "{}", relay.log());
}
