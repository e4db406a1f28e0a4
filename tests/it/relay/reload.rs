//! A changed configuration is taken over at SIGHUP, whole or not at all, and nobody who posts notices.

use cadrelay::event::provider::Provider;
use serde_json::Value;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::load::Load;
use support::notification::{Notification, secret};
use support::relay::{Metrics, Relay};
use support::waiting::eventually;

#[tokio::test]
async fn a_source_that_is_added_answers_and_one_that_is_removed_is_not_found() {
    let relay = Relay::builder().start().await;
    let second = Notification::onshape(2).to("second");
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.post(&second).await.assert_problem(404);

    let added = reload(&relay, |text| text + &source("second", "s3cret-of-onshape-9f2c")).await;
    let at_zero = relay.metrics().await;
    relay.post(&second).await.assert_accepted();
    relay.post(&Notification::onshape(1)).await.assert_duplicate();
    let removed = reload(&relay, |text| without(&text, "onshape")).await;
    relay.post(&Notification::onshape(3)).await.assert_problem(404);
    relay.post(&second).await.assert_duplicate();
    relay.drained().await;

    assert_eq!((&added["event"], &added["added"]), (&"reloaded".into(), &"second".into()));
    assert_eq!((&removed["removed"], &removed["added"]), (&"onshape".into(), &"".into()));
    let of = |metrics: &Metrics, source: &str, outcome: &str| {
        let labels = [("outcome", outcome), ("source", source)];
        metrics.get("cadrelay_notifications_total", &labels)
    };
    assert_eq!(of(&at_zero, "second", "accepted"), 0.0);
    assert_eq!(
        at_zero.get("cadrelay_request_duration_seconds_count", &[("source", "second")]),
        0.0
    );
    let metrics = relay.metrics().await;
    // No counter goes back, so the books still balance; what says how a source is now, is gone.
    assert_eq!(of(&metrics, "onshape", "accepted"), 1.0);
    assert_eq!(of(&metrics, "onshape", "duplicate"), 1.0);
    assert_eq!(of(&metrics, "second", "accepted"), 1.0);
    assert_eq!(metrics.sum("cadrelay_published_total"), 2.0);
    let last = "cadrelay_last_notification_timestamp_seconds";
    let lasts: Vec<_> =
        metrics.of(last).map(|(labels, at)| (&*labels["source"], at > 0.0)).collect();
    assert_eq!(lasts, [("aps", false), ("second", true)]);
    let sources = relay.ask("/api/sources").await.json();
    let names: Vec<_> =
        sources["sources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["aps", "second"]);

    reload(&relay, |text| text + &source("onshape", "s3cret-of-onshape-9f2c")).await;
    relay.post(&Notification::onshape(4)).await.assert_accepted();
    assert_eq!(of(&relay.metrics().await, "onshape", "accepted"), 2.0);
}

#[tokio::test]
async fn a_secret_is_changed_in_its_file_without_a_moment_in_which_a_sender_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    fs::write(&one, "the-old-one").expect("a secret");
    fs::write(&two, "the-new-one").expect("a secret");
    let file = |path: &Path| format!("{{ file = '{}' }}", path.display());
    let proof = |secrets: &str| {
        format!("name = 'onshape'\nprovider = 'onshape'\nproof = {{ hmac = [{secrets}] }}")
    };
    let old = |seed| Notification::onshape(seed).signed(Provider::Onshape, "the-old-one");
    let new = |seed| Notification::onshape(seed).signed(Provider::Onshape, "the-new-one");
    let relay = Relay::builder().source(&proof(&file(&one))).start().await;
    relay.post(&old(1)).await.assert_accepted();
    relay.post(&new(2)).await.assert_problem(401);

    let both = format!("{}, {}", file(&one), file(&two));
    let rotated = reload(&relay, |text| text.replace(&file(&one), &both)).await;
    relay.post(&old(3)).await.assert_accepted();
    relay.post(&new(4)).await.assert_accepted();
    // The same words in the configuration, another text in the file.
    fs::write(&one, "an-other-one").expect("a secret");
    let rewritten = reload(&relay, |text| text).await;
    relay.post(&old(5)).await.assert_problem(401);
    relay.post(&new(6)).await.assert_accepted();
    let unchanged = reload(&relay, |text| text).await;

    assert_eq!(
        (&rotated["changed"], &rewritten["changed"]),
        (&"onshape".into(), &"onshape".into())
    );
    assert_eq!((&unchanged["event"], &unchanged["changed"]), (&"reloaded".into(), &"".into()));
    for secret in ["the-old-one", "the-new-one", "an-other-one"] {
        assert!(!relay.log().contains(secret), "{secret} is shown");
    }
}

