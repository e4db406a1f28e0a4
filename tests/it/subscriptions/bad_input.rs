//! Bad input is reported before anything is sent; a fault of the provider is reported as it is.

use crate::subscriptions::scripted::Provider;
use support::provider::{Output, SECRETS, Simulator, command, run};

/// Nothing listens there, so whatever is sent ends with 5.
fn offline(arguments: &[&str]) -> Output {
    run(command()
        .arg("webhook")
        .args(arguments)
        .envs(SECRETS)
        .env("ONSHAPE_BASE_URL", "http://127.0.0.1:1")
        .env("APS_BASE_URL", "http://127.0.0.1:1"))
}

fn create(provider: &str, more: &[&str]) -> Output {
    let arguments = ["create", "--provider", provider, "--url", "https://relay.example/w"];
    offline(&[&arguments[..], more].concat())
}

#[test]
fn nothing_is_sent_where_the_command_is_wrong() {
    let folder = ["--scope", "folder=f"];
    let aps = |more: &[&str]| create("aps", &[more, &folder].concat());

    offline(&["list"]).assert_refused(2, &["--provider"]);
    offline(&["create", "--provider", "aps"]).assert_refused(2, &["--url"]);
    create("aps", &[]).assert_refused(2, &["--event"]);
    create("aps", &["-e", "dm.version.added"]).assert_refused(2, &["--scope", "folder"]);
    create("onshape", &["-e", "onshape.revision.created"])
        .assert_refused(2, &["documentId or companyId"]);
    aps(&["-e", "dm.version.aded"]).assert_refused(2, &["near it: dm.version.added"]);
    aps(&["-e", "*"]).assert_refused(2, &["--system"]);
    aps(&["-e", "extraction.finished"]).assert_refused(2, &["folder", "workflow"]);
    aps(&["-e", "dm.version.added", "--name", "x"]).assert_refused(2, &["--name", "aps"]);
    aps(&["-e", "dm.version.added", "--secret", "short"]).assert_refused(2, &["32 to 64"]);
    aps(&["-e", "dm.version.added", "--attributes", "[]"]).assert_refused(2, &["JSON object"]);
    aps(&["-e", "dm.version.added", "--expires", "soon"]).assert_refused(2, &["--expires"]);
    let past = ["--expires", "2020-01-01T00:00:00Z"];
    aps(&[&["-e", "dm.version.added"], &past[..]].concat())
        .assert_refused(2, &["--expires", "in the past"]);
    offline(&[&["update", "--provider", "aps", "id"], &past[..]].concat())
        .assert_refused(2, &["--expires", "in the past"]);
    create("aps", &["-e", "extraction.finished", "--scope", "workflow=has space"])
        .assert_refused(2, &["letters, digits"]);
    create("onshape", &["-e", "webhook.ping", "--scope", "documentId=d"])
        .assert_refused(2, &["by itself"]);
    create("onshape", &["-e", "model.changed", "--scope", "documentId=d"])
        .assert_refused(2, &["not an event of onshape"]);
    create("onshape", &["-e", "onshape.revision.created", "--scope", "documentId"])
        .assert_refused(2, &["KEY=VALUE"]);
    offline(&["create", "--provider", "aps", "-u", "ftp://x", "-e", "dm.*"])
        .assert_refused(2, &["--url", "https://"]);
    offline(&["update", "--provider", "aps", "id", "--url", "https://x.example"])
        .assert_refused(2, &["--url", "cannot change"]);
    offline(&["update", "--provider", "aps", "id", "--scope", "folder=x"])
        .assert_refused(2, &["--scope", "create"]);
    offline(&["update", "--provider", "onshape", "id"]).assert_refused(2, &["nothing to change"]);
    offline(&["ping", "--provider", "aps", "id"]).assert_refused(2, &["webhook test"]);
    offline(&["secret", "set", "--provider", "aps", "--secret-env", "NOT_SET"])
        .assert_refused(2, &["NOT_SET"]);
    offline(&["secret", "delete", "--provider", "onshape"]).assert_refused(2, &["settings"]);
}

#[test]
fn what_the_catalog_does_not_know_is_sent_with_a_warning() {
    let onshape =
        create("onshape", &["-e", "onshape.model.lifecycle.new", "--scope", "documentId=d"]);
    let aps = create("aps", &["-e", "new.event", "-s", "adsk.new", "--scope", "thing=t"]);

    onshape.assert_refused(5, &["warning", "not in the catalog", "no answer"]);
    aps.assert_refused(5, &["warning", "adsk.new", "no answer"]);
}

