//! Every kind of proof, over the wire, for both providers (DESIGN.md section 6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cadrelay::event::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use support::notification::{Notification, secret};
use support::relay::Relay;

#[tokio::test]
async fn each_of_two_secrets_will_do_while_one_replaces_the_other() {
    let hmac = "proof = { hmac = ['the-new-one', 'the-old-one'] }";
    let sources = Provider::ALL.map(|of| format!("name = '{of}'\nprovider = '{of}'\n{hmac}"));
    let relay = Relay::builder().source(&sources[0]).source(&sources[1]).start().await;

    for (seed, secret) in [(1, "the-new-one"), (2, "the-old-one")] {
        relay
            .post(&Notification::onshape(seed).signed(Provider::Onshape, secret))
            .await
            .assert_accepted();
        relay.post(&Notification::aps(seed).signed(Provider::Aps, secret)).await.assert_accepted();
    }
    relay
        .post(&Notification::onshape(3).signed(Provider::Onshape, "the-oldest"))
        .await
        .assert_problem(401);
    relay.post(&Notification::aps(3).signed(Provider::Aps, "the-oldest")).await.assert_problem(401);
}

#[tokio::test]
async fn either_signature_header_of_onshape_and_of_aps_will_do() {
    let relay = Relay::builder().start().await;
    let primary = Notification::onshape(1);
    let (header, signature) = primary.headers[1].clone();
    assert_eq!(header, "x-onshape-webhook-signature-primary");
    let secondary =
        primary.without(&header).with("x-onshape-webhook-signature-secondary", &signature);
    let aps = Notification::aps(2);

    relay.post(&secondary).await.assert_accepted();
    relay.post(&aps.clone().without("x-aps-signature")).await.assert_accepted();
    relay.post(&Notification::aps(3).without("x-adsk-signature")).await.assert_accepted();
    relay
        .post(&aps.without("x-aps-signature").without("x-adsk-signature"))
        .await
        .assert_problem(401);
}

#[tokio::test]
async fn basic_credentials_prove_a_source_that_asks_for_them() {
    let relay = Relay::builder()
        .source(
            "name = 'acme'\nprovider = 'onshape'\n\
             proof = { basic = { username = 'onshape', password = 'pass:word' } }",
        )
        .start()
        .await;
    let bare = Notification::onshape(1).to("acme");
    let with =
        |text: &str| bare.clone().with("authorization", &format!("Basic {}", BASE64.encode(text)));

    relay.post(&with("onshape:pass:word")).await.assert_accepted();
    for wrong in ["onshape:pass", "onshape", "Onshape:pass:word", ":pass:word", ""] {
        relay.post(&with(wrong)).await.assert_problem(401);
    }
    relay.post(&bare.clone().with("authorization", "Basic ***")).await.assert_problem(401);
    relay.post(&bare).await.assert_problem(401);
}

#[tokio::test]
async fn a_token_in_the_url_proves_a_source_that_asks_for_it() {
    let relay = Relay::builder()
        .source("name = 'acme'\nprovider = 'aps'\nproof = { url_token = ['t/ken+1', 'other'] }")
        .start()
        .await;
    // Made once: a second one may be of another second.
    let notification = Notification::aps(1);
    let to = |query: &str| notification.clone().to(&format!("acme{query}"));

    relay.post(&to("?token=t%2Fken%2B1")).await.assert_accepted();
    relay.post(&to("?a=b&token=other")).await.assert_duplicate();
    for wrong in ["", "?", "?token=", "?token=t", "?token=other&token=other", "?TOKEN=other"] {
        relay.post(&to(wrong)).await.assert_problem(401);
    }
}

