//! plan and apply: what is declared comes to be, and nothing else is touched.

use serde_json::{Value, json};
use std::io::Write;
use support::provider::{Inbox, Output, SECRETS, Simulator, command, run};
use tempfile::NamedTempFile;

/// Both simulated providers, a receiver, and a configuration that can be changed.
pub struct World {
    pub onshape: Simulator,
    pub aps: Simulator,
    pub inbox: Inbox,
    config: NamedTempFile,
}

impl World {
    pub fn new() -> Self {
        Self {
            onshape: Simulator::start(&["onshape"]),
            aps: Simulator::start(&["aps"]),
            inbox: Inbox::open(),
            config: NamedTempFile::with_suffix(".toml").unwrap(),
        }
    }

    /// Declares these; `URL` stands for the receiver.
    pub fn declare(&mut self, subscriptions: &str) {
        let text = format!(
            "[http]\npublic_url = \"{}\"\n[spool]\nmax_bytes = \"1GiB\"\n{}",
            self.inbox.url,
            subscriptions.replace("URL", &self.inbox.url)
        );
        self.config.as_file().set_len(0).unwrap();
        std::io::Seek::rewind(&mut self.config).unwrap();
        self.config.write_all(text.as_bytes()).unwrap();
        self.config.flush().unwrap();
    }

    pub fn webhook(&self, arguments: &[&str]) -> Output {
        run(command()
            .arg("webhook")
            .args(arguments)
            .envs(SECRETS)
            .env("ONSHAPE_BASE_URL", &self.onshape.url)
            .env("APS_BASE_URL", &self.aps.url))
    }

    pub fn with_config(&self, arguments: &[&str]) -> Output {
        let path = self.config.path().to_str().unwrap();
        self.webhook(&[arguments, &["--config", path]].concat())
    }

    /// The path of the configuration.
    pub fn config(&self) -> String {
        self.config.path().to_str().unwrap().to_owned()
    }

    pub fn plan(&self) -> Value {
        self.with_config(&["plan"]).json()
    }

    pub fn apply(&self, more: &[&str]) -> Value {
        self.with_config(&[&["apply", "--yes", "--wait", "0.1"][..], more].concat()).json()
    }

    pub fn hooks(&self, provider: &str) -> Vec<Value> {
        self.webhook(&["list", "--provider", provider]).json().as_array().unwrap().clone()
    }
}

