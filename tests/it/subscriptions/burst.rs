//! `webhook test --count`: a short burst and its summary.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use support::provider::{Inbox, Output, command, run};

fn test(arguments: &[&str]) -> Output {
    run(command().args(["webhook", "test"]).args(arguments))
}

fn summary(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_burst_posts_so_many_events_and_sums_them_up_in_one_row() {
    let inbox = Inbox::open();

    let row = test(&[&inbox.url, "--provider", "onshape", "-s", "k", "--count", "20"]).json();

    let ids: BTreeSet<_> = (0..20).map(|_| inbox.next().json()["messageId"].to_string()).collect();
    assert_eq!(ids.len(), 20, "each has an id of its own");
    assert!(inbox.is_empty());
    assert_eq!(row["success"], true);
    assert_eq!((&row["count"], &row["succeeded"]), (&json!(20), &json!(20)));
    assert_eq!(row["statuses"], json!({ "200": 20 }));
    assert_eq!(row["signed"], true);
    let time = |key: &str| row[key].as_f64().unwrap();
    assert!(time("medianMs") <= time("p99Ms") && time("p99Ms") <= time("maxMs"), "{row}");
    assert_eq!(row.get("receipts"), None, "this receiver gives none");
}

#[test]
fn a_rate_spreads_a_burst() {
    let inbox = Inbox::open();

    let row = test(&[&inbox.url, "--count", "5", "--rate", "50"]).json();

    assert_eq!(row["succeeded"], 5);
    assert!(row["timeMs"].as_u64().unwrap() >= 80, "four pauses of 20 ms: {row}");
}

#[test]
fn a_payload_file_is_posted_each_time_as_it_is() {
    let inbox = Inbox::open();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"{ \"odd\": 1 }\r\n").unwrap();

    let row = test(&[&inbox.url, "-p", file.path().to_str().unwrap(), "--count", "3"]).json();

    assert_eq!(row["succeeded"], 3);
    for _ in 0..3 {
        assert_eq!(inbox.next().body, b"{ \"odd\": 1 }\r\n");
    }
}

#[test]
fn a_burst_fails_where_one_of_it_fails() {
    let inbox = Inbox::open();

    let refused = test(&[&format!("{}/status/503", inbox.url), "--count", "3"]);
    let silent = test(&["http://127.0.0.1:1/", "--count", "2"]);

    assert_eq!(refused.exit, 1, "{refused:?}");
    let row = summary(&refused);
    assert_eq!((&row["success"], &row["succeeded"]), (&json!(false), &json!(0)));
    assert_eq!(row["statuses"], json!({ "503": 3 }));
    assert!(row["message"].as_str().unwrap().contains("wants 2xx"), "{row}");
    assert_eq!(silent.exit, 5, "{silent:?}");
    assert_eq!(summary(&silent)["statuses"], json!({ "none": 2 }));
}

#[test]
fn a_burst_that_is_none_is_refused() {
    let url = "http://127.0.0.1:1/";

    for arguments in [
        [url, "--count", "0"].as_slice(),
        &[url, "--count", "10001"],
        &[url, "--rate", "5"],
        &[url, "--count", "2", "--rate", "0"],
        &[url, "--count", "2", "--rate", "1e-300"],
        &[url, "--count", "2", "--rate", "NaN"],
    ] {
        assert_eq!(test(arguments).exit, 2, "{arguments:?}");
    }
}
