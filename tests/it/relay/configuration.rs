//! The configuration, and the program's messages about it (DESIGN.md section 11).

use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::tls::Version;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use support::kafka::{Kafka, secure};
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use support::tools::project;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

const SOURCE: &str = "[[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n";

#[test]
fn all_faults_are_told_at_once_with_key_value_and_what_is_accepted() {
    let dir = written(
        "[http]\nlisten = 'nowhere'\nbody_limit = 7\nport = 1\n\
         [kafka]\npartitions = 'six'\nclient = { 'acks' = '1' }\n\
         [dedup]\nwindow = '3 moons'\n\
         [spoool]\n\
         [[sources]]\nname = 'a'\nprovider = 'solidworks'\nproof = 'none'\n\
         [[sources]]\nname = 'b c'\nprovider = 'aps'\nproof = { hmac = [{ env = 'NOT_SET' }] }\n",
    );

    let said = run(&mut check(&dir));

    assert_eq!(said.code, 2, "{said:?}");
    for part in [
        "http.listen: \"nowhere\" is not an address such as `127.0.0.1:8080`",
        "http.body_limit: ",
        "a size such as `512B`",
        "http.port: unknown field `port`, expected one of `listen`",
        "kafka.partitions: ",
        "dedup.window: ",
        "\"3 moons\" is not a duration such as",
        "spoool: no such section; there are http, admin, kafka",
        "sources[0].provider (\"a\"): ",
        "expected `onshape` or `aps`",
    ] {
        assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
    }
}

#[test]
fn what_does_not_fit_together_is_told_at_once_too() {
    let dir = written(
        "http.listen = '0.0.0.0:0'\ndedup.window = '0s'\n\
         [kafka]\nbrokers = ' '\npartitions = 0\nclient = { 'acks' = '1', 'no.such' = 'x' }\n\
         topics = { 'aps.nothing' = 'a b' }\n\
         [[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n\
         [[sources]]\nname = 'a'\nprovider = 'aps'\nproof = { hmac = [{ env = 'NOT_SET' }] }\n\
         [[sources]]\nname = 'b c'\nprovider = 'aps'\nfreshness = '1h'\nproof = { hmac = [] }\n",
    );

    let said = run(&mut check(&dir));

    assert_eq!(said.code, 2, "{said:?}");
    for part in [
        "kafka.brokers: ",
        "kafka.partitions: ",
        "kafka.client.\"acks\": cannot be set: it is always all",
        "kafka.topics.\"aps.nothing\": no such group; there are onshape.document",
        "dedup.window: ",
        "sources: two are named \"a\"",
        "proof = \"none\" on 0.0.0.0:0",
        "the environment variable NOT_SET is not set",
        "source \"b c\": name: takes 1 to 100 letters",
        "proof.hmac: needs at least one secret",
        "freshness: needs provider = \"onshape\"",
    ] {
        assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
    }
}

#[test]
fn an_unknown_provider_hides_no_missing_secret_and_a_spool_below_a_file_is_refused() {
    let dir = written(
        "[[sources]]\nname = 'a'\nprovider = 'solidworks'\nfreshness = 'soon'\nproof = 'none'\n\
         [[sources]]\nname = 'b'\nprovider = 'aps'\nproof = { hmac = [{ env = 'NOT_SET' }] }\n\
         [spool]\ndir = 'SPOOL/below/it'\n",
    );
    fs::write(dir.path().join("spool"), "a file").expect("a file in the way");

    let said = run(&mut check(&dir));

    assert_eq!(said.code, 2, "{said:?}");
    for part in [
        "sources[0].provider (\"a\"): unknown variant \"solidworks\"",
        "sources[0].freshness (\"a\"): \"soon\" is not a duration",
        "source \"b\": proof.hmac[0]: the environment variable NOT_SET is not set",
        "spool.dir: ",
        "is no directory",
    ] {
        assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
    }
    assert!(!said.stderr.contains("sources: none"), "{}", said.stderr);
}

