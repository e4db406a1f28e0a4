//! What a source asks for is what it takes, over the wire, for both providers (DESIGN.md section 6).

use crate::support::notification::Notification;
use crate::support::relay::Relay;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cadrelay::event::provider::Provider;
use jiff::{SignedDuration, Timestamp};

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
    let to = |query: &str| Notification::aps(1).to(&format!("acme{query}"));

    relay.post(&to("?token=t%2Fken%2B1")).await.assert_accepted();
    relay.post(&to("?a=b&token=other")).await.assert_duplicate();
    for wrong in ["", "?", "?token=", "?token=t", "?token=other&token=other", "?TOKEN=other"] {
        relay.post(&to(wrong)).await.assert_problem(401);
    }
}

#[tokio::test]
async fn the_echoed_token_proves_and_is_not_passed_on() {
    let relay = Relay::builder()
        .source("name = 'acme'\nprovider = 'onshape'\nproof = { data_token = ['echo-7f3a'] }")
        .start()
        .await;
    let body = |data: &str| {
        let text = format!(
            "{{\"event\":\"onshape.model.lifecycle.changed\",\"messageId\":\"m1\",\
             \"documentId\":\"d1\",\"data\":{data}}}"
        );
        Notification::bare("acme", text)
    };

    relay.post(&body("\"echo-7f3a\"")).await.assert_accepted();
    for wrong in ["\"echo\"", "null", "7", "[\"echo-7f3a\"]"] {
        relay.post(&body(wrong)).await.assert_problem(401);
    }

    let records = relay.consume("onshape.document", 1).await;
    let value = records[0].value.as_deref().map(String::from_utf8_lossy);
    assert!(!value.unwrap_or_default().contains("echo-7f3a"), "{records:?}");
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