#[tokio::test]
async fn nothing_is_lost_or_answered_wrongly_while_the_configuration_changes_all_the_time() {
    let relay = Relay::builder().start().await;
    let usual = fs::read_to_string(relay.config()).expect("the configuration");
    let key = secret(Provider::Onshape);
    // Each changes the source that is posted to, and other sources come and go.
    let other = usual.replace(&format!("['{key}']"), &format!("['{key}', 'another-one']"))
        + &source("second", key)
        + &source("third", key);
    let load = Load::start(&relay, 8);
    let stop = Arc::new(AtomicBool::new(false));
    let newcomers = tokio::spawn(newcomers(relay.ingest(), Arc::clone(&stop)));

    let mut reloads = 0;
    while load.acknowledged() < 4_000 || reloads < 100 {
        let text = if reloads % 2 == 0 { &other } else { &usual };
        write(&relay, text);
        let before = said(&relay).len();
        relay.signal(libc::SIGHUP);
        eventually("the reload is said", async || (said(&relay).len() > before).then_some(()))
            .await;
        reloads += 1;
    }
    let sent = load.stop().await;
    stop.store(true, Ordering::Relaxed);
    let newcomers = newcomers.await.expect("it does not panic");
    relay.drained().await;

    assert!(said(&relay).iter().all(|line| line["event"] == "reloaded"));
    assert_eq!((sent.statuses.keys().collect::<Vec<_>>(), sent.unanswered), (vec![&200], 0));
    assert!(newcomers.iter().all(|status| *status == Some(200)), "{newcomers:?}");
    let records = relay.read_to_end("onshape.document").await;
    sent.assert_published_once(&records);
    let metrics = relay.metrics().await;
    let received = (sent.statuses[&200] + newcomers.len() as u64) as f64;
    assert_eq!(metrics.sum("cadrelay_notifications_total"), received);
    assert_eq!(
        metrics.sum("cadrelay_published_total"),
        (sent.acknowledged.len() + newcomers.len()) as f64
    );
    assert_eq!(
        metrics.get("cadrelay_config_reloads_total", &[("outcome", "ok")]),
        f64::from(reloads)
    );
}