#[test]
fn what_could_never_take_a_notification_is_refused() {
    let refused = [
        ("http.listen = '127.0.0.1:7001'\nadmin.listen = '127.0.0.1:7001'", "admin.listen: "),
        ("http.listen = '0.0.0.0:7001'\nadmin.listen = '127.0.0.1:7001'", "admin.listen: "),
        ("spool.dir = ''", "spool.dir: empty"),
        ("spool.max_bytes = '0B'", "spool.max_bytes: 0"),
        ("dedup.window = '1ms'", "dedup.window: 1ms is too short; give 1s or more"),
        (
            "kafka.brokers = 'one:9092, two two:9092'",
            "kafka.brokers: \" two two:9092\" is not host:port",
        ),
        ("kafka.brokers = 'one:9092,'", "kafka.brokers: \"\" is not host:port"),
        ("kafka.brokers = 'one:99999'", "kafka.brokers: \"one:99999\" is not host:port"),
        ("kafka.brokers = 'one:0'", "kafka.brokers: "),
        ("http.public_url = 'ftp://relay.example'", "http.public_url: expected"),
        ("http.public_url = 'relay.example'", "http.public_url: expected"),
        ("http.stop_delay = '1000h'", "http.stop_delay: "),
        ("http.read_timeout = '0s'", "http.read_timeout: 0"),
        ("http.max_connections = 0", "http.max_connections: 0"),
    ];
    for (text, fault) in refused {
        let said = run(&mut check(&written(&format!("{text}\n{SOURCE}"))));

        assert_eq!(said.code, 2, "{text}: {said:?}");
        assert!(said.stderr.contains(fault), "{fault} in {}", said.stderr);
    }
    for text in [
        "http.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'",
        "http.listen = '127.0.0.1:7001'\nadmin.listen = '127.0.0.2:7001'",
        "kafka.brokers = 'one, two:9092,[::1]:9093,SASL_SSL://three:9094'",
        "http.public_url = 'https://relay.example/path'",
        "http.stop_delay = '1h'\nspool.max_bytes = '1B'\ndedup.window = '1s'",
    ] {
        let said = run(&mut check(&written(&format!("{text}\n{SOURCE}"))));

        assert_eq!(said.code, 0, "{text}: {said:?}");
    }
}

#[tokio::test]
async fn a_reserve_that_no_disk_has_draws_a_warning_in_check_and_at_the_start() {
    let dir = written(&format!("spool.dir = 'SPOOL'\nspool.disk_reserve = '900TiB'\n{SOURCE}"));
    let said = run(&mut check(&dir));
    let relay = Relay::builder().set("spool.disk_reserve", "'900TiB'").start().await;

    assert_eq!((said.code, said.stdout.trim()), (0, "the configuration is sound: 1 source"));
    for told in [said.stderr, relay.log()] {
        assert!(
            told.contains("spool.disk_reserve: 900TiB is not less than the whole disk"),
            "{told}"
        );
    }
}

#[test]
fn a_syntax_fault_is_told_with_the_line_that_has_it() {
    for (text, place) in [
        ("[http]\nlisten =\n[kafka]\n", "line 2, column 9: "),
        ("[http]\ntls = { cert = 'a'\nlisten = 'x'\n", "line 2, column 19: "),
        ("[http]\ntls = { cert = 'a'\n\n[kafka]\n", "line 2, column 19: "),
        ("[http]\n= 5\n", "line 2, column 1: "),
        ("[http]\nlisten = 1 1\n", "line 2, column 1"),
    ] {
        let dir = written(text);
        let said = run(&mut check(&dir));

        assert_eq!(said.code, 2, "{said:?}");
        let file = file(&dir).display().to_string();
        assert!(said.stderr.contains(place) && said.stderr.contains(&file), "{place} in {said:?}");
    }
}

#[test]
fn an_admin_listener_that_strangers_reach_without_a_token_draws_a_warning() {
    let exposed = written(&format!("admin.listen = '0.0.0.0:0'\n{SOURCE}"));
    let guarded = written(&format!("admin.listen = '0.0.0.0:0'\nadmin.token = 't'\n{SOURCE}"));

    let (exposed, guarded) = (run(&mut check(&exposed)), run(&mut check(&guarded)));

    assert_eq!((exposed.code, guarded.code), (0, 0));
    assert!(exposed.stderr.contains("warning: admin.listen is 0.0.0.0:0"), "{exposed:?}");
    assert!(!guarded.stderr.contains("warning"), "{guarded:?}");
}

