//! apply and plan tell what did not come true, and go on with the rest.

use crate::subscriptions::plan::{BOTH, World, actions};
use crate::subscriptions::scripted::{Provider, whole};
use serde_json::Value;
use std::io::Write;
use support::provider::{Output, SECRETS, command, run};

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_hook_whose_url_fails_the_trial_is_told_as_failed() {
    let mut world = World::new();
    world.declare(&BOTH.replace("URL/acme", "URL/status/500"));

    let output = world.with_config(&["apply", "--yes"]);

    let applied = json(&output)["applied"].clone();
    assert_eq!(output.exit, 1, "{applied}");
    assert_eq!(applied[0]["result"], "failed");
    let error = applied[0]["error"].as_str().unwrap();
    assert!(error.contains("cancelled") && error.contains("/status/500?token=***"), "{error}");
    assert_eq!(applied[1]["result"], "done");
    assert_eq!(applied[2]["result"], "done");
}

#[test]
fn an_old_hook_stays_when_the_one_that_replaces_it_fails_the_trial() {
    let mut world = World::new();
    world.declare(BOTH);
    world.apply(&["--provider", "onshape"]);
    let old = world.hooks("onshape")[0]["id"].clone();
    world.declare(&BOTH.replace("c1", "c2").replace("URL/acme", "URL/status/500"));

    let output = world.with_config(&["apply", "--yes", "--provider", "onshape"]);

    assert_eq!(output.exit, 1, "{output:?}");
    assert_eq!(json(&output)["applied"][0]["action"], "replace");
    let left: Vec<_> = world.hooks("onshape").iter().map(|hook| hook["id"].clone()).collect();
    assert_eq!(left, [old]);
}

#[test]
fn a_company_that_refuses_to_be_listed_stops_no_other_subscription() {
    let onshape = Provider::writing(|path, stream| {
        let answer = match path {
            path if path.contains("company=") => {
                whole("403 Forbidden", r#"{"message":"not an admin"}"#)
            }
            path if path.contains("offset=") => whole("200 OK", r#"{"items":[]}"#),
            _ => whole("200 OK", r#"{"id":"made"}"#),
        };
        drop(stream.write_all(answer.as_bytes()));
    });
    let mut world = World::new();
    let document = "[[subscriptions]]\nname = \"doc\"\nprovider = \"onshape\"\nurl = \"URL\"\n\
         events = [\"onshape.revision.created\"]\nscope = { documentId = \"d\" }";
    world.declare(&format!("{BOTH}\n{document}"));
    let config = world.config();
    let webhook = |arguments: &[&str]| {
        run(command()
            .arg("webhook")
            .args(arguments)
            .args(["--config", &config])
            .envs(SECRETS)
            .env("ONSHAPE_BASE_URL", &onshape.url)
            .env("APS_BASE_URL", &world.aps.url))
    };

    let planned = webhook(&["plan"]);
    assert_eq!(planned.exit, 3, "{planned:?}");
    assert!(planned.stderr.contains("company c1"), "{planned:?}");
    assert_eq!(actions(&json(&planned)), ["create doc ", "create plant ", "create plant "]);
    assert_eq!(json(&planned)["failed"][0]["subscription"], "acme-docs");
    let applied = webhook(&["apply", "--yes", "--wait", "0"]);
    assert_eq!(applied.exit, 3, "{applied:?}");
    let rows = json(&applied)["applied"].clone();
    let result = |name: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["subscription"] == name);
        row.unwrap()["result"].clone()
    };
    assert_eq!(result("acme-docs"), "failed");
    assert_eq!(result("doc"), "done");
    assert_eq!(result("plant"), "done");
}

#[test]
fn a_region_that_is_down_stops_no_other_subscription() {
    let mut world = World::new();
    world.declare(BOTH);
    world.aps =
        support::provider::Simulator::start_with(&["aps"], &[("APS_CLIENT_SECRET", "other")]);

    let output = world.with_config(&["apply", "--yes", "--wait", "0.1"]);

    assert_eq!(output.exit, 3, "{output:?}");
    assert_eq!(
        json(&output)["applied"][0]["error"].as_str().unwrap().split(' ').next(),
        Some("aps")
    );
    assert_eq!(world.hooks("onshape").len(), 1);
}

#[test]
fn a_subscription_whose_time_is_over_is_not_made_and_stops_nothing() {
    let mut world = World::new();
    world.declare(&BOTH.replace("region = \"EMEA\"", "expires = \"2020-01-01T00:00:00Z\""));

    let output = world.with_config(&["plan"]);

    assert_eq!(actions(&output.json()), ["create acme-docs "]);
    assert!(output.stderr.contains("plant: expires: it is in the past"), "{output:?}");
}
