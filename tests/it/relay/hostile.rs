//! Requests that no provider sends: no panic, no 5xx but 503, memory that stays, never 200 without
//! proof, and honest senders notice nothing.

use crate::relay::wire::{Wire, head};
use cadrelay::event::provider::Provider;
use support::notification::{Notification, secret};
use support::relay::Relay;
use support::waiting::eventually;

/// Sends these bytes on a connection of their own and gives the statuses of all answers, up to the
/// end of the connection.
async fn statuses(relay: &Relay, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(bytes).await;
    wire.end().await;
    let mut statuses = Vec::new();
    while let Some(reply) = wire.reply().await {
        statuses.push(reply.status);
    }
    statuses
}

/// Each of the requests is refused, by a status that blames the sender or by hanging up, and the
/// relay is as it was.
async fn each_is_refused(relay: &Relay, requests: &[(&str, Vec<u8>)]) {
    for (what, bytes) in requests {
        let statuses = statuses(relay, bytes).await;
        let refused = statuses.iter().all(|status| (400..500).contains(status));
        assert!(refused, "{what}: {statuses:?}");
    }
    is_unharmed(relay).await;
}

/// Nothing was stored, nothing panicked, and an honest notification is accepted.
async fn is_unharmed(relay: &Relay) {
    let metrics = relay.metrics().await;
    assert_eq!(metrics.sum("cadrelay_window_ids"), 0.0);
    assert!(!relay.log().contains("panicked"), "{}", relay.log());
    relay.post(&Notification::onshape(1)).await.assert_accepted();
}

/// The resident memory of the process, in MiB.
pub fn resident(relay: &Relay) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// A genuine notification as it goes over the wire, its path as given.
fn genuine(path: &str) -> String {
    let notification = Notification::onshape(7);
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: relay\r\n");
    for (name, value) in &notification.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = String::from_utf8(notification.body).expect("a body is text");
    request + &format!("content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_before_it_is_held() {
    let relay = Relay::builder().start().await;
    let many: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    let name = format!("{}: y\r\n", "x".repeat(1 << 20));
    let path = format!("POST /webhooks/{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    let before = resident(&relay);

    for _ in 0..20 {
        for lines in [&many, &long, &name] {
            let statuses = statuses(&relay, head("onshape", lines)).await;
            assert!(statuses.iter().all(|status| (400..500).contains(status)), "{statuses:?}");
        }
        let statuses = statuses(&relay, &path).await;
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{statuses:?}");
    }

    let after = resident(&relay);
    assert!(after < before + 32, "{before} MiB before, {after} after");
    is_unharmed(&relay).await;
}

#[tokio::test]
async fn a_chunked_body_without_end_is_cut_at_the_limit() {
    let relay = Relay::builder().start().await;
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10));
    let before = resident(&relay);

    for _ in 0..20 {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(head("onshape", "transfer-encoding: chunked\r\n")).await;
        // Four times what it takes; it hangs up on the way.
        for _ in 0..64 {
            wire.send(&chunk).await;
        }
        let reply = wire.reply().await;
        assert!(reply.as_ref().is_none_or(|reply| reply.status == 413), "{reply:?}");
        wire.hung_up().await;
    }

    let after = resident(&relay);
    assert!(after < before + 32, "{before} MiB before, {after} after");
    is_unharmed(&relay).await;
}