#[tokio::test]
async fn the_echoed_token_proves_and_is_not_passed_on() {
    let relay = Relay::builder()
        .env("RUST_LOG", "debug,h2=info,hyper=info")
        .source("name = 'acme'\nprovider = 'onshape'\nproof = { data_token = ['echo-7f3a'] }")
        .start()
        .await;
    let body = |message: &str, data: &str| {
        let text = format!(
            "{{\"event\":\"onshape.model.lifecycle.changed\",\"messageId\":\"{message}\",\
             \"documentId\":\"d1\",\"data\":{data},\"again\":[\"echo-7f3a\"]}}"
        );
        Notification::bare("acme", text)
    };

    let mut shown = Vec::new();
    let unknown = Notification::bare("acme", "{\"data\":\"echo-7f3a\"}");
    let said_as_id = body("echo-7f3a", "\"echo-7f3a\"");
    for proven in
        [body("m1", "\"echo-7f3a\""), body("m2", "\"\\u0065cho-7f3a\""), unknown, said_as_id]
    {
        let answer = relay.post(&proven).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        shown.push(format!("{answer:?}").into_bytes());
    }
    for wrong in ["\"echo\"", "null", "7", "[\"echo-7f3a\"]"] {
        let refused = relay.post(&body("m3", wrong)).await;
        refused.assert_problem(401);
        shown.push(format!("{refused:?}").into_bytes());
    }
    relay.drained().await;
    for (topic, count) in [("onshape.document", 3), ("quarantine", 1)] {
        for record in relay.consume(topic, count).await {
            shown.push(record.key_text().as_bytes().to_vec());
            shown.extend(record.headers.iter().map(|(_, text)| text.clone()));
            shown.push(record.value.clone().expect("a value"));
        }
    }
    shown.push(relay.log().into_bytes());
    shown.push(format!("{:?}", relay.ask("/metrics").await).into_bytes());
    shown.push(format!("{:?}", relay.ask("/api/spool/records").await).into_bytes());
    // The waiting records are the ones that go to Kafka.
    for file in files(&relay.dir().join("spool")) {
        shown.push(std::fs::read(file).expect("a file of the spool"));
    }

    for bytes in shown {
        let at = bytes.windows(9).position(|window| window == b"echo-7f3a");
        let near = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at + 9]));
        assert_eq!(near, None);
    }
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one"));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn of_several_kinds_all_must_hold() {
    let relay = Relay::builder()
        .source(
            "name = 'acme'\nprovider = 'onshape'\n\
             proof = { hmac = ['key'], url_token = ['token'], \
             basic = { username = 'u', password = 'p' } }",
        )
        .start()
        .await;
    let basic = format!("Basic {}", BASE64.encode("u:p"));
    let whole = Notification::onshape(1)
        .signed(Provider::Onshape, "key")
        .with("authorization", &basic)
        .to("acme?token=token");

    for lacking in [
        whole.clone().to("acme"),
        whole.clone().without("authorization"),
        whole.clone().without("x-onshape-webhook-signature-primary"),
    ] {
        relay.post(&lacking).await.assert_problem(401);
    }
    relay.post(&whole).await.assert_accepted();

    let records = relay.consume("onshape.document", 1).await;
    assert_eq!(records[0].json()["verified"], "hmac+basic+url_token");
}

#[tokio::test]
async fn a_source_without_proof_believes_anyone_and_says_so_in_the_event() {
    let relay =
        Relay::builder().source("name = 'open'\nprovider = 'aps'\nproof = 'none'").start().await;

    relay.post(&Notification::bare("open", Notification::aps(1).body)).await.assert_accepted();

    let records = relay.consume("aps.data", 1).await;
    assert_eq!(records[0].header("ce_verified"), Some("none"));
}

#[tokio::test]
async fn a_signature_is_taken_as_long_as_its_repeat_would_be_noticed() {
    let source = |rest: &str| {
        format!("name = 'onshape'\nprovider = 'onshape'\nproof = {{ hmac = ['key'] }}\n{rest}")
    };
    let usual = Relay::builder().source(&source("")).start().await;
    let strict = Relay::builder().source(&source("freshness = '5m'")).start().await;
    let sent = |seed, minutes| {
        let time = Timestamp::now() - SignedDuration::from_mins(minutes);
        Notification::onshape(seed).signed_at(Provider::Onshape, "key", time)
    };

    usual.post(&sent(1, 71 * 60)).await.assert_accepted();
    usual.post(&sent(2, 73 * 60)).await.assert_problem(401);
    usual.post(&sent(3, -9)).await.assert_accepted();
    usual.post(&sent(4, -11)).await.assert_problem(401);
    strict.post(&sent(5, 4)).await.assert_accepted();
    strict.post(&sent(6, 6)).await.assert_problem(401);
}

#[tokio::test]
async fn the_time_of_a_signature_is_read_in_whatever_form_it_has() {
    let relay = Relay::builder().start().await;
    let now = Timestamp::now();
    let past = |hours| now - SignedDuration::from_hours(hours);
    let forms = |time: Timestamp| {
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
        let without_colon = format!("{}+0000", time.to_string().trim_end_matches('Z'));
        [
            time.as_second().to_string(),
            time.as_millisecond().to_string(),
            time.to_string(),
            without_colon,
            date.expect("a date of our days"),
        ]
    };
    let at = |seed: u64, text: &str| {
        let body = Notification::onshape(seed).body;
        let key = cadrelay::providers::onshape::Key::new(secret(Provider::Onshape));
        let signature = key.sign(text, &body);
        Notification::bare("onshape", body)
            .with("x-onshape-webhook-timestamp", text)
            .with("x-onshape-webhook-signature-primary", &signature)
    };

    for (seed, form) in (1..).zip(forms(now)) {
        relay.post(&at(seed, &form)).await.assert_accepted();
    }
    for stale in forms(past(73)).iter().chain(&forms(past(-1))) {
        relay.post(&at(99, stale)).await.assert_problem(401);
    }
    for unreadable in ["", "now", "1e9", "0x66385c16", "2024-05-06", "Mon, 06 May 2024"] {
        relay.post(&at(99, unreadable)).await.assert_problem(401);
    }
}

