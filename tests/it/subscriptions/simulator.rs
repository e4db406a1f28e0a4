//! The simulators behave as the services they stand for.

use serde_json::json;
use support::provider::{Inbox, Simulator, http, http_with};

#[test]
fn the_api_of_onshape_answers_with_and_without_a_version_and_refuses_strangers() {
    let simulator = Simulator::start(&["onshape"]);
    let basic = "Basic b25zaGFwZS1hY2Nlc3MtNDcxMTpvbnNoYXBlLXNlY3JldC00NzEy";
    let get = |path: &str, headers: &[(&str, &str)]| {
        http_with("GET", &format!("{}{path}", simulator.url), headers, "").0
    };

    assert_eq!(get("/api/webhooks", &[("authorization", basic)]), 200);
    assert_eq!(get("/api/v6/webhooks", &[("authorization", basic)]), 200);
    assert_eq!(get("/api/v16/webhooks?limit=21", &[("authorization", basic)]), 400);
    assert_eq!(get("/api/v16/webhooks", &[("authorization", "Basic eDp5")]), 401);
    assert_eq!(get("/api/v16/webhooks", &[]), 401);
}

#[test]
fn a_registration_at_onshape_needs_its_options_known_events_and_a_fitting_scope() {
    let simulator = Simulator::start(&["onshape"]);
    let basic = "Basic b25zaGFwZS1hY2Nlc3MtNDcxMTpvbnNoYXBlLXNlY3JldC00NzEy";
    let register = |body: serde_json::Value| {
        let url = format!("{}/api/v16/webhooks", simulator.url);
        http_with("POST", &url, &[("authorization", basic)], &body.to_string()).0
    };
    let events = ["onshape.workflow.transition"];
    let options = json!({ "collapseEvents": false });

    assert_eq!(register(json!({ "url": "http://x", "events": events, "companyId": "c" })), 400);
    assert_eq!(
        register(
            json!({ "url": "http://x", "events": events, "documentId": "c", "options": options })
        ),
        400
    );
    assert_eq!(
        register(
            json!({ "url": "http://x", "events": events, "companyId": "c", "options": options })
        ),
        200
    );
    for unknown in ["onshape.workflow.new", "workflow", ""] {
        let body =
            json!({ "url": "http://x", "events": [unknown], "companyId": "c", "options": options });
        assert_eq!(register(body), 400, "{unknown}");
    }
}

#[test]
fn an_event_reaches_the_hooks_whose_scope_it_is_in() {
    let (simulator, inbox) = (Simulator::start(&["onshape"]), Inbox::open());
    let create = [
        "create",
        "--provider",
        "onshape",
        "-u",
        &inbox.url,
        "--wait",
        "0",
        "-e",
        "onshape.model.lifecycle.changed",
    ];
    let scoped = |scope: &[&str]| simulator.webhook(&[&create[..], scope].concat()).json();
    scoped(&["--scope", "companyId=c"]);
    scoped(&["--scope", "documentId=d", "--scope", "workspaceId=w"]);
    let happen = |fields: serde_json::Value| {
        let mut event = json!({ "event": "onshape.model.lifecycle.changed" });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        simulator.happen(&event)
    };

    assert_eq!(happen(json!({ "companyId": "c", "documentId": "d", "workspaceId": "w" })), 2);
    assert_eq!(happen(json!({ "documentId": "d", "workspaceId": "other" })), 0);
    assert_eq!(happen(json!({ "companyId": "c" })), 1);
    for _ in 0..5 {
        assert_eq!(inbox.next().json().get("companyId"), None);
    }
}

#[test]
fn an_event_that_nobody_knows_is_refused() {
    for provider in ["onshape", "aps"] {
        let simulator = Simulator::start(&[provider]);
        let url = format!("{}/simulator/events", simulator.url);

        assert_eq!(http("POST", &url, r#"{"event":"no.such.event"}"#).0, 400);
        assert_eq!(http("POST", &url, "nonsense").0, 400);
        assert_eq!(http("GET", &format!("{}/nowhere", simulator.url), "").0, 404);
    }
}

#[test]
fn events_happen_by_themselves_at_the_rate_asked_for() {
    for (provider, event, scope) in
        [("onshape", "onshape.comment.create", "documentId=d"), ("aps", "dm.version.*", "folder=f")]
    {
        let inbox = Inbox::open();
        let simulator = Simulator::start(&[provider, "--rate", "200", "--repeat-every", "2"]);
        let create =
            ["create", "--provider", provider, "-u", &inbox.url, "-e", event, "--scope", scope];
        let wait: &[&str] = if provider == "onshape" { &["--wait", "0"] } else { &[] };
        simulator.webhook(&[&create[..], wait].concat()).json();

        let deliveries = simulator.wait_for_deliveries(20);

        let ids: Vec<_> =
            deliveries.iter().map(|delivery| delivery["id"].as_str().unwrap()).collect();
        let repeated = ids.iter().filter(|id| ids.iter().filter(|other| other == id).count() > 1);
        assert!(repeated.count() >= 2, "{provider}: some are delivered twice");
    }
}

#[test]
fn a_list_of_many_pages_is_whole_although_every_second_call_fails() {
    let (simulator, inbox) = (Simulator::start(&["onshape", "--faults", "2"]), Inbox::open());
    let basic = "Basic b25zaGFwZS1hY2Nlc3MtNDcxMTpvbnNoYXBlLXNlY3JldC00NzEy";
    let body = json!({ "url": inbox.url, "events": ["onshape.revision.created"], "companyId": "c",
        "options": { "collapseEvents": false } });
    let register = || {
        let url = format!("{}/api/v16/webhooks", simulator.url);
        http_with("POST", &url, &[("authorization", basic)], &body.to_string()).0
    };
    let statuses: Vec<_> = (0..42).map(|_| register()).collect();

    let listed = simulator.webhook(&["list", "--provider", "onshape"]).json();

    let made = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((made, statuses[1], statuses[3]), (21, 503, 429));
    assert_eq!(listed.as_array().unwrap().len(), made);
}