#[tokio::test]
async fn chunks_that_are_none_are_refused() {
    let relay = Relay::builder().start().await;
    let chunked =
        |body: &str| (head("onshape", "transfer-encoding: chunked\r\n") + body).into_bytes();

    let requests = [
        ("a size beyond all numbers", chunked("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        ("a size that is no number", chunked("two\r\n{}\r\n0\r\n\r\n")),
        ("a negative size", chunked("-2\r\n{}\r\n0\r\n\r\n")),
        ("an extension without end", chunked(&format!("2;{}\r\n", "x".repeat(200_000)))),
        ("no end of a chunk", chunked("2\r\n{}x\r\n0\r\n\r\n")),
        ("a trailer", chunked("2\r\n{}\r\n0\r\nx: y\r\n\r\n")),
    ];

    each_is_refused(&relay, &requests).await;
}

#[tokio::test]
async fn a_malformed_chunk_is_400_at_once_and_a_body_that_ends_early_is_408() {
    let relay = Relay::builder().start().await;
    let chunked = head("onshape", "transfer-encoding: chunked\r\n");

    for (what, body) in [
        ("a size that is no number", "zz\r\n{}\r\n0\r\n\r\n"),
        ("a negative size", "-3\r\n{}\r\n0\r\n\r\n"),
        ("a size that ends in a bare LF", "2\n{}\n0\n\n"),
        ("no CRLF after a chunk", "2\r\n{}0\r\n\r\n"),
        ("a malformed chunk after a good one", "2\r\n{}\r\nzz\r\n\r\n"),
    ] {
        for at_once in [true, false] {
            let mut wire = Wire::to(relay.ingest()).await;
            if at_once {
                wire.send(chunked.clone() + body).await;
            } else {
                wire.send(&chunked).await;
                tokio::task::yield_now().await;
                wire.send(body).await;
            }
            let reply = wire.reply().await.expect("an answer");

            assert_eq!(reply.status, 400, "{what}: {reply:?}");
            assert!(reply.body.contains("A chunk of the body is malformed"), "{what}: {reply:?}");
        }
    }
    let mut early = Wire::to(relay.ingest()).await;
    early.send(chunked + "2\r\n{").await;
    early.end().await;

    assert_eq!(early.reply().await.expect("an answer").status, 408);
    let metrics = relay.metrics().await;
    assert_eq!(metrics.sum("cadrelay_notifications_total"), 0.0);
    is_unharmed(&relay).await;
}

#[tokio::test]
async fn two_lengths_of_one_body_are_refused_so_nothing_can_be_smuggled() {
    let relay = Relay::builder().start().await;
    // A proxy in front may take this for the body of the first request; for us it is a request of
    // its own.
    let smuggled = genuine("/webhooks/onshape");
    let with = |lines: &str, body: &str| (head("onshape", lines) + body + &smuggled).into_bytes();
    let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n";

    let requests = [
        ("length and chunks", with(both, "0\r\n\r\n")),
        (
            "chunks and length",
            with("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n"),
        ),
        ("two lengths", with("content-length: 2\r\ncontent-length: 3\r\n", "{}")),
        ("two equal lengths", with("content-length: 2\r\ncontent-length: 2\r\n", "{}")),
        ("a list of lengths", with("content-length: 2, 2\r\n", "{}")),
        ("a signed length", with("content-length: +2\r\n", "{}")),
        ("a negative length", with("content-length: -2\r\n", "{}")),
        ("another coding last", with("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n")),
        ("a coding of no meaning", with("transfer-encoding: xchunked\r\n", "0\r\n\r\n")),
        ("a blank before the colon", with("transfer-encoding : chunked\r\n", "0\r\n\r\n")),
        ("a folded line", with("x: y\r\n transfer-encoding: chunked\r\n", "0\r\n\r\n")),
    ];

    each_is_refused(&relay, &requests).await;
}

#[tokio::test]
async fn a_path_reaches_a_source_only_as_it_is_configured() {
    let relay = Relay::builder().start().await;
    let paths = [
        "//webhooks/onshape",
        "/webhooks//onshape",
        "/webhooks/onshape//",
        "/webhooks/./onshape",
        "/webhooks/aps/../onshape",
        "/webhooks/%2e%2e/webhooks/onshape",
        "/webhooks%2fonshape",
        "/webhooks/%6fnshape",
        "/webhooks/onshape%00",
        "/webhooks/onshape;x",
        "/webhooks/onshape%2f",
        "/webhooks/%c1%afnshape",
        "/webhooks\\onshape",
        "/WEBHOOKS/onshape",
        "/webhooks/Onshape",
        "http://relay/webhooks/nobody",
        "*",
    ];
    let mut requests: Vec<_> = paths.map(|path| (path, genuine(path).into_bytes())).into();
    requests.push(("a NUL", genuine("/webhooks/onshape\0").into_bytes()));
    requests.push(("an overlong slash", {
        let mut bytes = genuine("/webhooks/onshape").into_bytes();
        let at = "POST /webhooks".len();
        bytes.splice(at..=at, *b"\xc0\xaf");
        bytes
    }));

    each_is_refused(&relay, &requests).await;
    // The absolute form, which proxies may send, names the same source.
    let absolute = statuses(&relay, genuine("http://relay/webhooks/onshape?x=y")).await;
    assert_eq!(absolute, [200]);
}

#[tokio::test]
async fn an_upgrade_or_another_protocol_is_not_followed() {
    let relay = Relay::builder().start().await;
    let h2c = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let websocket = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    let requests = [
        ("HTTP/2 by its preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        (
            "HTTP/2 by an upgrade",
            (head("onshape", &format!("{h2c}content-length: 2\r\n")) + "{}").into(),
        ),
        (
            "a web socket",
            (head("onshape", &format!("{websocket}content-length: 2\r\n")) + "{}").into(),
        ),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("a tunnel", b"CONNECT relay:80 HTTP/1.1\r\nhost: relay\r\n\r\n".to_vec()),
    ];

    each_is_refused(&relay, &requests).await;
}

#[tokio::test]
async fn who_asks_before_sending_is_told_to_go_on_and_then_answered() {
    let relay = Relay::builder().start().await;
    let request = genuine("/webhooks/onshape");
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let mut wire = Wire::to(relay.ingest()).await;

    wire.send(format!("{head}\r\nexpect: 100-continue\r\n\r\n")).await;
    let go_on = wire.reply().await.expect("an answer before the body");
    wire.send(body).await;
    let answer = wire.reply().await.expect("an answer to the body");

    assert_eq!((go_on.status, answer.status), (100, 200), "{answer:?}");
}

#[tokio::test]
async fn of_requests_on_one_connection_each_has_to_prove_itself() {
    let relay = Relay::builder().start().await;
    let forged = head("onshape", "content-length: 2\r\n") + "{}";
    let request = genuine("/webhooks/onshape") + &forged;

    assert_eq!(statuses(&relay, request).await, [200, 401]);

    assert_eq!(relay.metrics().await.sum("cadrelay_window_ids"), 1.0);
}

#[tokio::test]
async fn a_thousand_silent_connections_hold_nobody_up_and_end() {
    let relay = Relay::builder().set("http.read_timeout", "'2s'").start().await;
    let before = resident(&relay);
    let beginnings = [
        "",
        "POST /webhooks/onshape HT",
        "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\nx: ",
        "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\ncontent-length: 900000\r\n\r\n{",
        "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\ntransfer-encoding: chunked\r\n\r\n9",
    ];
    let mut wires = Vec::new();
    for beginning in beginnings.iter().cycle().take(1_000) {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(beginning).await;
        wires.push(wire);
    }

    for seed in 1..=20 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    let after = resident(&relay);
    for wire in &mut wires {
        while wire.reply().await.is_some_and(|reply| reply.status == 408) {}
        wire.hung_up().await;
    }

    assert!(after < before + 64, "{before} MiB before, {after} after");
    assert!(!relay.log().contains("panicked"));
}

/// Ten thousand connections, which is the usual limit, with a megabyte each could take ten gigabytes.
#[tokio::test]
async fn bodies_that_do_not_end_hold_no_more_than_there_is_room_for() {
    let relay = Relay::builder().start().await;
    let before = resident(&relay);
    let beginning = head("onshape", "content-length: 1000000\r\n") + &"x".repeat(999_999);

    let mut wires = Vec::new();
    for _ in 0..200 {
        let mut wire = Wire::to(relay.ingest()).await;
        wire.send(&beginning).await;
        wires.push(wire);
    }
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let after = resident(&relay);
    let mut refused = 0;
    for wire in &mut wires {
        let status = wire.reply().await.expect("an answer").status;
        assert!([408, 503].contains(&status), "{status}");
        refused += u32::from(status == 503);
    }

    // 64 MiB of bodies, which the allocator may hold twice, and what each connection reads ahead.
    assert!(after < before + 192, "{before} MiB before, {after} after");
    assert!(refused >= 100, "{refused}");
    // The room is given back.
    let large = format!("{{\"event\":\"onshape.x\",\"a\":\"{}\"}}", "x".repeat(900_000));
    let large = Notification::bare("onshape", large);
    relay.post(&large.signed(Provider::Onshape, secret(Provider::Onshape))).await.assert_accepted();
}

#[tokio::test]
async fn bodies_that_cost_a_parser_dear_cost_us_what_they_weigh() {
    let relay = Relay::builder().start().await;
    let object = |members: String| format!("{{\"event\":\"onshape.x\",{members}}}");
    let keys = |name: fn(usize) -> String, count: usize| {
        let members: Vec<_> = (0..count).map(|at| format!("\"{}\":1", name(at))).collect();
        object(members.join(","))
    };
    // Names of equal length and end, which a weak hash would all put in one place.
    let colliding = keys(|at| format!("{at:016b}").replace('0', "Aa").replace('1', "BB"), 20_000);
    let bodies = [
        ("100,000 keys", keys(|at| format!("k{at}"), 77_000)),
        ("keys that collide", colliding),
        ("one key 100,000 times", keys(|_| "k".into(), 100_000)),
        ("a number of 10,000 digits", object(format!("\"n\":{}", "9".repeat(10_000)))),
        ("an exponent of 10,000 digits", object(format!("\"n\":1e{}", "9".repeat(10_000)))),
        ("a nest of 500,000", format!("{}{}", "[".repeat(500_000), "]".repeat(500_000))),
        ("half a nest", "{\"a\":".repeat(200_000)),
        ("escapes alone", object(format!("\"s\":\"{}\"", "\\ud800".repeat(150_000)))),
    ];
    let before = resident(&relay);

    for (what, body) in &bodies {
        assert!(body.len() <= 1 << 20, "{what}: {}", body.len());
        for provider in Provider::ALL {
            let odd = Notification::bare(provider.as_str(), body.as_str());
            relay.post(&odd).await.assert_problem(401);
            let began = std::time::Instant::now();
            let answer = relay.post(&odd.signed(provider, secret(provider))).await;
            let took = began.elapsed();
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
            // A debug build on a busy machine; what is quadratic takes minutes.
            assert!(took.as_secs() < 20, "{what}: {took:?}");
        }
    }
    relay.drained().await;
    let after = resident(&relay);

    assert!(after < before + 128, "{before} MiB before, {after} after");
    assert!(!relay.log().contains("panicked"));
}

/// HTTP/2 came with the web framework on TLS alone, and there one request with 30,000 header names
/// ended in a panic, and the heads of 500 unproven ones in 600 MiB.
#[tokio::test]
async fn over_tls_there_is_http_1_alone() {
    let (relay, certificate) = with_tls().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([certificate])
        .resolve("localhost", relay.ingest())
        .build()
        .expect("a client that speaks HTTP/2 where it can");
    let post = |notification: Notification| {
        let url = format!("https://localhost:{}/webhooks/onshape", relay.ingest().port());
        let mut request = client.post(url).body(notification.body);
        for (name, value) in &notification.headers {
            request = request.header(name, value);
        }
        request.send()
    };

    let answer = post(Notification::onshape(1)).await.expect("an answer");

    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_11));
    eventually("the event is published", async || {
        (relay.metrics().await.sum("cadrelay_published_total") == 1.0).then_some(())
    })
    .await;
}

/// A relay with a certificate of its own, and that certificate.
async fn with_tls() -> (Relay, reqwest::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let dir = tempfile::tempdir().expect("a folder");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("it is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it is written");
    let tls = format!("{{ cert = '{}', key = '{}' }}", cert.display(), key.display());
    let relay = Relay::builder().set("http.tls", &tls).start().await;
    let certificate = reqwest::Certificate::from_pem(made.cert.pem().as_bytes());
    (relay, certificate.expect("a certificate"))
}
