//! Each example of the RAPS document, as a command of ours.

use serde_json::{Value, json};
use std::io::Write;
use support::provider::{Inbox, Simulator, command, run};

fn test(arguments: &[&str]) -> support::provider::Output {
    run(command().args(["webhook", "test"]).args(arguments))
}

#[test]
fn list_shows_status_event_url_and_id() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let empty = simulator.webhook(&["list", "--provider", "aps", "--output", "table"]);
    assert_eq!(empty.stdout, "No webhooks found.\n");
    let created = simulator
        .webhook(&[
            "create",
            "--provider",
            "aps",
            "--url",
            &inbox.url,
            "--event",
            "extraction.finished",
            "--scope",
            "workflow=my-workflow",
        ])
        .json();

    let table = simulator.webhook(&["list", "--provider", "aps", "--output", "table"]).stdout;

    for word in
        ["STATUS", "active", "extraction.finished", &inbox.url, created["id"].as_str().unwrap()]
    {
        assert!(table.contains(word), "{word} is missing in {table}");
    }
}

#[test]
fn delete_takes_system_and_event_and_needs_neither() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let create = |event: &str| {
        simulator
            .webhook(&[
                "create",
                "--provider",
                "aps",
                "-u",
                &inbox.url,
                "-e",
                event,
                "--scope",
                "folder=f",
            ])
            .id()
    };
    let (first, second, third) =
        (create("dm.version.added"), create("dm.version.deleted"), create("dm.folder.added"));

    let located =
        ["delete", "--provider", "aps", &first, "--system", "data", "--event", "dm.version.added"];
    assert_eq!(simulator.webhook(&located).json(), json!({ "id": first, "deleted": true }));
    let both = simulator.webhook(&["delete", "--provider", "aps", &second, &third]).json();

    assert_eq!(both, json!([{ "id": second, "deleted": true }, { "id": third, "deleted": true }]));
}

#[test]
fn test_names_the_url_that_it_posts_to() {
    let inbox = Inbox::open();
    let url = format!("{}/webhooks/aps?token=url-token-4715", inbox.url);

    test(&[&url]).json();

    assert_eq!(inbox.next().json()["hook"]["callbackUrl"], url);
}

#[test]
fn events_lists_the_catalog_without_network_or_credentials() {
    let events = run(command().args(["webhook", "events", "--provider", "aps"])).json();
    let both = run(command().args(["webhook", "events"])).json();

    let row = |event: &str| {
        both.as_array().unwrap().iter().find(|row| row["event"] == event).cloned().unwrap()
    };
    assert!(both.as_array().unwrap().len() > events.as_array().unwrap().len());
    assert_eq!(row("dm.version.added")["system"], "data");
    assert_eq!(row("dm.version.added")["scope"], json!(["folder"]));
    assert_eq!(row("webhook.ping")["scope"], json!([]));
    assert_eq!(row("onshape.workflow.transition").get("system"), None);
    let csv = run(command().args(["webhook", "events", "--output", "csv"])).stdout;
    assert!(csv.starts_with("provider,event,group,system,scope,description,topic,"), "{csv}");

    let reviews = run(command().args(["webhook", "events", "--group", "reviews"])).json();
    let of = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let topics: Vec<_> = reviews
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (of(row, "event"), of(row, "topic")))
        .collect();
    let row = |event: &str| (event.to_owned(), "cad.aps.reviews".to_owned());
    assert_eq!(topics, ["review.created-1.0", "review.closed-1.0"].map(row));
    run(command().args(["webhook", "events", "--group", "nobody"])).assert_refused(2, &["reviews"]);
}

#[test]
fn test_posts_one_realistic_notification() {
    let inbox = Inbox::open();

    let outcome = test(&[&inbox.url]).json();

    assert_eq!(outcome["success"], true);
    assert_eq!(outcome["provider"], "aps");
    assert_eq!(outcome["event"], "dm.version.added");
    assert_eq!(outcome["status"], 200);
    assert_eq!(outcome["signed"], false);
    let post = inbox.next();
    assert_eq!(post.json()["hook"]["event"], "dm.version.added");
    assert_eq!(post.header("x-adsk-signature"), None);
    assert!(inbox.is_empty());
}

