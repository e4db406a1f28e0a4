//! The answers to senders: every row of the table of statuses (DESIGN.md section 5).

use crate::relay::wire::{Wire, head};
use cadrelay::event::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

/// Without proof, so that a test can post what it likes.
const OPEN: &str = "name = 'open'\nprovider = 'onshape'\nproof = 'none'";

#[tokio::test]
async fn an_authentic_notification_is_accepted_and_its_redelivery_is_a_duplicate() {
    let relay = Relay::builder().start().await;

    for notification in [Notification::onshape(1), Notification::aps(2)] {
        let first = relay.post(&notification).await;
        let second = relay.post(&notification).await;

        first.assert_accepted();
        second.assert_duplicate();
        assert_eq!(first.id(), second.id());
        assert_eq!(first.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn what_is_authentic_and_not_understood_is_quarantined_with_200() {
    let relay = Relay::builder().start().await;
    let bodies: [&[u8]; 7] =
        [b"[]", b"7", b"null", b"{}", b"not json", b"{\"event\":7}", b"\xff\xfe\x00"];

    for body in bodies {
        for provider in Provider::ALL {
            let secret = support::notification::secret(provider);
            let odd = Notification::bare(provider.as_str(), body).signed(provider, secret);
            relay.post(&odd).await.assert_quarantined();
            relay.post(&odd).await.assert_duplicate();
        }
    }
}

#[tokio::test]
async fn an_unknown_source_or_path_is_404_by_every_method() {
    let relay = Relay::builder().start().await;

    relay.post(&Notification::onshape(1).to("nobody")).await.assert_problem(404);
    for path in ["/", "/webhooks", "/webhooks/", "/webhooks/nobody", "/webhooks/onshape/x", "//"] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            relay.request(method, relay.ingest(), path).await.assert_problem(404);
        }
    }
    for path in ["/metrics", "/readyz", "/livez", "/api/status"] {
        relay.get(path).await.assert_problem(404);
    }
    assert_eq!(relay.metrics().await.sum("cadrelay_notifications_total"), 0.0);
}

#[tokio::test]
async fn a_wrong_url_leaves_a_trace_without_a_series_of_its_own() {
    let relay = Relay::builder().start().await;
    let before = relay.metrics().await;
    assert_eq!(before.get("cadrelay_unknown_source_total", &[]), 0.0);

    for _ in 0..1_000 {
        relay.post(&Notification::onshape(1).to("acmee")).await.assert_problem(404);
    }
    relay.get("/webhooks/a-person-who-tries").await.assert_problem(404);

    let after = relay.metrics().await;
    assert_eq!(after.get("cadrelay_unknown_source_total", &[]), 1_000.0);
    assert_eq!(after.names(), before.names());
    let line = relay.logged("unknown_source").await;
    assert_eq!(line["path"], "/webhooks/acmee");
    let lines = relay.log_lines();
    let lines = lines.iter().filter(|line| line["event"] == "unknown_source").count();
    // One a minute: a thousand posts take seconds.
    assert!(lines <= 2, "{lines} lines");
    let sentence = relay.status().await["summary"]["text"].clone();
    let told =
        "In the last 5 minutes 1,000 notifications were posted to a URL that names no source";
    assert!(sentence.as_str().is_some_and(|text| text.contains(told)), "{sentence}");
}

#[tokio::test]
async fn another_method_is_405_with_allow() {
    let relay = Relay::builder().start().await;

    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        let answer = relay.request(method.clone(), relay.ingest(), "/webhooks/onshape").await;

        answer.assert_problem(405);
        let allow = answer.header("allow").expect("a 405 has Allow");
        assert!(allow.split(", ").any(|allowed| allowed == "POST"), "{method}: {allow}");
    }
    assert_eq!(relay.metrics().await.sum("cadrelay_notifications_total"), 0.0);
}

