//! Colours are for a terminal, and for nobody who does not want them.

use std::process::Command;
use support::notification::Notification;
use support::relay::{Relay, cadrelay};
use support::terminal::Terminal;

#[tokio::test]
async fn events_have_colours_on_a_terminal_unless_somebody_wants_none() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.consume("onshape.document", 1).await;
    let tail = || {
        let mut command = cadrelay();
        command.args(["tail", "--from", "beginning", "--count", "1", "--topic"]);
        command.arg(relay.topic("onshape.document")).args(["--brokers", &relay.brokers()]);
        command
    };

    let usual = shown(tail());
    let mut flag = tail();
    flag.arg("--no-color");
    let mut variable = tail();
    variable.env("NO_COLOR", "1");
    let piped = tail().output().expect("the command runs").stdout;

    assert!(usual.contains(COLOUR), "{usual:?}");
    let piped = String::from_utf8(piped).expect("text");
    for plain in [shown(flag), shown(variable), piped] {
        assert!(plain.contains("onshape.model.lifecycle.changed"), "{plain:?}");
        assert!(!plain.contains(ESCAPE), "{plain:?}");
    }
}

#[test]
fn help_and_a_wrong_flag_are_told_without_colours_too() {
    for words in [&["topics", "--help"][..], &["tail", "--wrong"]] {
        let command = || {
            let mut command = cadrelay();
            command.args(words);
            command
        };
        let mut flag = command();
        flag.arg("--no-color");
        let mut variable = command();
        variable.env("NO_COLOR", "1");

        assert!(shown(command()).contains(ESCAPE), "{words:?}");
        for plain in [shown(flag), shown(variable)] {
            assert!(plain.contains("Usage") && !plain.contains(ESCAPE), "{plain:?}");
        }
    }
}

#[test]
fn the_flag_is_taken_before_and_after_every_command() {
    let help = String::from_utf8(cadrelay().arg("--help").output().expect("it runs").stdout);
    let help = help.expect("text");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<_> = commands.map_while(|line| line.split_whitespace().next()).collect();

    assert!(names.contains(&"explain") && names.contains(&"webhook"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        for words in [["--no-color", name, "--help"], [name, "--no-color", "--help"]] {
            let status = cadrelay().args(words).output().expect("it runs").status;
            assert_eq!(status.code(), Some(0), "{words:?}");
        }
    }
}

/// The output of a command at a terminal.
#[track_caller]
fn shown(command: Command) -> String {
    Terminal::start(command).end().1
}

const ESCAPE: char = '\u{1b}';
const COLOUR: &str = "\u{1b}[1;36m";
