//! Files of the configuration that cannot be read: each is named with the reason, and nothing waits for
//! one.

use crate::relay::configuration::{Said, run_apart};
use crate::relay::reload::hang_up;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use tempfile::TempDir;
use tokio::time::timeout;

#[tokio::test]
async fn a_configuration_that_became_a_named_pipe_is_refused_and_the_next_reload_works() {
    let mut relay = Relay::builder().start().await;
    let usual = fs::read(relay.config()).expect("the configuration");

    for kind in ["a named pipe", "a device", "a directory"] {
        replace(&relay.config(), kind);
        let line = hang_up(&relay).await;

        assert_eq!(line["event"], "reload_refused", "{kind}");
        let reason = line["reason"].as_str().expect("a reason");
        assert!(reason.contains("cadrelay.toml cannot be read: it is"), "{reason}");
        assert!(reason.contains(kind), "{reason}");
    }
    let failed = relay.metrics().await;
    remove(&relay.config());
    fs::write(relay.config(), usual).expect("the configuration");
    let mended = hang_up(&relay).await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();

    assert_eq!(failed.get("cadrelay_config_reloads_total", &[("outcome", "failed")]), 3.0);
    assert_eq!(mended["event"], "reloaded");
    replace(&relay.config(), "a named pipe");
    hang_up(&relay).await;
    assert!(relay.terminate().await.success());
}

#[tokio::test]
async fn a_secret_file_that_cannot_be_read_is_named_with_its_reason() {
    let dir = tempfile::tempdir().expect("a folder");
    let secret = dir.path().join("secret");

    for (kind, why) in [
        ("nothing", "No such file or directory"),
        ("a directory", "it is a directory, not a regular file"),
        ("a named pipe", "it is a named pipe, not a regular file"),
        ("a device", "it is a device, not a regular file"),
        ("bytes", "it is not UTF-8 text"),
        ("much", "it is larger than 1 MiB"),
    ] {
        replace(&secret, kind);
        let said = check(&dir, &with_secret(&secret)).await;

        assert_eq!(said.code, 2, "{kind}: {said:?}");
        let told = format!("the secret's file {} cannot be read: {why}", secret.display());
        assert!(said.stderr.contains("proof.hmac[0]: ") && said.stderr.contains(&told), "{said:?}");
    }
}

#[tokio::test]
async fn a_secret_behind_the_links_of_kubernetes_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("..1")).expect("a folder");
    fs::write(dir.path().join("..1/secret"), "s3cret").expect("a secret");
    symlink("..1", dir.path().join("..data")).expect("a link");
    symlink("..data/secret", dir.path().join("secret")).expect("a link");

    let said = check(&dir, &with_secret(&dir.path().join("secret"))).await;

    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_blamed_itself_and_not_its_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["relay".to_owned()]).expect("a pair");
    let key_pem = pair.signing_key.serialize_pem();
    let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
    let config = format!(
        "http.tls = {{ cert = '{}', key = '{}' }}\n{SOURCE}proof = 'none'\n",
        cert.display(),
        key.display()
    );

    for (cert_text, key_text, named, why) in [
        ("", key_pem.as_str(), "http.tls.cert: ", "holds no certificate"),
        ("no PEM at all", key_pem.as_str(), "http.tls.cert: ", "holds no certificate"),
        (junk, key_pem.as_str(), "http.tls.cert: ", "holds no certificate"),
        (pair.cert.pem().as_str(), "", "http.tls.key: ", "holds no private key"),
        (pair.cert.pem().as_str(), "no PEM at all", "http.tls.key: ", "holds no private key"),
    ] {
        fs::write(&cert, cert_text).expect("the certificate's file");
        fs::write(&key, key_text).expect("the key's file");
        let said = check(&dir, &config).await;

        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.stderr.contains(named) && said.stderr.contains(why), "{said:?}");
        assert!(!said.stderr.contains("does not belong"), "{said:?}");
    }
    for (path, named) in [(&cert, "http.tls.cert: "), (&key, "http.tls.key: ")] {
        fs::write(&cert, pair.cert.pem()).expect("the certificate's file");
        fs::write(&key, &key_pem).expect("the key's file");
        replace(path, "a named pipe");
        let said = check(&dir, &config).await;
        remove(path);

        assert!(said.stderr.contains(named) && said.stderr.contains("a named pipe"), "{said:?}");
    }
}

/// Puts something else in the place of a file.
fn replace(path: &Path, kind: &str) {
    remove(path);
    match kind {
        "nothing" => {}
        "a directory" => fs::create_dir(path).expect("a folder"),
        "a named pipe" => {
            mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a named pipe")
        }
        "a device" => symlink("/dev/zero", path).expect("a link"),
        "bytes" => fs::write(path, b"s3cret\xff").expect("a file"),
        "much" => fs::write(path, vec![b'x'; (1 << 20) + 1]).expect("a file"),
        kind => panic!("{kind} is unknown"),
    }
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir(path).expect("it is removed"),
        Ok(_) => fs::remove_file(path).expect("it is removed"),
        Err(_) => {}
    }
}

fn with_secret(path: &Path) -> String {
    format!("{SOURCE}proof = {{ hmac = [{{ file = '{}' }}] }}\n", path.display())
}

/// What `cadrelay check` says of a configuration. Fails the test if it hangs.
async fn check(dir: &TempDir, text: &str) -> Said {
    let config = dir.path().join("cadrelay.toml");
    let spool = dir.path().join("spool");
    fs::write(&config, format!("spool.dir = '{}'\n{text}", spool.display())).expect("a file");
    let mut command = Command::new("timeout");
    command.arg("20").arg(cadrelay().get_program()).arg("check").arg("--config").arg(&config);
    let said = timeout(Duration::from_secs(60), run_apart(command)).await;
    said.expect("the check ends")
}

const SOURCE: &str = "[[sources]]\nname = 'a'\nprovider = 'onshape'\n";
