//! The books balance (P6), and the metrics are what docs/METRICS.md says.

use crate::relay::keeping::keeping_in_vain;
use cadrelay::event::provider::Provider;
use reqwest::Method;
use std::collections::BTreeSet;
use std::fs::File;
use support::load::Load;
use support::notification::{Notification, secret};
use support::relay::{Metrics, Relay};
use support::tools::{project, promtool, succeed};

#[tokio::test]
async fn accepted_is_published_or_pending_at_every_look_under_load_and_after_a_kill() {
    let mut relay = Relay::builder().start().await;
    let load = Load::start(&relay, 4);

    watched(&relay, &load, 300).await;
    relay.kafka_goes_away();
    watched(&relay, &load, 600).await;
    relay.restart().await;
    assert!(relay.metrics().await.sum("cadrelay_spool_recovered") > 0.0);
    watched(&relay, &load, 900).await;
    relay.kafka_comes_back();
    watched(&relay, &load, 1200).await;
    let before = relay.metrics().await;
    let sent = load.stop().await;
    relay.drained().await;

    let after = relay.metrics().await;
    assert_balances(&after);
    assert_eq!(after.sum("cadrelay_spool_bytes"), 0.0);
    let stored = after.sum("cadrelay_published_total") - after.sum("cadrelay_spool_recovered");
    assert_eq!(stored, taken(&after, "accepted"));
    assert!(taken(&after, "accepted") >= taken(&before, "accepted"));
    let answered = taken(&after, "accepted") + taken(&after, "duplicate");
    assert!(answered <= sent.statuses[&200] as f64);
}

/// Looks at the books until the load has come so far.
async fn watched(relay: &Relay, load: &Load, acknowledged: usize) {
    while load.acknowledged() < acknowledged {
        assert_balances(&relay.metrics().await);
    }
}

#[track_caller]
pub fn assert_balances(metrics: &Metrics) {
    let came = taken(metrics, "accepted")
        + taken(metrics, "quarantined")
        + metrics.get("cadrelay_replayed_total", &[])
        + metrics.sum("cadrelay_gaps_total")
        + metrics.get("cadrelay_spool_recovered", &[]);
    let went = metrics.sum("cadrelay_published_total") + metrics.sum("cadrelay_spool_pending");
    assert_eq!(came, went);
}

fn taken(metrics: &Metrics, outcome: &str) -> f64 {
    let counted = metrics.of("cadrelay_notifications_total");
    counted.filter(|(labels, _)| labels["outcome"] == outcome).map(|(_, value)| value).sum()
}

#[tokio::test]
async fn each_outcome_is_counted_once_at_its_source() {
    let relay = Relay::builder().set("http.body_limit", "'4KiB'").start().await;
    let sign =
        |body: &str| Notification::bare("aps", body).signed(Provider::Aps, secret(Provider::Aps));
    let aps = Notification::aps(1);

    relay.post(&aps).await.assert_accepted();
    relay.post(&aps).await.assert_duplicate();
    relay.post(&aps).await.assert_duplicate();
    relay.post(&sign("[]")).await.assert_quarantined();
    relay.post(&Notification::bare("aps", "{}")).await.assert_problem(401);
    relay.post(&sign(&" ".repeat(5000))).await.assert_problem(413);
    relay.post(&aps.clone().with("content-encoding", "gzip")).await.assert_problem(415);
    relay.drained().await;

    let metrics = relay.metrics().await;
    for (outcome, times) in [
        ("accepted", 1.0),
        ("duplicate", 2.0),
        ("quarantined", 1.0),
        ("unproven", 1.0),
        ("too_large", 1.0),
        ("malformed", 1.0),
        ("unavailable", 0.0),
    ] {
        let labels = [("source", "aps"), ("outcome", outcome)];
        assert_eq!(metrics.get("cadrelay_notifications_total", &labels), times, "{outcome}");
    }
    assert_eq!(metrics.sum("cadrelay_notifications_total"), 7.0);
    let group = [("provider", "aps"), ("group", "data")];
    assert_eq!(metrics.get("cadrelay_events_total", &group), 1.0);
    assert_eq!(metrics.get("cadrelay_quarantined_total", &[("reason", "not_an_object")]), 1.0);
    assert_eq!(metrics.get("cadrelay_published_total", &[("topic", "cad.quarantine")]), 1.0);
    assert!(metrics.get("cadrelay_window_ids", &[]) >= 2.0);
    assert!(
        metrics.get("cadrelay_last_notification_timestamp_seconds", &[("source", "aps")]) > 1e9
    );
    assert_eq!(
        metrics.get("cadrelay_last_notification_timestamp_seconds", &[("source", "onshape")]),
        0.0
    );
}