/// Posts, each time over a connection of its own.
async fn newcomers(to: std::net::SocketAddr, stop: Arc<AtomicBool>) -> Vec<Option<u16>> {
    let mut statuses = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let notification = Notification::aps(1_000_000 + statuses.len() as u64);
        let mut request = client.post(format!("http://{to}/webhooks/aps")).body(notification.body);
        for (name, value) in notification.headers {
            request = request.header(name, value);
        }
        statuses.push(request.send().await.ok().map(|answer| answer.status().as_u16()));
    }
    statuses
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_the_log_names_its_keys() {
    let relay = Relay::builder().start().await;
    let began = relay.metrics().await;
    let usual = fs::read_to_string(relay.config()).expect("the configuration");

    for (broken, keys) in [
        (usual.replace("provider = 'aps'", "provider = 'abs'"), vec!["sources[1].provider"]),
        (usual.clone() + "s3cret = 's3cret'\n", vec!["sources[1].s3cret"]),
        (usual.clone() + "[[sources", vec!["line "]),
        (
            usual.clone() + &source("new", "x").replace("['x']", "[{ file = '/nowhere' }]"),
            vec!["proof.hmac[0]", "/nowhere"],
        ),
        (
            usual.clone() + "[dedup]\nwindow = '0s'\n[telemetry]\nlog_level = 'loud'\n",
            vec!["dedup.window", "telemetry.log_level"],
        ),
        (
            usual.replace("kafka.partitions = 3", "kafka.partitions = 4")
                + "[dedup]\nshared_prefix = 'p:'\n",
            vec!["kafka.partitions: a change needs a restart", "dedup.shared_prefix"],
        ),
        (
            without(&usual, "aps")
                + &source("new", "x").replace("'onshape'", "'aps'")
                + "[dedup]\nwindow = '1h'\n",
            vec!["dedup.window"],
        ),
    ] {
        let line = reload(&relay, |_| broken.clone()).await;

        assert_eq!(line["event"], "reload_refused", "{broken}");
        let reason = line["reason"].as_str().expect("a reason");
        assert!(keys.iter().all(|key| reason.contains(key)), "{keys:?} in {reason}");
        assert!(!reason.contains("'s3cret'"));
        let metrics = relay.metrics().await;
        assert_eq!(metrics.get("cadrelay_config_last_reload_successful", &[]), 0.0);
        relay.post(&Notification::bare("new", "{}")).await.assert_problem(404);
    }
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.post(&Notification::aps(1)).await.assert_accepted();
    let refused = relay.metrics().await;
    let mended = reload(&relay, |_| usual.clone()).await;
    let metrics = relay.metrics().await;

    let at = "cadrelay_config_last_reload_success_timestamp_seconds";
    assert_eq!(began.get("cadrelay_config_last_reload_successful", &[]), 1.0);
    assert!(began.get(at, &[]) > 1.7e9);
    assert_eq!(refused.get(at, &[]), began.get(at, &[]));
    assert_eq!(refused.get("cadrelay_config_reloads_total", &[("outcome", "failed")]), 7.0);
    assert_eq!(mended["event"], "reloaded");
    assert_eq!(metrics.get("cadrelay_config_last_reload_successful", &[]), 1.0);
    assert!(metrics.get(at, &[]) > began.get(at, &[]));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_newcomers_while_open_connections_go_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = renew(dir.path());
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let tls = format!("{{ cert = '{}', key = '{}' }}", cert.display(), key.display());
    let relay = Relay::builder().set("http.tls", &tls).start().await;
    let expiry = "cadrelay_tls_certificate_expiry_timestamp_seconds";
    let client = |trusted: &str| {
        let trusted = reqwest::Certificate::from_pem(trusted.as_bytes()).expect("a certificate");
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([trusted])
            .resolve("localhost", relay.ingest())
            .pool_max_idle_per_host(1)
            .build()
            .expect("a client")
    };
    let url = format!("https://localhost:{}/webhooks/aps", relay.ingest().port());
    let open = client(&first);
    let post = async |client: &reqwest::Client, seed| {
        let notification = Notification::aps(seed);
        let mut request = client.post(&url).body(notification.body);
        for (name, value) in notification.headers {
            request = request.header(name, value);
        }
        request.send().await.map(|answer| answer.status().as_u16())
    };
    assert_eq!(post(&open, 1).await.expect("an answer"), 200);
    let ends = relay.metrics().await.get(expiry, &[]);

    let second = renew(dir.path());
    let line = reload(&relay, |text| text).await;

    assert_eq!((&line["event"], &line["keys"]), (&"reloaded".into(), &"http.tls".into()));
    // It trusts the first certificate alone, so it can only go on over the connection that it has.
    assert_eq!(post(&open, 2).await.expect("an answer"), 200);
    assert_eq!(post(&client(&second), 3).await.expect("an answer"), 200);
    assert!(post(&client(&first), 4).await.is_err());
    let renewed = relay.metrics().await.get(expiry, &[]);
    assert!(ends > 1.7e9 && renewed > ends, "{ends} {renewed}");
    // Half a renewal is none.
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").expect("half a key");
    assert_eq!(reload(&relay, |text| text).await["event"], "reload_refused");
    assert_eq!(post(&client(&second), 5).await.expect("an answer"), 200);
}