#[tokio::test]
async fn warnings_about_the_configuration_are_in_the_log_of_a_start() {
    let relay = Relay::builder().set("admin.listen", "'0.0.0.0:0'").start().await;

    assert!(relay.log().contains("admin.token is not set"), "{}", relay.log());
}

#[test]
fn check_creates_nothing_and_says_that_a_sound_configuration_is_sound() {
    let dir = written(&format!("spool.dir = 'SPOOL'\nkafka.brokers = '127.0.0.1:1'\n{SOURCE}"));
    let before = entries(dir.path());

    let said = run(&mut check(&dir));

    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("sound"), "{said:?}");
    assert_eq!(entries(dir.path()), before);
}

#[tokio::test]
async fn serve_refuses_what_check_refuses_before_it_makes_or_opens_anything() {
    let wrong = Relay::builder().set("dedup.window", "'soon'").set("kafka.nonsense", "1");

    let (status, log) = wrong.start_in_vain().await;

    assert_eq!(status.code(), Some(2));
    assert!(log.contains("dedup.window: ") && log.contains("kafka.nonsense: "), "{log}");
    assert!(!log.contains("listening"), "{log}");
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_and_is_named() {
    let first = Relay::builder().start().await;
    let taken = first.ingest().to_string();

    let second = Relay::builder().set("http.listen", &format!("'{taken}'"));
    let (status, log) = second.start_in_vain().await;

    assert_eq!(status.code(), Some(1));
    assert!(log.contains(&taken), "{log}");
}

#[test]
fn the_environment_goes_over_the_file() {
    let dir = written(&format!("kafka.partitions = 3\n{SOURCE}"));

    let sound = run(check(&dir).env("CADRELAY__KAFKA__PARTITIONS", "4"));
    let wrong = run(check(&dir).env("CADRELAY__KAFKA__PARTITIONS", "0"));
    let unknown = run(check(&dir).env("CADRELAY__KAFKA__PARTITIONEN", "4"));

    assert_eq!(sound.code, 0, "{sound:?}");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("kafka.partitions: 0"), "{wrong:?}");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("kafka.partitionen: unknown field"), "{unknown:?}");
}

#[test]
fn the_file_is_named_by_the_flag_or_the_environment_and_has_to_be_there() {
    let dir = written(SOURCE);
    let missing = dir.path().join("missing.toml");

    let by_variable = run(cadrelay().arg("check").env("CADRELAY_CONFIG", file(&dir)));
    let here = run(cadrelay().arg("check").current_dir(dir.path()));
    let gone = run(cadrelay().args(["check", "--config"]).arg(&missing));

    assert_eq!(by_variable.code, 0, "{by_variable:?}");
    assert_eq!(here.code, 0, "{here:?}");
    assert_eq!(gone.code, 2);
    assert!(gone.stderr.contains("missing.toml"), "{gone:?}");
}

#[tokio::test]
async fn a_secret_comes_from_text_a_variable_or_a_file() {
    use cadrelay::event::provider::Provider::Aps;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("secret");
    fs::write(&file, "from-the-file\n").expect("a secret's file");
    let relay = Relay::builder()
        .env("SECRET_OF_THE_TEST", "from-the-variable")
        .source(&format!(
            "name = 'aps'\nprovider = 'aps'\nproof = {{ hmac = ['from-the-text', \
             {{ env = 'SECRET_OF_THE_TEST' }}, {{ file = '{}' }}] }}",
            file.display()
        ))
        .start()
        .await;

    for (seed, secret) in [(1, "from-the-text"), (2, "from-the-variable"), (3, "from-the-file")] {
        relay.post(&Notification::aps(seed).signed(Aps, secret)).await.assert_accepted();
    }
    relay.post(&Notification::aps(4).signed(Aps, "SECRET_OF_THE_TEST")).await.assert_problem(401);
}

