//! The sample workflows of Onshape's webhook guide, as commands of ours.

use serde_json::json;
use support::provider::{Inbox, Output, Simulator, URL_TOKEN, command, http_with, run};
use support::provider::{SECRETS, eventually};

const DOCUMENT: &str = "0f9c4392e5934f30b48ab645";

fn create(simulator: &Simulator, url: &str, more: &[&str]) -> Output {
    let scope = format!("documentId={DOCUMENT}");
    let mut arguments = vec!["create", "--provider", "onshape", "--url", url, "--wait", "0"];
    arguments.extend(["--event", "onshape.model.lifecycle.createversion", "--scope", &scope]);
    arguments.extend(more);
    simulator.webhook(&arguments)
}

#[test]
fn the_guides_workflow_runs_from_registration_to_the_silence_after_the_end() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    let version =
        json!({ "event": "onshape.model.lifecycle.createversion", "documentId": DOCUMENT });

    // Create a webhook: it is durable unless asked otherwise, and its URL is tried.
    let created = create(&simulator, &inbox.url, &[]).json();
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["transient"], false);
    assert_eq!(created["collapse"], false);
    assert_eq!(created["scope"], json!({ "documentId": DOCUMENT }));
    assert_eq!(created.get("description"), None);
    assert_eq!(inbox.next().event(), "webhook.register");
    assert_eq!(simulator.happen(&version), 1);
    let heard = inbox.next().json();
    assert_eq!(heard["webhookId"], id);
    assert_eq!(heard["documentId"], DOCUMENT);

    // Get webhook info.
    let got = simulator.webhook(&["get", "--provider", "onshape", id]).json();
    assert_eq!(got["events"], json!(["onshape.model.lifecycle.createversion"]));

    // Update a webhook: what is not mentioned stays.
    let text = "Send a notification each time a document version is created.";
    let update = ["update", "--provider", "onshape", id, "--description", text];
    let updated = simulator.webhook(&update).json();
    assert_eq!(updated["description"], text);
    assert_eq!(updated["transient"], false);
    assert_eq!(updated["events"], created["events"]);

    // Ping a webhook.
    let pinged = simulator.webhook(&["ping", "--provider", "onshape", id]).json();
    assert_eq!(pinged, json!({ "id": id, "pinged": true }));
    assert_eq!(inbox.next().event(), "webhook.ping");

    // Delete a webhook: it says farewell, and then there is silence.
    let deleted = simulator.webhook(&["delete", "--provider", "onshape", id]).json();
    assert_eq!(deleted, json!({ "id": id, "deleted": true }));
    assert_eq!(inbox.next().event(), "webhook.unregister");
    assert_eq!(simulator.happen(&version), 0);
    simulator.webhook(&["get", "--provider", "onshape", id]).assert_refused(4, &[id, "not found"]);
}

#[test]
fn a_hook_can_be_removed_without_a_word_to_its_receiver() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    let id = create(&simulator, &inbox.url, &[]).id();
    assert_eq!(inbox.next().event(), "webhook.register");

    simulator.webhook(&["delete", "--provider", "onshape", &id, "--block-notification"]).json();

    let other = create(&simulator, &inbox.url, &[]).id();
    let next = inbox.next();
    assert_eq!(next.event(), "webhook.register");
    assert_eq!(next.json()["webhookId"], other);
}

#[test]
fn a_registration_whose_url_does_not_answer_200_is_told_to_be_cancelled() {
    let inbox = Inbox::open();
    let url = format!("{}/status/202", inbox.url);
    let simulator = Simulator::start(&["onshape"]);

    // The trial ends some time after the answer, so the command waits for it a little longer.
    let scope = format!("documentId={DOCUMENT}");
    let arguments = ["create", "--provider", "onshape", "-u", &url, "--scope", &scope];
    let more = ["-e", "onshape.model.lifecycle.createversion", "--wait", "1"];
    simulator
        .webhook(&[&arguments[..], &more].concat())
        .assert_refused(1, &["cancelled", "did not answer", "200"]);

    assert_eq!(simulator.webhook(&["list", "--provider", "onshape"]).json(), json!([]));
}

#[test]
fn a_trial_before_the_answer_fails_the_registration_itself() {
    let inbox = Inbox::open();
    let simulator = Simulator::start(&["onshape", "--trial", "before"]);

    create(&simulator, &format!("{}/status/500", inbox.url), &[]).assert_refused(5, &["400"]);
    create(&simulator, &inbox.url, &[]).json();
}

#[test]
fn every_page_of_the_list_is_read() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    for _ in 0..45 {
        let body = json!({ "url": inbox.url, "events": ["onshape.revision.created"],
            "companyId": "c1", "options": { "collapseEvents": true } });
        register(&simulator, &body);
    }

    let listed = simulator.webhook(&["list", "--provider", "onshape"]).json();
    let of_company =
        simulator.webhook(&["list", "--provider", "onshape", "--company", "c1"]).json();
    let of_other = simulator.webhook(&["list", "--provider", "onshape", "--company", "c2"]).json();

    assert_eq!(listed.as_array().unwrap().len(), 45);
    assert_eq!(of_company.as_array().unwrap().len(), 45);
    assert_eq!(of_other, json!([]));
    assert_eq!(listed[0]["collapse"], true);
    assert_eq!(listed[0]["transient"], true, "Onshape's own default");
}

