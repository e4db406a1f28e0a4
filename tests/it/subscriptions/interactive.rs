//! Questions to a person at a terminal: a pseudo-terminal plays the person's.

use support::process::signal;
use support::provider::{Inbox, SECRETS, Simulator, assert_discreet, command};
use support::terminal::Terminal;

/// A webhook command at a terminal.
struct Dialogue(Terminal);

impl Dialogue {
    fn begin(simulator: &Simulator, arguments: &[&str]) -> Self {
        let mut command = command();
        command.arg("webhook").args(arguments).envs(SECRETS).envs(simulator.bases());
        Self(Terminal::start(command))
    }

    /// Waits for a question.
    #[track_caller]
    fn until(&mut self, words: &str) -> &mut Self {
        self.0.until(words);
        self
    }

    fn answer(&mut self, line: &str) -> &mut Self {
        self.0.press(&format!("{line}\n"));
        self
    }

    /// The exit code, none for a signal, and the rest of what was shown.
    fn end(self) -> (Option<i32>, String) {
        let (exit, shown) = self.0.end();
        assert_discreet(&shown);
        (exit, shown)
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
    signal(dialogue.0.pid(), libc::SIGINT);
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
