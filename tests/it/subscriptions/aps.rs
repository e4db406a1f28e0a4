//! Hooks at APS: every level, region, status and way of signing.

use serde_json::{Value, json};
use support::provider::{HOOK_SECRET, Inbox, Output, SECRETS, Simulator, command, http_with, run};

const FOLDER: &str = "folder=urn:adsk.wipprod:fs.folder:co.X";

fn create(simulator: &Simulator, url: &str, event: &str, more: &[&str]) -> Output {
    let arguments = ["create", "--provider", "aps", "--url", url, "--event", event];
    simulator.webhook(&[&arguments[..], more].concat())
}

fn happening() -> serde_json::Value {
    json!({ "event": "dm.version.added", "scope": { "folder": "urn:adsk.wipprod:fs.folder:co.X" } })
}

#[test]
fn one_call_makes_a_hook_for_every_event_of_a_system() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let create = ["create", "--provider", "aps", "--url", &inbox.url, "--all-events"];
    let for_data = [&create[..], &["--system", "data", "--scope"]].concat();
    let create_for_data = |more: &[&str]| simulator.webhook(&[&for_data[..], more].concat());

    simulator.webhook(&create).assert_refused(2, &["--system"]);
    create_for_data(&["workflow=w"]).assert_refused(2, &["--scope", "folder"]);
    let made = create_for_data(&[FOLDER, "--secret", HOOK_SECRET]).json();

    let hooks = made.as_array().unwrap();
    assert!(hooks.len() > 10, "{made}");
    assert!(hooks.iter().all(|hook| hook["system"] == "data"));
    let listed = simulator.webhook(&["list", "--provider", "aps"]).json();
    let ids = |rows: &Value| -> Vec<_> {
        rows.as_array().unwrap().iter().map(|hook| hook["id"].clone()).collect()
    };
    assert_eq!(ids(&listed), ids(&made));
    assert_eq!(simulator.happen(&happening()), 1);
    let post = inbox.next();
    assert_eq!(post.event(), "dm.version.added");
    let key = cadrelay::providers::aps::Key::new(HOOK_SECRET);
    assert_eq!(post.header("x-adsk-signature"), Some(key.sign(&post.body).as_str()));
    create_for_data(&[FOLDER]).assert_refused(5, &["409"]);
}

#[test]
fn a_hook_is_made_seen_changed_and_removed() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let more = [
        "--scope",
        FOLDER,
        "--attributes",
        r#"{"projectId":"b.1"}"#,
        "--filter",
        "$[?(@.ext=='dwg')]",
        "--auto-reactivate",
    ];

    let created = create(&simulator, &inbox.url, "dm.version.added", &more).json();
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["system"], "data");
    assert_eq!(created["region"], "US");
    assert_eq!(created["filter"], json!(["$[?(@.ext=='dwg')]"]));
    assert_eq!(created["autoReactivate"], true);

    let patch = [
        "update",
        "--provider",
        "aps",
        id,
        "--no-filter",
        "--status",
        "inactive",
        "--expires",
        "2099-01-31T00:00:00Z",
    ];
    let updated = simulator.webhook(&patch).json();
    assert_eq!(updated.get("filter"), None);
    assert_eq!(updated["status"], "inactive");
    assert_eq!(updated["expiresAt"], "2099-01-31T00:00:00Z");
    assert_eq!(updated["attributes"], json!({ "projectId": "b.1" }));

    let located = ["get", "--provider", "aps", id, "-s", "data", "-e", "dm.version.added"];
    assert_eq!(simulator.webhook(&located).json(), updated);
    assert_eq!(simulator.webhook(&["get", "--provider", "aps", id]).json(), updated);

    let deleted = simulator.webhook(&["delete", "--provider", "aps", id, "--yes"]).json();
    assert_eq!(deleted, json!({ "id": id, "deleted": true }));
    assert_eq!(simulator.webhook(&["list", "--provider", "aps"]).json(), json!([]));
}

