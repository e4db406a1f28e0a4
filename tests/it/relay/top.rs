//! `cadrelay top` shows a running relay to a person at a terminal.

use super::configuration::run_apart;
use std::process::Command;
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use support::terminal::Terminal;
use support::waiting::eventually;
use tokio::task::spawn_blocking;

#[tokio::test]
async fn one_frame_has_the_sentence_the_sources_the_lanes_and_the_last_decisions() {
    let relay = Relay::builder().set("admin.token", "'t0ken-of-the-test'").start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.post(&Notification::onshape(1)).await.assert_duplicate();
    relay.post(&Notification::bare("aps", "forged")).await.assert_problem(401);
    relay.consume("onshape.document", 1).await;

    // The counts of the last minute are updated every few seconds.
    let sentence = "Receiving: 3 notifications in the last minute. 1 was not answered 200.";
    let shown = eventually("the sentence tells all three", async || {
        let mut command = top(&relay);
        command.arg("--config").arg(relay.config());
        let shown = run_apart(command).await;
        assert_eq!(shown.code, 0, "{shown:?}");
        shown.stdout.contains(sentence).then_some(shown)
    })
    .await;

    for part in [
        "cadrelay 0.1.0 · up ",
        " · exactly-once · instance ",
        "Kafka answers",
        "SOURCE",
        "onshape.model.lifecycle.changed",
        "unproven",
        "duplicate",
        &relay.topic("onshape.document"),
        "received ",
    ] {
        assert!(shown.stdout.contains(part), "{part} in {}", shown.stdout);
    }
    assert!(!shown.stdout.contains('\u{1b}'), "{}", shown.stdout);
}

#[tokio::test]
async fn a_wrong_token_is_3_and_no_relay_is_5_each_with_what_to_do() {
    let relay = Relay::builder().set("admin.token", "'t0ken-of-the-test'").start().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut wrong = top(&relay);
    wrong.env("CADRELAY__ADMIN__TOKEN", "guessed-5d1e").current_dir(&elsewhere);
    let mut right = top(&relay);
    right.env("CADRELAY__ADMIN__TOKEN", "t0ken-of-the-test").current_dir(&elsewhere);
    let mut nobody = cadrelay();
    nobody.args(["top", "--once", "--url", "http://127.0.0.1:1"]).current_dir(&elsewhere);

    let (wrong, right, nobody) =
        (run_apart(wrong).await, run_apart(right).await, run_apart(nobody).await);

    assert_eq!((wrong.code, right.code, nobody.code), (3, 0, 5), "{wrong:?} {right:?} {nobody:?}");
    assert!(wrong.stderr.contains("CADRELAY__ADMIN__TOKEN"), "{wrong:?}");
    assert!(!wrong.stderr.contains("guessed-5d1e"), "{wrong:?}");
    assert!(
        nobody.stderr.contains("127.0.0.1:1") && nobody.stderr.contains("refused"),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn at_a_terminal_it_follows_the_relay_and_keys_pause_explain_and_end_it() {
    let relay = Relay::builder().start().await;
    let mut command = cadrelay();
    command.args(["top", "--url", &format!("http://{}", relay.admin())]);
    let sender = relay.sender();

    let mut terminal = Terminal::start(command);
    terminal.until("Nothing has come from the 2 sources yet.");
    sender.post(&Notification::onshape(1)).await.expect("an answer").assert_accepted();
    terminal.until("onshape.model.lifecycle.changed");
    terminal.press("p").until("paused").press("?").until("go on").press("q");
    let (exit, shown) = spawn_blocking(move || terminal.end()).await.expect("it ends");

    assert_eq!(exit, Some(0));
    // The screen that was there before is shown again.
    assert!(shown.contains("\u{1b}[?1049l"), "{shown:?}");
}

#[tokio::test]
async fn a_relay_that_ends_meanwhile_is_said_to_be_lost() {
    let mut relay = Relay::builder().start().await;
    let mut command = cadrelay();
    command.args(["top", "--no-color", "--url", &format!("http://{}", relay.admin())]);

    let mut terminal = Terminal::start(command);
    terminal.until("Nothing has come");
    relay.kill();
    terminal.until("follows is how it was").press("q");
    let (exit, _) = spawn_blocking(move || terminal.end()).await.expect("it ends");

    assert_eq!(exit, Some(0));
}

fn top(relay: &Relay) -> Command {
    let mut command = cadrelay();
    command.args(["top", "--once", "--url", &format!("http://{}", relay.admin())]);
    command
}
