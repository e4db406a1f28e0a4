use super::*;
use serde_json::json;

fn now() -> Timestamp {
    "2026-11-22T07:00:00Z".parse().unwrap()
}

fn faults(subscriptions: Value) -> Vec<String> {
    let subscriptions: Vec<Subscription> = serde_json::from_value(subscriptions).unwrap();
    let resolved = resolve(&subscriptions, None, now(), &mut Vec::new());
    resolved.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn all_faults_are_told_at_once_each_with_its_subscription_and_key() {
    let faults = faults(json!([
        { "name": "a", "provider": "onshape", "source": "a", "region": "EMEA",
          "events": ["onshape.workflow.transition"], "scope": { "documentId": "d" } },
        { "name": "a", "provider": "aps", "url": "ftp://x", "events": ["dm.version.aded"],
          "scope": { "folder": "f" } },
    ]));

    assert_eq!(faults.len(), 6, "{faults:#?}");
    assert_eq!(faults[0], "subscription a: region: it means nothing to onshape");
    assert!(faults[1].starts_with("subscription a: url: it is missing, and so is http.publ"));
    assert!(faults[2].starts_with("subscription a: scope: onshape.workflow.transition needs"));
    assert_eq!(faults[3], "subscription a: name: it is used twice");
    assert!(faults[4].starts_with("subscription a: url: the URL must begin with"));
    assert!(faults[5].contains("near it: dm.version.added"));
}

#[test]
fn the_url_of_a_source_is_below_the_public_url() {
    let subscriptions: Vec<Subscription> = serde_json::from_value(json!([
        { "name": "a", "provider": "aps", "source": "plant", "events": ["dm.*"],
          "scope": { "folder": "f" } },
        { "name": "b", "provider": "aps", "url": "https://b.example", "events": ["dm.*"],
          "scope": { "folder": "f" } },
    ]))
    .unwrap();

    let declared =
        resolve(&subscriptions, Some("https://r.example/"), now(), &mut Vec::new()).unwrap();

    assert_eq!(declared[0].url.reveal(), "https://r.example/webhooks/plant");
    assert_eq!(declared[1].url.reveal(), "https://b.example");
}