#[test]
fn a_second_hook_for_the_same_is_refused_with_what_aps_says() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    create(&simulator, &inbox.url, "dm.*", &["--scope", FOLDER]).json();

    create(&simulator, &inbox.url, "dm.*", &["--scope", FOLDER])
        .assert_refused(5, &["409", "exists"]);
}

#[test]
fn a_hook_is_found_only_in_its_own_region_and_the_error_names_the_region() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let more = ["--scope", FOLDER, "--region", "EMEA"];
    let id = create(&simulator, &inbox.url, "dm.version.added", &more).id();

    simulator.webhook(&["get", "--provider", "aps", &id, "--region", "emea"]).json();
    simulator.webhook(&["get", "--provider", "aps", &id]).assert_refused(4, &[&id, "region US"]);
    let located = ["delete", "--provider", "aps", &id, "-e", "dm.version.added"];
    let there = run(command()
        .arg("webhook")
        .args(located)
        .envs(SECRETS)
        .envs(simulator.bases())
        .env("APS_REGION", "AUS"));
    there.assert_refused(4, &["region AUS"]);
    simulator
        .webhook(&["list", "--provider", "aps", "--region", "MARS"])
        .assert_refused(2, &["US EMEA AUS CAN DEU IND JPN GBR"]);
    let list = |provider: &str, region: &str| {
        run(command().args(["webhook", "list", "--provider", provider]).env("APS_REGION", region))
    };
    list("aps", "MARS").assert_refused(2, &["APS_REGION", "EMEA"]);
    list("aps", "").assert_refused(3, &["APS_CLIENT_ID"]);
    list("onshape", "MARS").assert_refused(3, &["ONSHAPE_ACCESS_KEY"]);
}

#[test]
fn every_page_and_every_status_is_listed_and_can_be_narrowed() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let (status, token) = http_with(
        "POST",
        &format!("{}/authentication/v2/token", simulator.url),
        &[],
        "client_id=aps-client-id-4713&client_secret=aps-client-secret-4714",
    );
    assert_eq!(status, 200, "{token}");
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    for number in 0..450 {
        let event = if number % 2 == 0 { "dm.version.added" } else { "dm.folder.added" };
        let url = format!("{}/webhooks/v1/systems/data/events/{event}/hooks", simulator.url);
        let folder = format!("f{number}");
        let body = json!({ "callbackUrl": inbox.url, "scope": { "folder": folder } });
        let headers = [("authorization", bearer.as_str())];
        let (status, answer) = http_with("POST", &url, &headers, &body.to_string());
        assert_eq!((status, answer.as_str()), (201, ""));
    }
    let list = |more: &[&str]| {
        let listed = simulator.webhook(&[&["list", "--provider", "aps"][..], more].concat()).json();
        listed.as_array().unwrap().clone()
    };
    let all = list(&[]);
    let id = all[3]["id"].as_str().unwrap();

    simulator.webhook(&["update", "--provider", "aps", id, "--status", "inactive"]).json();

    assert_eq!(all.len(), 450);
    assert_eq!(list(&[]).len(), 450, "the inactive one too");
    assert_eq!(list(&["--status", "inactive"]).len(), 1);
    assert_eq!(list(&["--status", "active"]).len(), 449);
    assert_eq!(list(&["-s", "data"]).len(), 450);
    assert_eq!(list(&["-e", "dm.folder.added"]).len(), 225);
    assert_eq!(list(&["-s", "derivative"]).len(), 0);
    assert_eq!(list(&["--scope", "folder=f7"]).len(), 1);
}