#[tokio::test]
async fn every_label_is_there_from_zero_and_no_stranger_adds_one() {
    let relay = Relay::builder().start().await;
    let at_first = relay.metrics().await;

    for name in ["cadrelay_notifications_total", "cadrelay_events_total"] {
        assert_eq!(at_first.sum(name), 0.0);
    }
    for (name, label, values) in [
        ("cadrelay_notifications_total", "outcome", OUTCOMES),
        ("cadrelay_quarantined_total", "reason", REASONS),
        ("cadrelay_publish_errors_total", "kind", KINDS),
        ("cadrelay_kafka_producer_restarts_total", "reason", RESTARTS),
    ] {
        let there: BTreeSet<_> =
            at_first.of(name).map(|(labels, _)| labels[label].clone()).collect();
        assert_eq!(there, values.iter().map(|value| (*value).to_owned()).collect(), "{name}");
    }
    for provider in Provider::ALL {
        let topic = format!("cad.{provider}.other");
        for name in ["cadrelay_published_total", "cadrelay_spool_pending", "cadrelay_lane_trouble"]
        {
            assert_eq!(at_first.get(name, &[("topic", &topic)]), 0.0);
        }
    }

    for stranger in ["nobody", "a%22b", "onshape2", "%00", "x,y=z"] {
        relay.post(&Notification::onshape(1).to(stranger)).await.assert_problem(404);
    }
    let method = Method::from_bytes(b"BREW").expect("a method");
    relay.request(method, relay.ingest(), "/webhooks/onshape").await.assert_problem(405);
    relay.post(&Notification::bare("onshape", "{\"event\":\"a.b.c\"}")).await.assert_problem(401);
    let unheard = Notification::bare("onshape", "{\"event\":\"a.b.c\",\"messageId\":\"m\"}")
        .signed(Provider::Onshape, secret(Provider::Onshape));
    relay.post(&unheard).await.assert_accepted();
    relay.drained().await;

    assert_eq!(relay.metrics().await.names(), at_first.names());
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_the_metrics() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let scrape = relay.dir().join("metrics.txt");
    std::fs::write(&scrape, relay.ask("/metrics").await.body).expect("a file");

    let mut command = promtool();
    command.args(["check", "metrics"]).stdin(File::open(scrape).expect("the file just written"));

    assert_eq!(succeed(&mut command), "");
}

#[tokio::test]
async fn the_table_of_metrics_in_the_documents_is_the_programs() {
    let relay = keeping_in_vain().start().await;
    let text = relay.ask("/metrics").await.body;
    let metrics = Metrics::parse(&text);
    let page = std::fs::read_to_string(project().join("docs/METRICS.md")).expect("the page");

    let documented: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `cadrelay_")).collect();

    assert_eq!(documented.join("\n"), table(&text, &metrics).join("\n"));
}

#[tokio::test]
async fn rules_and_dashboards_name_no_series_that_the_program_lacks() {
    let relay = keeping_in_vain().start().await;
    let names: BTreeSet<String> =
        relay.metrics().await.names().into_iter().map(|(name, _)| name).collect();
    let read = |path: &str| std::fs::read_to_string(project().join(path)).expect("the file");

    for path in [
        "deploy/prometheus/rules.yml",
        "deploy/prometheus/rules_test.yml",
        "deploy/grafana/dashboards/cadrelay.json",
        "docs/RUNBOOK.md",
    ] {
        let text = read(path);
        let named = series_in(&text);
        let missing: Vec<_> = named.iter().filter(|name| !has(&names, name)).collect();
        assert!(named.len() > 5, "{path}: {named:?}");
        assert!(missing.is_empty(), "{path}: {missing:?}");
    }
    // The list that the other checks of deploy/ go by.
    let listed = read("tests/deploy/metrics.txt");
    let listed: BTreeSet<_> =
        listed.lines().filter(|line| line.starts_with("cadrelay_")).map(first_word).collect();
    let families: BTreeSet<_> = names.iter().map(|name| family(name)).collect();
    let shown: BTreeSet<_> =
        families.into_iter().filter(|name| name.starts_with("cadrelay_")).collect();
    assert_eq!(listed, shown);
}

/// The series of the program that a text names. What a rule records is named `level:series:operation`.
fn series_in(text: &str) -> BTreeSet<&str> {
    let words =
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_:".contains(letter)));
    words
        .filter(|word| word.starts_with("cadrelay_"))
        .map(|word| word.trim_end_matches(':'))
        .collect()
}

/// True if a series is shown; a histogram may be named as a whole.
fn has(names: &BTreeSet<String>, name: &str) -> bool {
    names.contains(name) || names.contains(&format!("{name}_bucket"))
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().expect("a line has a first word")
}

/// The name of a histogram without the ending of its series.
fn family(name: &str) -> &str {
    let endings = ["_bucket", "_sum", "_count"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// The rows of the table: name, type, labels, help.
fn table(text: &str, metrics: &Metrics) -> Vec<String> {
    let families = text.lines().filter_map(|line| line.strip_prefix("# HELP cadrelay_"));
    let row = |family: &str| {
        let (name, help) = family.split_once(' ').expect("a name and a help");
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("# TYPE cadrelay_{name} ")))
            .expect("each family has a type");
        let sample = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        let labels = metrics.of(&format!("cadrelay_{sample}")).next().map(|(labels, _)| {
            labels.keys().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
        });
        format!("| `cadrelay_{name}` | {kind} | {} | {help} |", labels.unwrap_or_default())
    };
    families.map(row).collect()
}

const OUTCOMES: &[&str] =
    &["accepted", "duplicate", "quarantined", "unproven", "malformed", "too_large", "unavailable"];
const REASONS: &[&str] = &[
    "not_json",
    "not_an_object",
    "no_event",
    "too_deep",
    "no_hook",
    "too_large_for_kafka",
    "invalid_record",
];
const KINDS: &[&str] = &[
    "transport",
    "timeout",
    "authentication",
    "authorization",
    "unknown_topic",
    "not_enough_replicas",
    "fenced",
    "fatal",
    "quota",
];
const RESTARTS: &[&str] = &["silent", "fatal", "fenced", "commit_timeout"];
