//! The effect of one connection on the others: none.

use crate::relay::wire::{Wire, head};
use support::notification::Notification;
use support::relay::Relay;

const OPEN: &str = "name = 'open'\nprovider = 'onshape'\nproof = 'none'";

#[tokio::test]
async fn requests_in_one_go_on_one_connection_are_answered_in_their_order() {
    let relay = Relay::builder().source(OPEN).start().await;
    let mut wire = Wire::to(relay.ingest()).await;
    let mut text = String::new();
    for number in 0..20 {
        let body = format!("{{\"event\":\"onshape.x\",\"messageId\":\"m{number}\"}}");
        text.push_str(&head("open", &format!("content-length: {}\r\n", body.len())));
        text.push_str(&body);
    }

    wire.send(text).await;

    for number in 0..20 {
        let reply = wire.reply().await.expect("an answer to each");
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains(&format!("\"m{number}\"")), "{number}: {reply:?}");
    }
}

#[tokio::test]
async fn a_stranger_gets_one_answer_on_a_connection() {
    let relay = Relay::builder().start().await;
    let get = "GET /webhooks/onshape HTTP/1.1\r\nhost: relay\r\n\r\n";
    let requests = [
        (head("onshape", "content-length: 2\r\n") + "{}", 401),
        (head("nobody", "content-length: 2\r\n") + "{}", 404),
        (get.to_owned(), 200),
        (get.replace("GET", "PUT"), 405),
    ];

    for (request, status) in requests {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(request).await;
        assert_eq!(wire.reply().await.expect("an answer").status, status);
        wire.hung_up().await;
    }
}

#[tokio::test]
async fn a_head_or_body_that_does_not_come_ends_and_counts_as_not_received() {
    let relay = Relay::builder().source(OPEN).set("http.read_timeout", "'1s'").start().await;
    let mut half_head = Wire::to(relay.ingest()).await;
    let mut half_body = Wire::to(relay.ingest()).await;
    let mut half_chunk = Wire::to(relay.ingest()).await;
    let mut nowhere = Wire::to(relay.ingest()).await;
    let mut looking = Wire::to(relay.ingest()).await;
    let mut left = Wire::to(relay.ingest()).await;

    half_head.send("POST /webhooks/open HTTP/1.1\r\nhost:").await;
    half_body.send(head("open", "content-length: 50\r\n") + "{\"event\":").await;
    half_chunk.send(head("open", "transfer-encoding: chunked\r\n") + "5\r\n{\"ev").await;
    nowhere.send(head("nobody", "transfer-encoding: chunked\r\n") + "5\r\n{\"ev").await;
    looking
        .send("GET /webhooks/open HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{")
        .await;
    left.send(head("open", "content-length: 50\r\n") + "{\"event\":").await;
    drop(left);

    half_head.hung_up().await;
    let mut others = [(half_body, 408), (half_chunk, 408), (nowhere, 404), (looking, 200)];
    for (wire, status) in &mut others {
        assert_eq!(wire.reply().await.expect("an answer").status, *status);
        wire.hung_up().await;
    }
    let other = relay.post(&Notification::bare("open", "{\"event\":\"onshape.x\"}")).await;
    other.assert_accepted();
    let metrics = relay.metrics().await;
    assert_eq!(metrics.sum("cadrelay_notifications_total"), 1.0);
}

#[tokio::test]
async fn a_connection_over_the_limit_is_served_and_the_one_that_rested_longest_goes() {
    let relay = Relay::builder()
        .source(OPEN)
        .set("http.workers", "1")
        .set("http.max_connections", "2")
        .start()
        .await;
    let body = "{\"event\":\"onshape.x\"}";
    let post = head("open", &format!("content-length: {}\r\n", body.len())) + body;
    let mut served = [Wire::to(relay.ingest()).await, Wire::to(relay.ingest()).await];
    for wire in &mut served {
        wire.send(&post).await;
        assert_eq!(wire.reply().await.expect("an answer").status, 200);
    }

    let mut third = Wire::to(relay.ingest()).await;
    third.send(&post).await;

    assert_eq!(third.reply().await.expect("an answer").status, 200);
    served[0].hung_up().await;
    served[1].send(&post).await;
    assert_eq!(served[1].reply().await.expect("an answer").status, 200);
}

#[tokio::test]
async fn what_is_no_http_is_answered_and_not_more() {
    let relay = Relay::builder().source(OPEN).start().await;
    let garbage = [
        "\r\n\r\nhello\r\n\r\n".to_owned(),
        "POST /webhooks/open HTTP/9.9\r\n\r\n".to_owned(),
        head("open", "content-length: minus one\r\n"),
        head("open", "content-length: 2\r\ncontent-length: 3\r\n") + "{}",
        head("open", "content-length: 2\r\ntransfer-encoding: chunked\r\n") + "{}",
        head("open", &format!("x: {}\r\n", "y".repeat(300_000))),
    ];

    for bytes in &garbage {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(bytes).await;
        let reply = wire.reply().await;
        assert!(
            reply.as_ref().is_none_or(|reply| (400..500).contains(&reply.status)),
            "{bytes:.60}: {reply:?}"
        );
    }

    let other = relay.post(&Notification::bare("open", "{\"event\":\"onshape.x\"}")).await;
    other.assert_accepted();
    assert_eq!(relay.metrics().await.sum("cadrelay_notifications_total"), 1.0);
}
