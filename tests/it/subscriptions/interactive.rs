//! Questions to a person at a terminal: a pseudo-terminal plays the person's.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use support::provider::{Inbox, PATIENCE, SECRETS, Simulator, assert_discreet, command};

/// A command at a terminal.
struct Dialogue {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Dialogue {
    fn begin(simulator: &Simulator, arguments: &[&str]) -> Self {
        let (terminal, person) = pseudo_terminal();
        let child = command()
            .arg("webhook")
            .args(arguments)
            .envs(SECRETS)
            .envs(simulator.bases())
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stdout(Stdio::from(terminal.try_clone().unwrap()))
            .stderr(Stdio::from(terminal))
            .spawn()
            .unwrap();
        let mut reader = File::from(person.try_clone().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard: File::from(person), screen, shown: String::new() }
    }

    /// Waits for a question.
    #[track_caller]
    fn until(&mut self, words: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{words} does not come; there is: {}", self.shown),
            }
        }
        self
    }

    fn answer(&mut self, line: &str) -> &mut Self {
        self.shown.clear();
        writeln!(self.keyboard, "{line}").unwrap();
        self
    }

    /// The exit code, none for a signal, and the rest of what was shown.
    fn end(mut self) -> (Option<i32>, String) {
        let exit = self.child.wait().unwrap().code();
        drop(self.keyboard);
        while let Ok(bytes) = self.screen.recv_timeout(std::time::Duration::from_millis(200)) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert_discreet(&self.shown);
        (exit, self.shown)
    }
}

#[test]
fn create_asks_for_url_event_and_scope_in_this_order() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let mut dialogue = Dialogue::begin(&simulator, &["create", "--provider", "aps"]);

    dialogue.until("Callback URL: ").answer("not a url");
    dialogue.until("Callback URL: ").answer(&inbox.url);
    dialogue.until(">   1  dm.version.added - ").until("[dm.version.added]: ").answer("");
    dialogue.until("folder: ").answer("urn:f");
    let (exit, shown) = dialogue.end();

    assert_eq!(exit, Some(0), "{shown}");
    assert!(shown.contains("dm.version.added"), "{shown}");
    let hooks = simulator.webhook(&["list", "--provider", "aps"]).json();
    assert_eq!(hooks[0]["scope"]["folder"], "urn:f");
}

#[test]
fn create_asks_which_scope_key_where_several_would_do() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    let create = [
        "create",
        "--provider",
        "onshape",
        "-u",
        &inbox.url,
        "-e",
        "onshape.revision.created",
        "--wait",
        "0",
    ];
    let mut dialogue = Dialogue::begin(&simulator, &create);

    dialogue.until("documentId").until("companyId").until(": ").answer("companyId");
    dialogue.until("companyId: ").answer("c1");
    let (exit, shown) = dialogue.end();

    assert_eq!(exit, Some(0), "{shown}");
    let of_company = ["list", "--provider", "onshape", "--company", "c1"];
    assert_eq!(simulator.webhook(&of_company).json().as_array().unwrap().len(), 1);
}

#[test]
fn ctrl_c_during_the_questions_sends_nothing() {
    let simulator = Simulator::start(&["aps"]);
    let mut dialogue = Dialogue::begin(&simulator, &["create", "--provider", "aps"]);

    dialogue.until("Callback URL: ").answer("https://relay.example/w");
    dialogue.until("[dm.version.added]: ");
    // SAFETY: the child has not been waited for, so the id is still its own.
    unsafe { libc::kill(dialogue.child.id() as i32, libc::SIGINT) };
    let (exit, _) = dialogue.end();

    assert_ne!(exit, Some(0));
    let hooks = simulator.webhook(&["list", "--provider", "aps"]).json();
    assert_eq!(hooks, serde_json::json!([]));
}

#[test]
fn delete_asks_and_no_means_no() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let create =
        ["create", "--provider", "aps", "-u", &inbox.url, "-e", "dm.*", "--scope", "folder=f"];
    let id = simulator.webhook(&create).id();
    let delete = |answer: &str| {
        let mut dialogue = Dialogue::begin(&simulator, &["delete", "--provider", "aps", &id]);
        dialogue.until("[y/N] ").answer(answer);
        dialogue.end().0
    };

    assert_eq!(delete(""), Some(1));
    assert_eq!(simulator.webhook(&["get", "--provider", "aps", &id]).exit, 0);
    assert_eq!(delete("y"), Some(0));
    assert_eq!(simulator.webhook(&["get", "--provider", "aps", &id]).exit, 4);
}

/// Both ends of a new pseudo-terminal: the command's and the person's.
fn pseudo_terminal() -> (OwnedFd, OwnedFd) {
    let (mut person, mut terminal) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: both places are valid for a descriptor, and the other arguments may be null.
    let opened =
        unsafe { libc::openpty(&mut person, &mut terminal, null, null.cast(), null.cast()) };
    assert_eq!(opened, 0);
    // SAFETY: openpty has just made both, and nobody else owns them.
    unsafe { (OwnedFd::from_raw_fd(terminal), OwnedFd::from_raw_fd(person)) }
}
