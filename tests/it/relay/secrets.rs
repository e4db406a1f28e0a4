//! No secret is ever shown: in no log line, answer, metric or error.

use cadrelay::event::provider::Provider;
use support::notification::{Notification, secret};
use support::relay::{Relay, cadrelay};

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

/// A key of a usual length, not one that could be a mistyped number.
const MARKER: &str = "M4rk-3r7f9c2b5d1e8a";

#[test]
fn a_secret_shows_in_no_message_about_a_wrong_configuration() {
    let source = "[[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n";
    let wrong = [
        "admin.token = 'MARKER",
        "admin.token = MARKER",
        "admin.token = 'MARKER' 'MARKER'",
        "admin.token = { text = 'MARKER' }",
        "admin.token = { env = 'MARKER' }",
        "admin.token = ['MARKER']",
        "admin = 'MARKER'",
        "admin.listen = 'MARKER'",
        "http = 'MARKER'",
        "http.tls = 'MARKER'",
        "http.workers = 'MARKER'",
        "http.body_limit = 'MARKER'",
        "dedup.window = 'MARKER'",
        "kafka.brokers = 'u:MARKER@127.0.0.1:1'",
        "kafka.delivery = 'MARKER'",
        "kafka.partitions = 'MARKER'",
        "kafka.topic_prefix = ' MARKER'",
        "kafka.topics = { 'aps.data' = ' MARKER' }",
        "kafka.topics = 'MARKER'",
        "kafka.client = 'MARKER'",
        "kafka.client = { 'sasl.pasword' = 'MARKER' }",
        "kafka.client = { 'security.protocol' = 'MARKER' }",
        "kafka.client = { 'sasl.password' = ['MARKER'] }",
        "kafka.client = { 'security.protocol' = 'SASL_SSL', 'sasl.mechanism' = 'MARKER' }",
        "kafka.client = { 'security.protocol' = 'SSL', 'ssl.key.pem' = 'MARKER' }",
        "[[sources]]\nname = 'b'\nprovider = 'MARKER'\nproof = 'none'",
        "[[sources]]\nname = 'b'\nprovider = 'aps'\nproof = 'MARKER'",
        "[[sources]]\nname = 'b'\nprovider = 'aps'\nproof = ['MARKER']",
        "[[sources]]\nname = 'b'\nprovider = 'aps'\nproof = { hmac = { text = 'MARKER' } }",
        "[[sources]]\nname = 'b'\nprovider = 'aps'\nproof = { basic = 'MARKER' }",
        "[[sources]]\nname = 'b'\nprovider = 'aps'\nfreshness = 'MARKER'\nproof = { hmac = 'x' }",
        "[[subscriptions]]\nname = 's'\nprovider = 'aps'\nurl = 'MARKER'\nevents = ['dm.*']",
        "[[subscriptions]]\nname = 's'\nprovider = 'aps'\nurl = ['MARKER']\nevents = ['dm.*']",
        "[[subscriptions]]\nname = 's'\nprovider = 'MARKER'\nevents = ['dm.*']",
        "[[subscriptions]]\nname = 's'\nprovider = 'aps'\nexpires = 'MARKER'\nevents = ['dm.*']",
    ];
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("cadrelay.toml");
    let mut shown = Vec::new();
    for text in wrong {
        let text = if text.starts_with('[') {
            format!("{source}{text}")
        } else {
            format!("{text}\n{source}")
        };
        let spool = dir.path().join("spool").display().to_string();
        let text = format!("spool.dir = '{spool}'\n{}\n", text.replace("MARKER", MARKER));
        std::fs::write(&file, &text).expect("the configuration is written");
        for (words, ends) in [
            (&["check"][..], Some(2)),
            (&["serve"], Some(2)),
            (&["webhook", "plan"], None),
            (&["topics", "plan"], None),
            (&["tail", "--count", "0"], None),
        ] {
            let output = cadrelay()
                .args(words)
                .arg("--config")
                .arg(&file)
                .env("RUST_LOG", "trace")
                .output()
                .expect("the program runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            if let Some(code) = ends {
                assert_eq!(output.status.code(), Some(code), "{text}\n{said}");
            }
            if said.contains(MARKER) {
                shown.push(format!("{words:?}: {text}{said}"));
            }
        }
    }
    assert!(shown.is_empty(), "{}", shown.join("\n----\n"));
}

#[test]
fn a_secret_shows_in_nothing_that_webhook_tail_and_dev_say_when_they_fail() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let below_a_file = file.join("spool").display().to_string();
    let base = format!("http://u:{MARKER}@127.0.0.1:1");
    let hook = format!("{base}/hook?token={MARKER}");
    let brokers = format!("u:{MARKER}@127.0.0.1:1");
    let commands = [
        vec!["webhook", "test", &hook, "--provider", "aps", "--secret", MARKER],
        vec!["webhook", "test", &hook, "--provider", "onshape", "--secret", MARKER],
        vec!["webhook", "list", "--provider", "onshape"],
        vec!["webhook", "list", "--provider", "aps"],
        vec!["webhook", "get", "--provider", "onshape", "66385c16aa00000000000001"],
        vec!["webhook", "delete", "--provider", "onshape", "66385c16aa00000000000001"],
        vec!["tail", "--brokers", &brokers],
        vec!["dev", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--spool", &below_a_file],
    ];
    for words in commands {
        let mut command = cadrelay();
        command.args(&words).env("RUST_LOG", "trace").current_dir(dir.path());
        for name in
            ["ONSHAPE_ACCESS_KEY", "ONSHAPE_SECRET_KEY", "APS_CLIENT_ID", "APS_CLIENT_SECRET"]
        {
            command.env(name, MARKER);
        }
        command.env("ONSHAPE_BASE_URL", &base).env("APS_BASE_URL", &base);
        command.env("XDG_RUNTIME_DIR", dir.path());
        let output = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_ne!(output.status.code(), Some(0), "{words:?}: {said}");
        assert!(!said.contains(MARKER), "{words:?}: {said}");
    }
}

#[test]
fn a_property_of_kafka_from_the_environment_counts_and_its_value_is_not_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("cadrelay.toml");
    let source = "[[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n";
    std::fs::write(&file, source).expect("the configuration is written");
    let check = |name: &str, value: &str| {
        let mut command = cadrelay();
        command.arg("check").arg("--config").arg(&file).env(name, value);
        let output = command.output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };

    let (sound, said) = check("CADRELAY__KAFKA__CLIENT__SECURITY__PROTOCOL", "PLAINTEXT");
    assert_eq!(sound, Some(0), "{said}");
    let (wrong, said) = check("CADRELAY__KAFKA__CLIENT__SECURITY__PROTOCOL", MARKER);
    assert_eq!(wrong, Some(2));
    assert!(
        said.contains("kafka.client.\"security.protocol\"") && !said.contains(MARKER),
        "{said}"
    );
    let (unknown, said) = check("CADRELAY__KAFKA__CLIENT__SASL__PASWORD", MARKER);
    assert_eq!(unknown, Some(2));
    assert!(said.contains("kafka.client.\"sasl.pasword\"") && !said.contains(MARKER), "{said}");
}