#[test]
fn check_connect_without_a_broker_exits_5() {
    let dir = written(&format!("kafka.brokers = '127.0.0.1:1'\n{SOURCE}"));

    let said = run(check(&dir).arg("--connect"));

    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.stderr.contains("127.0.0.1:1"), "{said:?}");
}

#[tokio::test]
async fn check_connect_finds_a_kafka_that_answers() {
    let kafka = Kafka::shared().await;
    let dir = written(&format!(
        "kafka.brokers = '{}'\nkafka.topic_prefix = 'checked.'\n{SOURCE}",
        kafka.brokers()
    ));
    let mut connect = check(&dir);
    connect.arg("--connect");

    let connected = run_apart(connect).await;

    assert_eq!(connected.code, 0, "{connected:?}");
    assert!(connected.stdout.contains("checked.relay.positions will be made"), "{connected:?}");
}

#[tokio::test]
async fn check_connect_without_rights_or_with_a_wrong_password_exits_3_and_does_not_show_it() {
    let kafka = Kafka::start_secured().await;
    let with = |password: &str| {
        written(&format!(
            "[kafka]\nbrokers = '{}'\n[kafka.client]\n'security.protocol' = 'SASL_SSL'\n\
             'ssl.ca.location' = '{}'\n'sasl.mechanism' = 'SCRAM-SHA-512'\n\
             'sasl.username' = '{}'\n'sasl.password' = '{password}'\n{SOURCE}",
            kafka.secured_brokers(),
            kafka.authority().display(),
            secure::USER,
        ))
    };
    let connect = |dir: &TempDir| {
        let mut command = check(dir);
        command.arg("--connect");
        run_apart(command)
    };

    let without_rights = connect(&with(secure::PASSWORD)).await;
    kafka.allow("ALL", "TOPIC", "cad.*").await;
    let right = connect(&with(secure::PASSWORD)).await;
    let wrong = connect(&with("wrong-password-5d1e")).await;

    assert_eq!(without_rights.code, 3, "{without_rights:?}");
    assert_eq!(right.code, 0, "{right:?}");
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("wrong-password-5d1e"), "{wrong:?}");
}

#[tokio::test]
async fn ingest_speaks_tls_1_2_and_1_3_with_the_certificate_it_is_given() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let dir = tempfile::tempdir().expect("a folder");
    let (cert_file, key_file) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&cert_file, cert.pem()).expect("the certificate's file");
    fs::write(&key_file, signing_key.serialize_pem()).expect("the key's file");
    let tls = |cert: &Path, key: &Path| {
        format!("{{ cert = '{}', key = '{}' }}", cert.display(), key.display())
    };

    let relay = Relay::builder().set("http.tls", &tls(&cert_file, &key_file)).start().await;
    let trusted = reqwest::Certificate::from_pem(cert.pem().as_bytes()).expect("a certificate");
    let url = format!("https://localhost:{}/webhooks/aps", relay.ingest().port());
    for (seed, version) in [(1, Version::TLS_1_2), (2, Version::TLS_1_3)] {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([trusted.clone()])
            .tls_version_min(version)
            .tls_version_max(version)
            .resolve("localhost", relay.ingest())
            .build()
            .expect("a client");
        let notification = Notification::aps(seed);
        let mut request = client.post(&url).body(notification.body);
        for (name, value) in notification.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("an answer over TLS");
        assert_eq!(answer.status(), 200, "{version:?}");
    }
    let broken = Relay::builder().set("http.tls", &tls(&key_file, &cert_file));
    let (status, log) = broken.start_in_vain().await;

    assert_ne!(status.code(), Some(0));
    assert!(log.contains("http.tls"), "{log}");
}

#[tokio::test]
async fn an_encrypted_key_is_called_so_in_either_form_of_pem() {
    let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let dir = tempfile::tempdir().expect("a folder");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&cert, made.cert.pem()).expect("the certificate's file");
    let pkcs8 = made.signing_key.serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE");
    let traditional = made
        .signing_key
        .serialize_pem()
        .replace("PRIVATE KEY", "RSA PRIVATE KEY")
        .replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1);
    for text in [pkcs8, traditional] {
        fs::write(&key, text).expect("the key's file");
        let tls = format!("{{ cert = '{}', key = '{}' }}", cert.display(), key.display());

        let (status, log) = Relay::builder().set("http.tls", &tls).start_in_vain().await;

        assert_ne!(status.code(), Some(0));
        assert!(log.contains("http.tls.key") && log.contains("is encrypted"), "{log}");
    }
}