#[tokio::test]
async fn an_old_body_sent_again_with_its_own_headers_is_a_repeat_and_then_too_old() {
    let source = "name = 'onshape'\nprovider = 'onshape'\nproof = { hmac = ['key'] }";
    let relay = Relay::builder().source(source).start().await;
    let days_ago = |days: i64| Timestamp::now() - SignedDuration::from_hours(24 * days);
    let recent = Notification::onshape(1).signed_at(Provider::Onshape, "key", days_ago(2));
    let old = Notification::onshape(2).signed_at(Provider::Onshape, "key", days_ago(4));

    relay.post(&recent).await.assert_accepted();
    relay.post(&recent).await.assert_duplicate();
    relay.post(&old).await.assert_problem(401);
}

#[tokio::test]
async fn a_signature_of_aps_is_hex_in_either_case_by_either_secret_and_the_event_says_hmac() {
    let relay = Relay::builder()
        .source("name = 'aps'\nprovider = 'aps'\nproof = { hmac = ['the-new-one', 'the-old-one'] }")
        .start()
        .await;
    let signed = |seed, secret| {
        let signed = Notification::aps(seed).signed(Provider::Aps, secret);
        let upper = |(name, value): (String, String)| {
            let (algorithm, hex) = value.split_once('=').expect("an algorithm and its hex");
            (name, format!("{algorithm}={}", hex.to_uppercase()))
        };
        Notification { headers: signed.headers.into_iter().map(upper).collect(), ..signed }
    };

    relay.post(&signed(1, "the-new-one").without("x-aps-signature")).await.assert_accepted();
    relay.post(&signed(2, "the-old-one").without("x-adsk-signature")).await.assert_accepted();

    for record in relay.consume("aps.data", 2).await {
        assert_eq!(record.header("ce_verified"), Some("hmac"));
        assert_eq!(record.json()["verified"], "hmac");
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_its_source_and_its_flaw_and_a_flood_of_them_in_one_line() {
    let onshape = |name: &str, proof: &str| {
        format!("name = '{name}'\nprovider = 'onshape'\nproof = {{ {proof} }}")
    };
    let hmac = "hmac = ['the-key'], url_token = ['the-token']";
    let basic = "basic = { username = 'u', password = 'p' }";
    let relay = Relay::builder()
        .source(&onshape("bare", hmac))
        .source(&onshape("no-token", hmac))
        .source(&onshape("old", hmac))
        .source(&onshape("other-key", hmac))
        .source(&onshape("no-user", basic))
        .source("name = 'aps'\nprovider = 'aps'\nproof = { hmac = ['the-key'] }")
        .start()
        .await;
    let (now, key) = (Timestamp::now(), Provider::Onshape);
    let signed = |at, secret| Notification::onshape(1).signed_at(key, secret, at);
    let long_ago = now - SignedDuration::from_hours(100);
    let refused = [
        (Notification::bare("bare?token=the-token", "{}"), "bare", "missing"),
        (signed(now, "the-key").to("no-token"), "no-token", "missing"),
        (signed(long_ago, "the-key").to("old?token=the-token"), "old", "stale"),
        (signed(now, "another").to("other-key?token=the-token"), "other-key", "wrong"),
        (Notification::bare("no-user", "{}"), "no-user", "missing"),
        (Notification::bare("aps", "{}").with("x-adsk-signature", "sha1hash=00"), "aps", "wrong"),
    ];

    for (notification, _, _) in &refused {
        relay.post(notification).await.assert_problem(401);
    }
    for _ in 0..500 {
        relay.post(&refused[0].0).await.assert_problem(401);
    }

    let lines = relay.log_lines();
    let lines: Vec<_> =
        lines.iter().filter(|line| line["event"] == "notification_refused").collect();
    for (_, source, reason) in &refused {
        let line = lines.iter().find(|line| line["source"] == *source).expect(source);
        assert_eq!(line["reason"], *reason, "{source}");
    }
    // One in ten seconds for each source: a flood of 500 takes less than a minute.
    let of_flood = lines.iter().filter(|line| line["source"] == "bare").count();
    assert!((1..=7).contains(&of_flood), "{of_flood} lines");
}