/// Action and fields of each change.
pub fn actions(changes: &Value) -> Vec<String> {
    let changes = changes.get("changes").or(changes.get("applied")).unwrap().as_array().unwrap();
    changes
        .iter()
        .map(|change| {
            let fields: Vec<_> =
                change["fields"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
            let (action, name) = (&change["action"], &change["subscription"]);
            format!("{} {} {}", action.as_str().unwrap(), name.as_str().unwrap(), fields.join(","))
        })
        .collect()
}

pub const BOTH: &str = r#"
[[subscriptions]]
name = "acme-docs"
provider = "onshape"
url = "URL/acme?token=url-token-4715"
events = ["onshape.model.lifecycle.changed", "onshape.comment.create"]
scope = { companyId = "c1" }
data = "relay-7"

[[subscriptions]]
name = "plant"
provider = "aps"
source = "aps"
region = "EMEA"
events = ["dm.version.added", "dm.folder.*"]
scope = { folder = "urn:f" }
attributes = { projectId = "b.1" }
"#;

#[test]
fn what_is_declared_is_made_once_and_then_left_alone() {
    let mut world = World::new();
    world.declare(BOTH);

    let planned = world.plan();
    assert_eq!(actions(&planned), ["create acme-docs ", "create plant ", "create plant "]);
    assert_eq!(world.with_config(&["plan", "--check"]).exit, 1);
    assert_eq!(world.hooks("onshape").len(), 0, "plan changes nothing");
    let applied = world.apply(&[]);
    assert_eq!(applied["applied"][0]["result"], "done");
    assert_eq!(applied["applied"].as_array().unwrap().len(), 3);

    assert_eq!(world.plan(), json!({ "changes": [], "unchanged": 3 }));
    assert_eq!(world.with_config(&["plan", "--check"]).exit, 0);
    let again = world.with_config(&["apply"]);
    assert_eq!(again.json(), json!({ "applied": [], "unchanged": 3 }), "no yes is needed");
    let hook = &world.hooks("onshape")[0];
    assert_eq!(hook["name"], "cadrelay:acme-docs?companyId=c1");
    assert_eq!(hook["transient"], false);
    let csv = world.with_config(&["plan", "--output", "csv"]);
    assert_eq!(csv.stdout, "action,subscription,provider,event,id,fields\n");
}

#[test]
fn what_drifted_is_put_right_in_place() {
    let mut world = World::new();
    world.declare(BOTH);
    world.apply(&[]);
    let onshape = world.hooks("onshape")[0]["id"].as_str().unwrap().to_owned();
    let region = ["--region", "EMEA"];
    let list = [&["list", "--provider", "aps"][..], &region].concat();
    let aps = world.webhook(&list).json()[0]["id"].as_str().unwrap().to_owned();
    let drift = ["update", "--provider", "onshape", &onshape, "--data", "x", "--collapse=true"];
    world.webhook(&drift).json();
    let drift = ["update", "--provider", "aps", &aps, "--status", "inactive", "--filter", "$.x"];
    world.webhook(&[&drift[..], &region].concat()).json();

    assert_eq!(
        actions(&world.plan()),
        ["update acme-docs collapse,data", "update plant status,filter"]
    );
    world.apply(&[]);

    assert_eq!(world.plan(), json!({ "changes": [], "unchanged": 3 }));
    assert_eq!(world.hooks("onshape")[0]["id"], onshape.as_str());
    assert_eq!(world.hooks("onshape")[0]["data"], "relay-7");
}

#[test]
fn what_cannot_be_changed_is_replaced_and_the_new_one_comes_first() {
    let mut world = World::new();
    world.declare(BOTH);
    world.apply(&[]);
    let register = world.inbox.next();
    assert_eq!(register.event(), "webhook.register");
    world.declare(&BOTH.replace("c1", "c2").replace("source = \"aps\"", "url = \"URL/new\""));

    let applied = world.apply(&[]);

    assert_eq!(
        actions(&applied),
        ["replace acme-docs scope", "replace plant url", "replace plant url"]
    );
    assert_eq!(world.plan(), json!({ "changes": [], "unchanged": 3 }));
    assert_eq!(world.hooks("onshape").len(), 1);
    let deliveries = world.onshape.wait_for_deliveries(3);
    assert_eq!(deliveries[0]["event"], "webhook.register");
    assert_ne!(deliveries[1]["event"], deliveries[2]["event"]);
}

#[test]
fn only_ours_go_and_only_when_asked_for() {
    let mut world = World::new();
    let foreign = [
        "create",
        "--provider",
        "onshape",
        "-u",
        &world.inbox.url.clone(),
        "-e",
        "onshape.revision.created",
        "--scope",
        "documentId=d",
        "--name",
        "somebody",
        "--wait",
        "0",
    ];
    world.webhook(&foreign).json();
    world.declare(BOTH);
    world.apply(&[]);
    world.declare(
        "[[subscriptions]]\nname = \"other\"\nprovider = \"onshape\"\nurl = \"URL\"\n\
        events = [\"onshape.revision.created\"]\nscope = { documentId = \"d\" }",
    );

    let kept = world.apply(&["--provider", "onshape"]);
    assert_eq!(actions(&kept), ["create other ", "delete acme-docs "]);
    assert_eq!(kept["applied"][1]["result"], "skipped");
    assert_eq!(world.hooks("onshape").len(), 3);

    let pruned = world.apply(&["--provider", "onshape", "--prune"]);
    assert_eq!(pruned["applied"][0]["result"], "done");
    let names: Vec<_> = world
        .hooks("onshape")
        .iter()
        .map(|hook| hook["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"somebody".to_owned()), "{names:?}");
}

#[test]
fn a_hook_of_aps_that_is_the_same_is_taken_over() {
    let mut world = World::new();
    let url = format!("{}/webhooks/aps", world.inbox.url);
    let by_hand = [
        "create",
        "--provider",
        "aps",
        "-u",
        &url,
        "-e",
        "dm.version.added",
        "--scope",
        "folder=urn:f",
        "--region",
        "EMEA",
    ];
    let id = world.webhook(&by_hand).id();
    world.declare(BOTH);

    let planned = world.plan();
    assert_eq!(planned["changes"][1]["action"], "update");
    assert_eq!(planned["changes"][1]["id"], id);
    assert_eq!(planned["changes"][1]["event"], "dm.version.added");
    world.apply(&[]);

    assert_eq!(world.plan()["unchanged"], 3);
}

#[test]
fn a_failure_does_not_stop_the_others_and_a_second_run_finishes() {
    let mut world = World::new();
    // Not answered 200 before the registration is answered: the call fails.
    world.onshape = Simulator::start(&["onshape", "--trial", "before"]);
    world.declare(&BOTH.replace("URL/acme", "URL/status/500"));

    let first = world.with_config(&["apply", "--yes"]);
    let applied: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(first.exit, 5);
    assert_eq!(applied["applied"][0]["result"], "failed");
    assert!(applied["applied"][0]["error"].as_str().unwrap().contains("400"), "{applied}");
    assert_eq!(applied["applied"][2]["result"], "done");

    world.declare(BOTH);
    assert_eq!(actions(&world.apply(&[])), ["create acme-docs "]);
    assert_eq!(world.plan()["unchanged"], 3);
}

#[test]
fn a_hook_that_is_gone_is_made_again_and_one_that_is_there_twice_loses_one() {
    let mut world = World::new();
    world.declare(BOTH);
    world.apply(&["--provider", "onshape"]);
    let hook = world.hooks("onshape")[0].clone();
    let twin = [
        "create",
        "--provider",
        "onshape",
        "-u",
        &world.inbox.url,
        "-e",
        "onshape.comment.create",
        "--scope",
        "companyId=c1",
        "--wait",
        "0",
        "--name",
        hook["name"].as_str().unwrap(),
    ];
    let twin = world.webhook(&twin).id();

    let planned = world.with_config(&["plan", "--provider", "onshape"]).json();
    assert_eq!(actions(&planned), ["delete acme-docs "]);
    assert_eq!(planned["changes"][0]["id"], twin);
    world.apply(&["--provider", "onshape", "--prune"]);

    let id = hook["id"].as_str().unwrap();
    world.webhook(&["delete", "--provider", "onshape", id]).json();
    let planned = world.with_config(&["plan", "--provider", "onshape"]).json();
    assert_eq!(actions(&planned), ["create acme-docs "]);
}

#[test]
fn a_wrong_declaration_is_refused_with_its_subscription_and_key() {
    let mut world = World::new();
    let refused = |world: &World, words: &[&str]| {
        world.with_config(&["plan"]).assert_refused(2, words);
        world.with_config(&["apply", "--yes"]).assert_refused(2, words);
    };

    world.declare(&BOTH.replace("companyId = \"c1\"", "clientId = \"c1\""));
    refused(&world, &["acme-docs", "scope", "documentId or companyId"]);
    world.declare(&BOTH.replace("data = ", "dta = "));
    refused(&world, &["acme-docs", "dta"]);
    world.declare(&BOTH.replace("region = \"EMEA\"", "region = \"MARS\""));
    refused(&world, &["plant", "region", "EMEA"]);
    world.declare(&BOTH.replace("name = \"plant\"", "name = \"acme-docs\""));
    refused(&world, &["acme-docs", "name", "twice"]);
    world.declare(
        &BOTH.replace("url = \"URL/acme?token=url-token-4715\"", "url = { env = \"NOPE\" }"),
    );
    refused(&world, &["acme-docs", "url", "NOPE"]);
}

#[test]
fn only_a_named_provider_needs_credentials_and_nobody_to_ask_needs_a_yes() {
    let mut world = World::new();
    world.declare(
        BOTH.split("[[subscriptions]]")
            .take(2)
            .collect::<Vec<_>>()
            .join("[[subscriptions]]")
            .as_str(),
    );
    let path = world.config.path().to_str().unwrap();
    let mut plan = command();
    plan.args(["webhook", "plan", "--config", path])
        .envs(SECRETS[..2].iter().copied())
        .env("ONSHAPE_BASE_URL", &world.onshape.url);

    assert_eq!(actions(&run(&mut plan).json()), ["create acme-docs "]);
    world.with_config(&["apply"]).assert_refused(2, &["--yes"]);
}

#[test]
fn a_replacement_whose_second_half_fails_says_so_and_is_finished_by_the_next_run() {
    let mut world = World::new();
    // A run makes five calls: two lists, the registration, the look after its trial, the removal. A
    // first run removes nothing, so the ninth is a removal.
    world.onshape = Simulator::start(&["onshape", "--faults", "9"]);
    world.declare(BOTH);
    world.apply(&["--provider", "onshape"]);
    let old = world.inbox.next().json()["webhookId"].clone();
    world.declare(&BOTH.replace("c1", "c2"));

    let half = world.with_config(&["apply", "--yes", "--provider", "onshape"]);
    let applied: Value = serde_json::from_str(&half.stdout).unwrap();
    assert_eq!(half.exit, 5);
    assert_eq!(applied["applied"][0]["result"], "failed");
    let error = applied["applied"][0]["error"].as_str().unwrap();
    assert!(error.contains("the old one is still there") && error.contains("503"), "{error}");

    let finished = world.apply(&["--provider", "onshape", "--prune"]);
    assert_eq!(actions(&finished), ["delete acme-docs "]);
    assert_eq!(finished["applied"][0]["id"], old);
    assert_eq!(finished["unchanged"], 1);
}