#[tokio::test]
async fn a_person_who_opens_the_url_of_a_source_is_told_what_it_is() {
    let relay = Relay::builder().start().await;

    let answer = relay.get("/webhooks/aps?token=x").await;
    let head = relay.request(Method::HEAD, relay.ingest(), "/webhooks/aps").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), serde_json::json!({ "source": "aps", "provider": "aps" }));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_notification_that_is_not_proven_is_401_and_stores_nothing() {
    let relay = Relay::builder().start().await;
    let (onshape, aps) = (Notification::onshape(1), Notification::aps(2));
    let hours = |hours| Timestamp::now() + SignedDuration::from_hours(hours);
    let at = |time| onshape.clone().signed_at(Provider::Onshape, SECRET, time);
    let timestamp = "x-onshape-webhook-timestamp";
    let unproven = [
        Notification::bare("onshape", onshape.body.clone()),
        Notification::bare("aps", aps.body.clone()),
        onshape.clone().signed(Provider::Onshape, "another secret"),
        aps.clone().signed(Provider::Aps, "another secret"),
        onshape.clone().without(timestamp),
        onshape.clone().without(timestamp).with(timestamp, "yesterday"),
        at(hours(-73)),
        at(hours(1)),
        Notification { body: b"{\"event\":\"forged\"}".to_vec(), ..onshape.clone() },
        Notification { body: b"not json".to_vec(), ..aps.clone() },
    ];

    for forged in &unproven {
        let answer = relay.post(forged).await;

        answer.assert_problem(401);
        assert!(!answer.body.contains(SECRET), "{answer:?}");
    }

    let metrics = relay.metrics().await;
    assert_eq!(metrics.sum("cadrelay_spool_pending"), 0.0);
    assert_eq!(metrics.sum("cadrelay_published_total"), 0.0);
    assert_eq!(metrics.sum("cadrelay_window_ids"), 0.0);
    relay.post(&onshape).await.assert_accepted();
}

#[tokio::test]
async fn what_is_no_json_is_400_where_nothing_has_to_be_proven() {
    let relay = Relay::builder().source(OPEN).start().await;

    for body in [&b"not json"[..], b"", b"{\"a\":", b"\xff", b"{} {}"] {
        relay.post(&Notification::bare("open", body)).await.assert_problem(400);
    }

    relay.post(&Notification::bare("open", "[1]")).await.assert_quarantined();
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_its_length_is_announced_or_not() {
    let relay = Relay::builder().source(OPEN).set("http.body_limit", "'4KiB'").start().await;
    let fits = format!("{{\"event\":\"onshape.x\",\"fill\":\"{}\"}}", "x".repeat(4096 - 31));
    assert_eq!(fits.len(), 4096);
    let large = format!("{fits} ");
    let chunked = |body: &str| {
        let mut text = head("open", "transfer-encoding: chunked\r\n");
        for part in body.as_bytes().chunks(1000) {
            text.push_str(&format!("{:x}\r\n{}\r\n", part.len(), str::from_utf8(part).unwrap()));
        }
        text + "0\r\n\r\n"
    };

    relay.post(&Notification::bare("open", large.as_str())).await.assert_problem(413);
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(chunked(&large)).await;
    let unannounced = wire.reply().await.expect("an answer");
    // Without the body: who would send gigabytes is told so before.
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(head("open", "content-length: 9999999999\r\n")).await;
    let announced = wire.reply().await.expect("an answer");
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(chunked(&fits)).await;
    let fitting = wire.reply().await.expect("an answer");

    assert_eq!(unannounced.status, 413);
    assert_eq!(announced.status, 413);
    assert_eq!(fitting.status, 200, "{fitting:?}");
    relay.post(&Notification::bare("open", fits)).await.assert_duplicate();
}

#[tokio::test]
async fn a_body_with_a_content_encoding_is_415() {
    let relay = Relay::builder().start().await;
    let notification = Notification::onshape(1);

    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let encoded = notification.clone().with("content-encoding", encoding);
        relay.post(&encoded).await.assert_problem(415);
    }

    relay.post(&notification.with("content-encoding", "identity")).await.assert_accepted();
}

