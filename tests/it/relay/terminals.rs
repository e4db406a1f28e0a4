//! Texts of a sender or a provider control no terminal, whichever command shows them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use tokio::task::spawn_blocking;

/// An escape that turns text red, a C1 that begins one, a bell, and a mark that turns the direction.
const EVIL: &str = "\u{1b}[31mred\u{9b}2J\u{7}\u{202e}gnp";

async fn run(mut command: Command) -> Output {
    spawn_blocking(move || command.output().expect("the command runs")).await.expect("it ends")
}

/// Fails the test if a terminal would act on anything of it.
#[track_caller]
fn assert_plain(what: &str, output: &Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = String::from_utf8(bytes.clone()).expect("text");
        let acted_on = |c: &char| {
            (c.is_control() && *c != '\n')
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        };
        let found = text.chars().find(acted_on);
        assert_eq!(found, None, "{what}: {text:?}");
    }
}

#[tokio::test]
async fn what_a_sender_wrote_reaches_no_terminal_raw() {
    let open = |name: &str, provider: &str| {
        format!("name = '{name}'\nprovider = '{provider}'\nproof = 'none'")
    };
    let mut relay = Relay::builder()
        .source(&open("onshape", "onshape"))
        .source(&open("aps", "aps"))
        .start()
        .await;
    relay.post(&Notification::aps(1)).await.assert_accepted();
    let evil = serde_json::Value::from(EVIL);
    let event = format!(
        r#"{{"event":"onshape.{EVIL_NAME}","messageId":{evil},"documentId":{evil},"webhookId":{evil},"data":{evil}}}"#,
        EVIL_NAME = "x"
    );
    let id = relay.post(&Notification::bare("onshape", event)).await.id();
    relay.post(&Notification::bare("onshape", format!("[{evil}]"))).await.assert_quarantined();
    relay.drained().await;
    // Waiting records are listed too.
    relay.kafka_goes_away();
    let waiting = format!(r#"{{"event":"onshape.y","messageId":"2","documentId":{evil}}}"#);
    relay.post(&Notification::bare("onshape", waiting)).await.assert_accepted();
    let admin = format!("http://{}", relay.admin());

    let config = relay.config();
    let mut shown = String::new();
    for output in ["table", "json", "yaml", "csv"] {
        for words in [
            vec!["spool", "list"],
            vec!["spool", "stat"],
            vec!["spool", "verify"],
            vec!["explain", &id],
        ] {
            let mut command = cadrelay();
            command
                .args(&words)
                .args(["--url", &admin, "--output", output, "--config"])
                .arg(&config);
            let said = run(command).await;
            assert_plain(&format!("{words:?} {output}"), &said);
            shown += &String::from_utf8_lossy(&said.stdout);
        }
    }
    relay.kafka_comes_back();
    relay.drained().await;
    for output in ["table", "json", "yaml", "csv"] {
        let mut command = cadrelay();
        command.args(["quarantine", "list", "--output", output, "--config"]).arg(&config);
        assert_plain(&format!("quarantine list {output}"), &run(command).await);
    }
    for style in [&[][..], &["--json"]] {
        let mut command = cadrelay();
        let topic = relay.topic("onshape.other");
        command.args(["tail", "--from", "beginning", "--count", "2", "--topic", &topic]);
        command.args(style).arg("--config").arg(&config);
        let said = run(command).await;
        assert_plain(&format!("tail {style:?}"), &said);
        shown += &String::from_utf8_lossy(&said.stdout);
    }
    relay.kill();
    let mut command = cadrelay();
    command.args(["ready", "--url", &admin]);
    assert_plain("ready", &run(command).await);

    // It was there to be shown.
    assert!(shown.matches("gnp").count() >= 8, "{shown}");
}

#[tokio::test]
async fn what_a_receiver_or_a_configuration_says_reaches_no_terminal_raw() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            drop(stream.read(&mut [0; 65_536]));
            let answer = format!(
                "HTTP/1.1 500 {EVIL}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{EVIL}",
                EVIL.len()
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    for output in ["table", "json", "yaml", "csv"] {
        let mut command = cadrelay();
        command.args(["webhook", "test", &url, "--provider", "aps", "--output", output]);
        assert_plain(&format!("webhook test {output}"), &run(command).await);
    }

    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("cadrelay.toml");
    let key = "\\u001b[31m\\u202e";
    for text in [
        format!("\"{key}\" = 1"),
        format!("[kafka]\ntopic_prefix = \"{key}\""),
        format!("[kafka.client]\n\"{key}\" = \"x\""),
        format!("[[sources]]\nname = \"{key}\"\nprovider = \"aps\"\nproof = \"none\""),
    ] {
        std::fs::write(&file, &text).expect("the configuration is written");
        let mut command = cadrelay();
        command.args(["check", "--config"]).arg(&file);
        let said = run(command).await;
        assert_eq!(said.status.code(), Some(2), "{text}");
        assert_plain("check", &said);
    }
}