#[test]
fn the_secret_of_the_app_or_of_the_hook_signs() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    let of_app = "0123456789abcdef0123456789abcdef";
    create(&simulator, &inbox.url, "dm.version.added", &["--scope", FOLDER]).json();
    simulator.happen(&happening());
    assert_eq!(inbox.next().header("x-adsk-signature"), None);

    let set = ["secret", "set", "--provider", "aps", "--secret", of_app];
    assert_eq!(simulator.webhook(&set).json()["secret"], "created");
    simulator.happen(&happening());
    let post = inbox.next();
    let signature = cadrelay::providers::aps::Key::new(of_app).sign(&post.body);
    assert_eq!(post.header("x-adsk-signature"), Some(signature.as_str()));
    assert!(post.header("x-adsk-delivery-id").is_some());

    let replaced =
        simulator.webhook(&["secret", "set", "--provider", "aps", "--secret-env", "HOOK_SECRET"]);
    assert_eq!(replaced.json()["secret"], "replaced");
    assert!(replaced.stderr.contains("10 minutes"), "{replaced:?}");
    assert_eq!(
        simulator.webhook(&["secret", "delete", "--provider", "aps"]).json()["secret"],
        "deleted"
    );
    simulator.webhook(&["secret", "delete", "--provider", "aps"]).assert_refused(4, &["US"]);

    let own = format!("{}/own", inbox.url);
    let more = ["--scope", FOLDER, "--secret", HOOK_SECRET];
    create(&simulator, &own, "dm.version.*", &more).json();
    assert_eq!(simulator.happen(&happening()), 2);
    let posts = [inbox.next(), inbox.next()];
    let post = posts.iter().find(|post| post.path == "/own").unwrap();
    let signature = cadrelay::providers::aps::Key::new(HOOK_SECRET).sign(&post.body);
    assert_eq!(post.header("x-adsk-signature"), Some(signature.as_str()));
}

#[test]
fn a_hook_that_fails_too_often_is_inactive_until_it_is_woken() {
    let simulator = Simulator::start(&["aps", "--retries", "1", "--cancel-after", "1"]);
    let inbox = Inbox::open();
    let url = format!("{}/status/500", inbox.url);
    let id = create(&simulator, &url, "dm.version.added", &["--scope", FOLDER]).id();

    simulator.happen(&happening());
    simulator.wait_for_deliveries(2);
    support::provider::eventually(|| {
        let hook = simulator.webhook(&["get", "--provider", "aps", &id]).json();
        (hook["status"] == "inactive").then_some(())
    });
    assert_eq!(simulator.happen(&happening()), 0);

    simulator.webhook(&["update", "--provider", "aps", &id, "--status", "active"]).json();
    assert_eq!(simulator.happen(&happening()), 1);
}

#[test]
fn systems_of_users_need_a_three_legged_token_and_the_error_says_so() {
    let user = [("APS_ACCESS_TOKEN", "three-legged")];
    let (simulator, inbox) = (Simulator::start_with(&["aps"], &user), Inbox::open());
    let arguments = [
        "create",
        "--provider",
        "aps",
        "-u",
        &inbox.url,
        "-e",
        "issue.created-1.0",
        "--scope",
        "project=p1",
    ];

    simulator.webhook(&arguments).assert_refused(3, &["403", "3-legged", "APS_ACCESS_TOKEN"]);
    let as_user = run(command()
        .arg("webhook")
        .args(arguments)
        .envs(SECRETS)
        .envs(simulator.bases())
        .envs(user));

    assert_eq!(as_user.json()["createdBy"], "simulated-user");
}

#[test]
fn a_wildcard_hook_hears_what_its_pattern_covers() {
    let (simulator, inbox) = (Simulator::start(&["aps"]), Inbox::open());
    create(&simulator, &inbox.url, "dm.*.added", &["--scope", FOLDER]).json();
    create(&simulator, &inbox.url, "*", &["--scope", FOLDER, "-s", "data"]).json();

    assert_eq!(simulator.happen(&happening()), 2);
    let mut moved = happening();
    moved["event"] = json!("dm.version.moved");
    assert_eq!(simulator.happen(&moved), 1);
}