#[tokio::test]
async fn a_full_spool_is_503_until_it_drains_and_still_knows_what_it_has() {
    let relay = Relay::builder().set("spool.max_bytes", "'64KiB'").start().await;
    let first = Notification::onshape(0);
    relay.post(&first).await.assert_accepted();
    relay.drained().await;

    relay.kafka_goes_away();
    let refused = fill(&relay).await;
    refused.assert_problem(503);
    let retry_after: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&retry_after));
    let (ready, state) = relay.ready().await;
    assert_eq!((ready, state["spool"]["state"].as_str()), (false, Some("full")));
    relay.post(&first).await.assert_duplicate();
    relay
        .post(&Notification::onshape(9).without("x-onshape-webhook-timestamp"))
        .await
        .assert_problem(401);

    relay.kafka_comes_back();
    relay.drained().await;
    let again = eventually("a place in the spool", async || {
        let answer = relay.post(&Notification::onshape(5000)).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    again.assert_accepted();
    assert!(relay.ready().await.0);
}

/// Posts new events until one is not taken.
async fn fill(relay: &Relay) -> support::relay::Answer {
    for seed in 1..500 {
        let answer = relay.post(&Notification::onshape(seed)).await;
        if answer.status != 200 {
            return answer;
        }
    }
    panic!("64 KiB took 500 records");
}

#[tokio::test]
async fn every_authentic_body_is_200_and_never_a_redirect_whatever_it_holds() {
    let relay = Relay::builder().start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let bodies = [
        "{\"event\":\"onshape.unheard.of\"}".to_owned(),
        "{\"event\":null,\"hook\":null,\"payload\":null}".to_owned(),
        format!("{{\"event\":\"onshape.model.lifecycle.changed\",\"data\":{}}}", deep(127)),
        format!("{{\"event\":\"onshape.model.lifecycle.changed\",\"data\":{}}}", deep(50_000)),
        "{\"event\":\"onshape.x\",\"messageId\":1e999,\"a\":123456789012345678901234567890}".into(),
        "{\"event\":\"a\",\"event\":\"onshape.b\",\"messageId\":\"000000000000000000000000\"}"
            .into(),
        "\u{feff}{\"event\":\"onshape.mark\"}".to_owned(),
        "{\"event\":\"\\ud800\"}".to_owned(),
        format!("{{\"event\":\"{}\"}}", "x".repeat(100_000)),
        "{\"hook\":{\"system\":\"data\",\"event\":\"dm.*\"},\"payload\":[]}".to_owned(),
    ];

    for body in &bodies {
        for provider in Provider::ALL {
            let secret = support::notification::secret(provider);
            let odd = Notification::bare(provider.as_str(), body.as_str()).signed(provider, secret);
            let answer = relay.post(&odd).await;
            assert_eq!(answer.status, 200, "{provider} {body:.80}: {answer:?}");
        }
    }

    relay.drained().await;
    let metrics = relay.metrics().await;
    let taken = (bodies.len() * Provider::ALL.len()) as f64;
    assert_eq!(metrics.sum("cadrelay_published_total"), taken);
}

const SECRET: &str = "s3cret-of-onshape-9f2c";

#[tokio::test]
async fn a_slash_at_the_end_is_the_same_source_and_an_empty_encoding_is_none() {
    let relay = Relay::builder().start().await;
    let notification = Notification::onshape(1);
    let to_slash = notification.clone().to("onshape/");

    relay.post(&to_slash.with("content-encoding", "")).await.assert_accepted();
    relay.post(&notification).await.assert_duplicate();
}

#[tokio::test]
async fn a_401_names_the_scheme_that_is_asked() {
    let basic = "proof = { basic = { username = 'onshape', password = 'pass-of-basic-1' } }";
    let relay = Relay::builder()
        .source("name = 'signed'\nprovider = 'aps'\nproof = { hmac = ['k-of-the-signed-source'] }")
        .source(&format!("name = 'basic'\nprovider = 'onshape'\n{basic}"))
        .start()
        .await;

    let challenge = async |source: &str| {
        let answer = relay.post(&Notification::bare(source, "{}")).await;
        answer.assert_problem(401);
        answer.header("www-authenticate").expect("a 401 has WWW-Authenticate").to_owned()
    };

    assert_eq!(challenge("basic").await, "Basic realm=\"cadrelay\"");
    assert!(!challenge("signed").await.starts_with("Basic"));
}

#[tokio::test]
async fn the_admin_listener_answers_head_wherever_get_and_405_to_other_methods() {
    let relay = Relay::builder().start().await;

    for path in ["/livez", "/readyz", "/metrics", "/api/status", "/api/events", "/console"] {
        let head = relay.request(Method::HEAD, relay.admin(), path).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        let delete = relay.request(Method::DELETE, relay.admin(), path).await;
        delete.assert_problem(405);
        assert!(delete.header("allow").is_some_and(|allow| allow.contains("GET")), "{path}");
    }
    // It takes no notifications.
    for method in [Method::GET, Method::POST] {
        relay.request(method, relay.admin(), "/webhooks/onshape").await.assert_problem(404);
    }
    let replay = relay.request(Method::GET, relay.admin(), "/api/events/x/replay").await;
    replay.assert_problem(405);
    assert_eq!(replay.header("allow"), Some("POST"));
}

#[tokio::test]
async fn parameters_that_the_admin_listener_cannot_read_are_a_problem_of_400() {
    let relay = Relay::builder().start().await;

    for path in [
        "/api/quarantine?limit=abc",
        "/api/spool/records?limit=-1",
        "/api/events?limit=abc",
        "/api/events?no_such=1",
    ] {
        let answer = relay.ask(path).await;
        answer.assert_problem(400);
        assert!(answer.body.contains("/api/openapi.json"), "{path}: {}", answer.body);
    }
    for path in ["/api/quarantine/x/replay?offset=abc", "/api/events/x/replay?source=a&source=b"] {
        relay.request(Method::POST, relay.admin(), path).await.assert_problem(400);
    }
    let form = reqwest::Client::builder().no_proxy().build().expect("a client");
    let form = form.post(format!("http://{}/console/sign-in", relay.admin())).body("token");
    let answer = form.send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_wrong_path_of_the_admin_listener_is_told_of_paths_and_its_root_leads_to_the_console() {
    let relay = Relay::builder().start().await;

    for path in ["/api/", "/api", "/metric", "/console/nothing.js", "/webhooks/onshape"] {
        let answer = relay.ask(path).await;
        answer.assert_problem(404);
        assert!(answer.body.contains("There is no such path"), "{path}: {}", answer.body);
    }
    for path in ["/", "/console/"] {
        let answer = relay.ask(path).await;
        assert_eq!((answer.status, answer.header("location")), (307, Some("/console")), "{path}");
    }
}

#[tokio::test]
async fn without_a_token_a_page_that_gives_its_name_our_address_reads_nothing() {
    let relay = Relay::builder().start().await;
    let client = reqwest::Client::new();
    let ask = async |path: &str, host: &str| {
        let url = format!("http://{}{path}", relay.admin());
        let answer = client.get(url).header("host", host).send().await.expect("an answer");
        answer.status().as_u16()
    };

    for path in ["/api/status", "/api/events", "/api/quarantine", "/console"] {
        assert_eq!(ask(path, "evil.example").await, 403, "{path}");
    }
    assert_eq!(ask("/api/status", "localhost:9464").await, 200);
    // Prometheus calls it by its name in the cluster, and probes by any.
    assert_eq!(ask("/metrics", "relay.cad.svc").await, 200);
    assert_eq!(ask("/readyz", "10.0.0.7").await, 200);
}