#[test]
fn signed_requests_are_taken_and_wrong_keys_are_not() {
    let simulator = Simulator::start(&["onshape"]);
    let list = |variables: &[(&str, &str)]| {
        run(command()
            .args(["webhook", "list", "--provider", "onshape"])
            .envs(SECRETS)
            .envs(simulator.bases())
            .envs(variables.iter().copied()))
    };

    assert_eq!(list(&[("ONSHAPE_AUTH", "signed")]).json(), json!([]));
    list(&[("ONSHAPE_AUTH", "signed"), ("ONSHAPE_SECRET_KEY", "wrong")])
        .assert_refused(3, &["401", "signature"]);
    list(&[("ONSHAPE_SECRET_KEY", "wrong")]).assert_refused(3, &["401"]);
    list(&[("ONSHAPE_SECRET_KEY", "")]).assert_refused(3, &["ONSHAPE_SECRET_KEY"]);
    list(&[("ONSHAPE_AUTH", "magic")]).assert_refused(2, &["ONSHAPE_AUTH", "basic or signed"]);
}

#[test]
fn a_token_in_the_url_reaches_the_receiver_and_no_output() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    let url = format!("{}/webhooks/a?token={URL_TOKEN}&x=1", inbox.url);

    let id = create(&simulator, &url, &[]).id();
    assert_eq!(inbox.next().path, format!("/webhooks/a?token={URL_TOKEN}&x=1"));

    for format in ["json", "yaml", "csv", "table"] {
        let list = simulator.webhook(&["list", "--provider", "onshape", "--output", format]);
        assert!(list.stdout.contains("token=***"), "{list:?}");
        simulator.webhook(&["get", "--provider", "onshape", &id, "--output", format]);
    }
}

#[test]
fn both_keys_of_a_company_sign() {
    let keys = [("ONSHAPE_WEBHOOK_KEY", "one"), ("ONSHAPE_WEBHOOK_KEY_SECONDARY", "two")];
    let (simulator, inbox) = (Simulator::start_with(&["onshape"], &keys), Inbox::open());

    create(&simulator, &inbox.url, &["--data", "relay-7"]).json();

    let post = inbox.next();
    let timestamp = post.header("x-onshape-webhook-timestamp").unwrap();
    for (key, header) in [("one", "primary"), ("two", "secondary")] {
        let signature = cadrelay::providers::onshape::Key::new(key).sign(timestamp, &post.body);
        let header = format!("x-onshape-webhook-signature-{header}");
        assert_eq!(post.header(&header), Some(signature.as_str()));
    }
    assert_eq!(post.json()["data"], "relay-7");
}

#[test]
fn a_hook_that_is_not_answered_200_is_retried_with_the_same_message_and_then_cancelled() {
    let simulator = Simulator::start(&["onshape", "--retries", "2", "--cancel-after", "2"]);
    let inbox = Inbox::open();
    let id = create(&simulator, &inbox.url, &[]).id();
    // The trial comes first, so that the rest can be counted.
    simulator.wait_for_deliveries(1);
    let bad = format!("{}/status/503", inbox.url);
    simulator.webhook(&["update", "--provider", "onshape", &id, "--url", &bad]).json();
    let version =
        json!({ "event": "onshape.model.lifecycle.createversion", "documentId": DOCUMENT });

    simulator.happen(&version);
    let deliveries = simulator.wait_for_deliveries(4);
    assert_eq!(deliveries[1]["id"], deliveries[3]["id"]);
    assert_eq!(deliveries[3]["attempt"], 3);
    assert_eq!(deliveries[3]["status"], 503);
    let dropped = eventually(|| {
        let hook = simulator.webhook(&["get", "--provider", "onshape", &id]).json();
        hook["droppedEvents"].as_u64().filter(|dropped| *dropped > 0)
    });
    assert_eq!(dropped, 1);

    simulator.happen(&version);
    eventually(|| {
        let gone = simulator.webhook(&["get", "--provider", "onshape", &id]);
        (gone.exit == 4).then_some(())
    });
}

fn register(simulator: &Simulator, body: &serde_json::Value) {
    // The same keys as the commands use, by Basic.
    let basic = "Basic b25zaGFwZS1hY2Nlc3MtNDcxMTpvbnNoYXBlLXNlY3JldC00NzEy";
    let headers = [("authorization", basic), ("content-type", "application/json")];
    let url = format!("{}/api/webhooks", simulator.url);
    let (status, answer) = http_with("POST", &url, &headers, &body.to_string());
    assert_eq!(status, 200, "{answer}");
}