#[tokio::test]
async fn the_level_of_the_log_and_the_admin_token_change_without_a_restart() {
    let relay = Relay::builder().set("admin.token", "'the-old-token'").start().await;
    let stored = |relay: &Relay| relay.log().matches("\"stored\"").count();
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    assert_eq!(stored(&relay), 0);

    let line = reload(&relay, |text| {
        text.replace("the-old-token", "the-new-token")
            + "[telemetry]\nlog_level = 'info,cadrelay::ingest=debug'\n"
    })
    .await;
    relay.post(&Notification::onshape(2)).await.assert_accepted();

    assert_eq!(line["keys"], "admin.token,telemetry.log_level");
    eventually("the log says more", async || (stored(&relay) == 1).then_some(())).await;
    relay.ask_with_token("/metrics", "the-old-token").await.assert_problem(401);
    assert_eq!(relay.ask_with_token("/metrics", "the-new-token").await.status, 200);
}

#[tokio::test]
async fn the_service_manager_hears_of_each_reload_and_of_its_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
    let hear = || {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let path = path.display().to_string();
    let mut relay = Relay::builder().env("NOTIFY_SOCKET", &path).start().await;
    assert_eq!(hear(), "READY=1\n");

    for text in ["", "broken"] {
        reload(&relay, |usual| usual + text).await;
        let began = hear();
        let time = began.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the beginning");
        assert!(time.trim().parse::<u64>().is_ok_and(|time| time > 0), "{began}");
        assert_eq!(hear(), "READY=1\n");
    }
    relay.terminate().await;
    assert_eq!(hear(), "STOPPING=1\n");
}

/// Writes a new configuration, made of the old one, and asks for a reload: what the log says of it.
pub async fn reload(relay: &Relay, change: impl FnOnce(String) -> String) -> Value {
    let text = fs::read_to_string(relay.config()).expect("the configuration");
    write(relay, &change(text));
    hang_up(relay).await
}

/// Asks for a reload: what the log says of it.
pub async fn hang_up(relay: &Relay) -> Value {
    let before = said(relay).len();
    relay.signal(libc::SIGHUP);
    eventually("the reload is said", async || said(relay).into_iter().nth(before)).await
}

/// As editors do it: a reader finds the old file or the new one.
fn write(relay: &Relay, text: &str) {
    let new = relay.config().with_extension("new");
    fs::write(&new, text).expect("the new configuration");
    fs::rename(&new, relay.config()).expect("it takes the old one's place");
}

/// The lines of the log that end a reload.
fn said(relay: &Relay) -> Vec<Value> {
    let ends = |line: &Value| line["event"] == "reloaded" || line["event"] == "reload_refused";
    relay.log_lines().into_iter().filter(ends).collect()
}

fn fields(name: &str, secret: &str) -> String {
    format!("name = '{name}'\nprovider = 'onshape'\nproof = {{ hmac = ['{secret}'] }}\n")
}

pub fn source(name: &str, secret: &str) -> String {
    format!("[[sources]]\n{}", fields(name, secret))
}

/// The configuration without one of its sources.
pub fn without(text: &str, name: &str) -> String {
    let mut parts = text.split("[[sources]]\n");
    let head = parts.next().unwrap_or_default().to_owned();
    let others = parts.filter(|part| !part.starts_with(&format!("name = '{name}'")));
    others.fold(head, |text, part| text + "[[sources]]\n" + part)
}

/// A certificate for localhost, each one ending later than the one before; gives its PEM.
fn renew(dir: &Path) -> String {
    use std::sync::atomic::AtomicI32;
    static YEAR: AtomicI32 = AtomicI32::new(2030);
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(YEAR.fetch_add(1, Ordering::Relaxed), 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let cert = params.self_signed(&key).expect("a certificate");
    fs::write(dir.join("cert.pem"), cert.pem()).expect("it is written");
    fs::write(dir.join("key.pem"), key.serialize_pem()).expect("it is written");
    cert.pem()
}