#[test]
fn a_project_of_issues_with_its_prefix_is_sent_with_a_warning() {
    let issue = |project| create("aps", &["-e", "issue.created-1.0", "--scope", project]);
    let bare = issue("project=4f1c");

    issue("project=b.4f1c").assert_refused(5, &["warning", "without its \"b.\"", "no answer"]);
    assert!(!bare.stderr.contains("warning"), "{bare:?}");
}

#[test]
fn missing_credentials_are_named() {
    let list = |provider| run(command().args(["webhook", "list", "--provider", provider]));

    list("onshape").assert_refused(3, &["ONSHAPE_ACCESS_KEY is not set"]);
    list("aps").assert_refused(3, &["APS_CLIENT_ID is not set"]);
}

#[test]
fn refused_credentials_end_with_3() {
    let simulator = Simulator::start(&["aps"]);
    let list = |name: &str, value: &str| {
        run(command()
            .args(["webhook", "list", "--provider", "aps"])
            .envs(SECRETS)
            .envs(simulator.bases())
            .env(name, value))
    };

    list("APS_CLIENT_SECRET", "wrong").assert_refused(3, &["401", "not valid"]);
    list("APS_ACCESS_TOKEN", "stale").assert_refused(3, &["401"]);
}

#[test]
fn a_provider_that_is_down_or_talks_nonsense_ends_with_5() {
    offline(&["list", "--provider", "onshape"]).assert_refused(5, &["no answer from onshape"]);
    let html = Provider::answering("200 OK", "<html>hello</html>");
    let list = ["list", "--provider", "onshape"];

    html.webhook(&list).assert_refused(5, &["200", "cannot be read"]);
    Provider::answering(
        "200 OK",
        r#"{"items":[{"id":"a"}],"next":"/api/webhooks?offset=0&limit=20"}"#,
    )
    .webhook(&list)
    .assert_refused(5, &["read already"]);
}

#[test]
fn a_reading_call_is_tried_four_times_and_a_registration_once() {
    let down = Provider::answering("503 Down", r#"{"message":"Service unavailable."}"#);
    let create = [
        "create",
        "--provider",
        "onshape",
        "-u",
        "https://relay.example",
        "-e",
        "onshape.revision.created",
        "--scope",
        "documentId=d",
    ];

    down.webhook(&["list", "--provider", "onshape"])
        .assert_refused(5, &["503", "Service unavailable."]);
    assert_eq!(down.calls(), 4);
    down.webhook(&create).assert_refused(5, &["503"]);
    assert_eq!(down.calls(), 5);

    let busy = Provider::answering("429 Busy\r\nretry-after: 450", "{}");
    busy.webhook(&create).assert_refused(5, &["429", "450 s"]);
    assert_eq!(busy.calls(), 1, "nobody waits 450 seconds for a command");
}

#[test]
fn what_a_provider_repeats_of_our_secrets_is_not_printed() {
    let (_, access) = SECRETS[0];
    let body = format!(r#"{{"message":"bad key {access} for https://r/?token=url-token-4715"}}"#);

    Provider::answering("400 Bad", &body)
        .webhook(&["list", "--provider", "onshape"])
        .assert_refused(5, &["bad key ***", "token=***"]);
}

#[test]
fn a_reply_of_another_form_is_told_without_its_values() {
    let page = |item: &str| format!(r#"{{"items":[{item}]}}"#);
    let (url, password) = ("https://r.example/w?token=url-token-4715", "aps-client-secret-4714");
    for item in [
        format!(r#"{{"id":"a","events":"{url}"}}"#),
        format!(r#"{{"id":"a","url":["{url}"]}}"#),
        format!(r#"{{"id":"a","isTransient":"https://user:{password}@r.example"}}"#),
    ] {
        Provider::answering("200 OK", &page(&item))
            .webhook(&["list", "--provider", "onshape"])
            .assert_refused(5, &["items[0]", "of another form"]);
    }
}

#[test]
fn who_does_not_answer_is_named_with_the_port() {
    offline(&["list", "--provider", "onshape"]).assert_refused(5, &["at 127.0.0.1:1:"]);
    let test = run(command().args(["webhook", "test", "http://127.0.0.1:1/hook"]));

    assert_eq!(test.exit, 5);
    assert!(test.stdout.contains("no answer from 127.0.0.1:1: "), "{test:?}");
}
