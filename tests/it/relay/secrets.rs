//! No secret is ever shown: in no log line, answer, metric or error.

use cadrelay::event::provider::Provider;
use support::notification::{Notification, secret};
use support::relay::Relay;

#[tokio::test]
async fn no_secret_signature_or_body_is_in_the_log_the_answers_or_the_metrics() {
    let relay = Relay::builder()
        .env("RUST_LOG", "debug,h2=info,hyper=info")
        .set("admin.token", "'s3cret-token-of-the-admin'")
        .source(
            "name = 'onshape'\nprovider = 'onshape'\nproof = { hmac = ['s3cret-of-onshape-9f2c'], \
             url_token = ['s3cret-in-the-url'], \
             basic = { username = 'u', password = 's3cret-password' } }",
        )
        .source("name = 'aps'\nprovider = 'aps'\nproof = { hmac = ['s3cret-of-aps-71be'] }")
        .start()
        .await;
    let basic = "Basic dTpzM2NyZXQtcGFzc3dvcmQ=";
    let onshape =
        Notification::onshape(1).with("authorization", basic).to("onshape?token=s3cret-in-the-url");
    let aps = Notification::bare("aps", "{\"hook\":\"body-text-4c1d\"}");
    let aps = aps.signed(Provider::Aps, secret(Provider::Aps));
    let token = "s3cret-token-of-the-admin";

    let mut shown = String::new();
    for notification in [
        onshape.clone(),
        onshape.clone(),
        onshape.clone().without("authorization"),
        onshape.clone().to("onshape?token=s3cret-in-the-ur"),
        onshape.clone().to("nobody?token=s3cret-in-the-url"),
        onshape.clone().with("content-encoding", "gzip"),
        aps.clone(),
        Notification { body: b"{\"a\":\"body-text-4c1d\"}".to_vec(), ..aps.clone() },
    ] {
        let answer = relay.post(&notification).await;
        shown += &format!("{:?} {}\n", answer.headers, answer.body);
    }
    for path in ["/metrics", "/api/status"] {
        let refused = relay.ask(path).await;
        refused.assert_problem(401);
        let answer = relay.ask_with_token(path, token).await;
        assert_eq!(answer.status, 200);
        shown += &format!("{:?} {}\n{:?}", answer.headers, answer.body, refused);
    }
    relay.ask_with_token("/metrics", "s3cret-token").await.assert_problem(401);
    shown += &relay.ask("/readyz").await.body;
    relay.logged("notification_refused").await;
    shown += &relay.log();

    let signatures = [&onshape, &aps].into_iter().flat_map(|notification| {
        let signed = notification.headers.iter().filter(|(name, _)| name.contains("signature"));
        signed.map(|(_, value)| value.trim_start_matches("sha1hash=").to_owned())
    });
    let mut secrets: Vec<String> = signatures.collect();
    assert!(secrets.len() >= 3);
    secrets.extend(["s3cret", "dTpzM2", "body-text-4c1d"].map(str::to_owned));
    for secret in secrets {
        let line = shown.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} is shown");
    }
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_not_repeated_by_the_error() {
    let wrong = Relay::builder()
        .source("name = 'a'\nprovider = 'aps'\nproof = 's3cret-in-the-wrong-place'")
        .source("name = 'b'\nprovider = 'aps'\nproof = { hmac = 's3cret-without-brackets' }")
        .source("name = 'c'\nprovider = 'aps'\nproof = { hmac = [{ text = 's3cret-in-a-table' }] }")
        .set("admin.token", "['s3cret-in-a-list']");

    let (status, log) = wrong.start_in_vain().await;

    assert_eq!(status.code(), Some(2));
    assert!(!log.contains("s3cret"), "{log}");
}