#[test]
fn test_posts_the_event_that_is_asked_for_and_knows_its_provider() {
    let inbox = Inbox::open();

    test(&[&inbox.url, "--event", "extraction.finished"]).json();
    let outcome = test(&[&inbox.url, "--event", "onshape.revision.created"]).json();

    assert_eq!(inbox.next().event(), "extraction.finished");
    assert_eq!(outcome["provider"], "onshape");
    assert_eq!(inbox.next().event(), "onshape.revision.created");
    test(&[&inbox.url, "--event", "dm.version.aded"]).assert_refused(2, &["dm.version.added"]);
    test(&[&inbox.url, "--event", "dm.version.added", "--provider", "onshape"])
        .assert_refused(2, &["not an event of onshape"]);
}

#[test]
fn test_signs_as_the_provider_does_and_as_the_document_says() {
    let inbox = Inbox::open();

    let outcome = test(&[&inbox.url, "--secret", "my-webhook-secret"]).json();
    assert_eq!(outcome["signed"], true);
    let post = inbox.next();
    let key = cadrelay::providers::aps::Key::new("my-webhook-secret");
    assert_eq!(post.header("x-adsk-signature"), Some(key.sign(&post.body).as_str()));
    assert_eq!(post.header("x-aps-signature"), Some(key.sign_sha256(&post.body).as_str()));

    test(&[&inbox.url, "--provider", "onshape", "--secret", "k"]).json();
    let post = inbox.next();
    let timestamp = post.header("x-onshape-webhook-timestamp").unwrap();
    let signature = cadrelay::providers::onshape::Key::new("k").sign(timestamp, &post.body);
    let sent = post.header("x-onshape-webhook-signature-primary");
    assert_eq!(sent, Some(signature.as_str()));
}

#[test]
fn test_sends_and_signs_a_payload_file_byte_for_byte() {
    let inbox = Inbox::open();
    let bytes = b"{ \"not\" : quite json\r\n\xff\0";
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_str().unwrap();

    test(&[&inbox.url, "--payload-file", path, "-s", "k"]).json();

    let post = inbox.next();
    assert_eq!(post.body, bytes);
    let signature = cadrelay::providers::aps::Key::new("k").sign(bytes);
    assert_eq!(post.header("x-adsk-signature"), Some(signature.as_str()));
    test(&[&inbox.url, "-p", "/nonexistent"]).assert_refused(2, &["/nonexistent"]);
}

#[test]
fn test_fails_where_the_provider_would_see_a_failure() {
    let inbox = Inbox::open();
    let outcome = |provider: &str, status: &str| {
        let url = format!("{}/status/{status}", inbox.url);
        let output = test(&[&url, "--provider", provider]);
        let result: Value = serde_json::from_str(&output.stdout).unwrap();
        inbox.next();
        assert_eq!(result["success"], output.exit == 0);
        assert_eq!(result["status"], status.parse::<u16>().unwrap());
        output.exit
    };

    assert_eq!(outcome("aps", "204"), 0);
    assert_eq!(outcome("onshape", "204"), 1);
    assert_eq!(outcome("aps", "302"), 1);
    assert_eq!(outcome("onshape", "503"), 1);
    assert!(inbox.is_empty(), "no redirect is followed, nothing is repeated");
    let silent = test(&["http://127.0.0.1:1/"]);
    assert_eq!(silent.exit, 5, "{silent:?}");
    let result: Value = serde_json::from_str(&silent.stdout).unwrap();
    assert_eq!(result.get("status"), None);
    test(&["ftp://x"]).assert_refused(2, &["https://"]);
}

#[test]
fn test_tells_people_status_and_time() {
    let inbox = Inbox::open();

    let table = test(&[&inbox.url, "--output", "table"]).stdout;

    assert!(table.contains("successful") && table.contains("200"), "{table}");
    assert!(table.contains(" ms"), "{table}");
}