#[test]
fn a_key_that_does_not_belong_to_the_certificate_is_named() {
    let pair = || generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (one, other) = (pair(), pair());
    let dir = written(&format!(
        "http.tls = {{ cert = 'SPOOL.cert.pem', key = 'SPOOL.other.pem' }}\n{SOURCE}"
    ));
    let file = |name| dir.path().join(name);
    fs::write(file("spool.cert.pem"), one.cert.pem()).expect("the certificate's file");
    fs::write(file("spool.other.pem"), other.signing_key.serialize_pem()).expect("a key's file");

    let said = run(&mut check(&dir));
    fs::write(file("spool.other.pem"), one.signing_key.serialize_pem()).expect("the key's file");
    let mended = run(&mut check(&dir));

    assert_eq!((said.code, mended.code), (2, 0), "{said:?} {mended:?}");
    let key = file("spool.other.pem").display().to_string();
    assert!(said.stderr.contains(&format!("the key {key} does not belong to")), "{said:?}");
}

#[test]
fn the_example_configurations_are_sound() {
    let example = project().join("deploy/cadrelay.toml");
    let page = documentation();
    let blocks: Vec<_> = page.split("```toml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    let mut files = vec![fs::read_to_string(example).expect("the example")];
    for block in blocks {
        files.push(block.split_once("```").expect("a block ends").0.to_owned());
    }

    for text in files {
        let dir = written(&text);
        let said = run(check(&dir)
            .env("ONSHAPE_WEBHOOK_KEY", "a")
            .env("APS_WEBHOOK_SECRET", "b")
            .env("CADRELAY_ADMIN_TOKEN", "c"));
        assert_eq!(said.code, 0, "{text}\n{said:?}");
    }
}

#[test]
fn the_page_of_settings_has_each_key_of_the_program_and_no_other() {
    let page = documentation();
    let documented: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key.to_owned()))
        .collect();

    let mut known = BTreeSet::new();
    for section in ["http", "admin", "kafka", "spool", "dedup", "keeper", "telemetry"] {
        let said = run(&mut check(&written(&format!("[{section}]\nnonsense = 1\n{SOURCE}"))));
        known.extend(expected(&said.stderr).map(|key| format!("{section}.{key}")));
    }
    let said = run(&mut check(&written(&format!("{SOURCE}nonsense = 1\n"))));
    known.extend(expected(&said.stderr).map(|key| format!("sources.{key}")));

    assert_eq!(documented, known);
}

/// The keys that a message about an unknown one offers.
fn expected(message: &str) -> impl Iterator<Item = &str> {
    let line = message.lines().find(|line| line.contains("unknown field `nonsense`"));
    let (_, offered) = line.and_then(|line| line.split_once(", expected ")).expect(message);
    offered.split('`').skip(1).step_by(2)
}

fn documentation() -> String {
    fs::read_to_string(project().join("docs/CONFIGURATION.md")).expect("docs/CONFIGURATION.md")
}

/// A folder with this cadrelay.toml.
fn written(text: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = dir.path().join("spool").display().to_string();
    fs::write(file(&dir), text.replace("SPOOL", &spool)).expect("the configuration is written");
    dir
}

fn file(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("cadrelay.toml")
}

fn check(dir: &TempDir) -> Command {
    let mut command = cadrelay();
    command.args(["check", "--config"]).arg(file(dir));
    command
}

fn entries(dir: &Path) -> Vec<std::ffi::OsString> {
    fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect()
}

/// The exit code and output of a command.
#[derive(Debug)]
pub(super) struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    Said {
        code: status.code().expect("it ended by itself"),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}

/// The same beside what the test awaits.
pub(super) async fn run_apart(mut command: Command) -> Said {
    spawn_blocking(move || run(&mut command)).await.expect("it runs")
}
