//! Crowds on the admin listener, which need no token, shut out no probe.

use crate::relay::wire::Wire;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::relay::Relay;
use support::waiting::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test]
async fn the_probes_answer_beside_1000_idle_connections() {
    probes_answer_beside(1_000, "").await;
}

#[tokio::test]
async fn the_probes_answer_beside_1000_half_heads() {
    probes_answer_beside(1_000, "GET /liv").await;
}

#[tokio::test]
async fn the_probes_answer_beside_300_streams() {
    probes_answer_beside(300, STREAM).await;
}

#[tokio::test]
async fn a_new_connection_makes_room_where_open_files_are_few() {
    let relay = Relay::builder().descriptors(1_024, 1_024).start().await;

    let mut strangers = Vec::new();
    for number in 0..1_000 {
        let mut wire = Wire::to(relay.admin()).await;
        wire.send(if number % 2 == 0 { "" } else { "GET /liv" }).await;
        strangers.push(wire);
        if number % 50 == 0 {
            let answer = timeout(DEADLINE, status(relay.admin(), "/livez")).await;
            assert_eq!(answer.expect("it is not shut out"), Some(200), "beside {number}");
        }
    }

    // The first came long ago, and were closed for the others.
    strangers[0].hung_up().await;
    strangers[1].hung_up().await;
    let files = std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("it runs").count();
    assert!(files < 400, "{files} files");
}

#[tokio::test]
async fn streams_are_bounded_and_one_that_ends_makes_room() {
    let relay = Relay::builder().start().await;

    let mut streams = Vec::new();
    let mut refused = 0;
    for _ in 0..100 {
        let mut wire = Wire::to(relay.admin()).await;
        wire.send(STREAM).await;
        match wire.reply().await.expect("an answer").status {
            200 => streams.push(wire),
            503 => refused += 1,
            status => panic!("{status}"),
        }
    }

    assert_eq!((streams.len(), refused), (64, 36));
    assert_eq!(relay.ask("/api/events").await.status, 200);
    drop(streams);
    eventually("there is room for a stream", async || {
        let mut wire = Wire::to(relay.admin()).await;
        wire.send(STREAM).await;
        (wire.reply().await?.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_head_on_the_admin_listener_that_is_no_http_is_a_problem() {
    let relay = Relay::builder().start().await;
    let mut wire = Wire::to(relay.admin()).await;

    wire.send("hello\r\n\r\n").await;

    let reply = wire.reply().await.expect("an answer");
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("\"status\":400"), "{reply:?}");
}

#[tokio::test]
async fn many_requests_on_one_connection_of_the_admin_listener_are_all_answered() {
    let relay = Relay::builder().start().await;
    let mut wire = Wire::to(relay.admin()).await;
    let paths = ["/livez", "/readyz", "/metrics", "/api/status", "/api/events", "/api/spool/stat"];

    for path in paths.into_iter().cycle().take(600) {
        wire.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        assert_eq!(wire.reply().await.expect("an answer").status, 200, "{path}");
    }
}

/// Each probe gets its answer on a connection of its own, many times, while a crowd comes back
/// whenever it is hung up on.
async fn probes_answer_beside(size: usize, bytes: &'static str) {
    let relay = Relay::builder().start().await;
    let came = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    for _ in 0..size {
        crowd.spawn(stranger(relay.admin(), bytes, Arc::clone(&came)));
    }
    // More than the listener had room for when it could be shut.
    eventually("a crowd has come", async || (came.load(Ordering::Relaxed) >= 200).then_some(()))
        .await;

    for round in 0..ROUNDS {
        for path in ["/livez", "/readyz"] {
            let answer = timeout(DEADLINE, status(relay.admin(), path)).await;
            let answer = answer.unwrap_or_else(|_| panic!("{path} is shut out in round {round}"));
            assert_eq!(answer, Some(200), "{path} in round {round}");
        }
    }
    crowd.abort_all();
}

/// Connects, sends these bytes, and reads until it is hung up on; again and again.
async fn stranger(to: SocketAddr, bytes: &str, came: Arc<AtomicUsize>) {
    loop {
        // From an address of its own: a crowd takes thousands of ports, and a broker of another test
        // that was down must find its own again.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(CROWD).expect("the address is on loopback");
        if let Ok(mut stream) = socket.connect(to).await {
            came.fetch_add(1, Ordering::Relaxed);
            drop(stream.write_all(bytes.as_bytes()).await);
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
        // A client that comes back faster burns the processors that other tests need.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn status(to: SocketAddr, path: &str) -> Option<u16> {
    let mut wire = Wire::to(to).await;
    wire.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    Some(wire.reply().await?.status)
}

const STREAM: &str = "GET /api/events/stream HTTP/1.1\r\nhost: localhost\r\n\r\n";
const CROWD: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 0));
const ROUNDS: usize = 20;
/// An answer takes milliseconds. A listener that is shut out opens when its strangers are timed out,
/// after five seconds, for as many newcomers.
const DEADLINE: Duration = Duration::from_secs(3);
