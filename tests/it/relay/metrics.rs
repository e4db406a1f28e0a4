//! The metrics in both formats, and the counts of the histograms.

use crate::relay::wire::{Wire, head};
use serde_json::Value;
use support::notification::Notification;
use support::relay::{Metrics, Relay};
use support::tools::{python, succeed};

const OPENMETRICS: &str = "application/openmetrics-text";

#[tokio::test]
async fn openmetrics_is_what_another_parser_reads_and_says_the_same() {
    let relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;
    let (kind, text) =
        scrape(&relay, Some("application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.1")).await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let file = relay.dir().join("openmetrics.txt");
    std::fs::write(&file, &text).expect("a file");

    let read = succeed(python().args(["-c", PARSER]).arg(&file));
    let families: Vec<Value> =
        read.lines().map(|line| serde_json::from_str(line).expect("a family")).collect();

    let family = |name: &str| families.iter().find(|family| family["name"] == name).expect(name);
    assert_eq!(family("cadrelay_notifications")["type"], "counter");
    assert_eq!(family("cadrelay_commit_duration_seconds")["type"], "histogram");
    assert_eq!(family("cadrelay_spool_bytes")["type"], "gauge");
    assert!(families.iter().all(|family| family["help"] != ""));
    // Which series there are does not depend on the format, nor do those that stand still.
    let samples: usize =
        families.iter().map(|one| one["samples"].as_u64().expect("a number") as usize).sum();
    let (kind, plain) = scrape(&relay, None).await;
    assert_eq!(kind, "text/plain; version=0.0.4");
    let plain = Metrics::parse(&plain);
    assert_eq!(samples, plain.names().len());
    let published = plain.sum("cadrelay_published_total");
    assert_eq!(family("cadrelay_published")["sum"].as_f64(), Some(published));
    assert_eq!(published, 1.0);
}

#[tokio::test]
async fn each_scraper_gets_the_format_that_it_prefers() {
    let relay = Relay::builder().start().await;
    for (accept, is_openmetrics) in [
        (Some(OPENMETRICS), true),
        (Some("text/plain;q=0.5,application/openmetrics-text;version=1.0.0"), true),
        (Some("*/*"), false),
        (Some("text/plain"), false),
        (Some("application/openmetrics-text;q=0"), false),
        (None, false),
    ] {
        let (kind, text) = scrape(&relay, accept).await;

        assert_eq!(kind.starts_with(OPENMETRICS), is_openmetrics, "{accept:?}");
        assert_eq!(text.ends_with("# EOF\n"), is_openmetrics, "{accept:?}");
    }
}

#[tokio::test]
async fn the_histogram_of_requests_counts_exactly_the_answers_that_have_an_outcome() {
    let relay = Relay::builder()
        .source("name = 'open'\nprovider = 'onshape'\nproof = 'none'")
        .source(
            "name = 'onshape'\nprovider = 'onshape'\nproof = { hmac = ['s3cret-of-onshape-9f2c'] }",
        )
        .set("http.body_limit", "'4KiB'")
        .set("http.read_timeout", "'1s'")
        .start()
        .await;
    let to_open = |body: &str| Notification::bare("open", body);
    let event = to_open("{\"event\":\"a.b.c\",\"messageId\":\"m\"}");
    relay.post(&event).await.assert_accepted();
    relay.post(&event).await.assert_duplicate();
    relay.post(&to_open("[]")).await.assert_quarantined();
    relay.post(&to_open("no json")).await.assert_problem(400);
    relay.post(&event.clone().with("content-encoding", "gzip")).await.assert_problem(415);
    relay.post(&to_open(&"x".repeat(5_000))).await.assert_problem(413);
    relay.post(&Notification::bare("onshape", "{}")).await.assert_problem(401);
    // These have none: they are not received, or no notification.
    relay.post(&to_open("{}").to("nobody")).await.assert_problem(404);
    relay.request(reqwest::Method::PUT, relay.ingest(), "/webhooks/open").await.assert_problem(405);
    relay.get("/webhooks/open").await;
    let mut wire = Wire::to(relay.ingest()).await;
    wire.send(head("open", "content-length: 100\r\n") + "{\"event\"").await;
    assert_eq!(wire.reply().await.expect("a reply").status, 408);

    let metrics = relay.metrics().await;

    for (source, outcomes) in [("open", 6.0), ("onshape", 1.0)] {
        let of_source = |name: &str| -> f64 {
            metrics
                .of(name)
                .filter(|(labels, _)| labels["source"] == source)
                .map(|(_, value)| value)
                .sum()
        };
        assert_eq!(of_source("cadrelay_notifications_total"), outcomes, "{source}");
        assert_eq!(of_source("cadrelay_request_duration_seconds_count"), outcomes, "{source}");
    }
}

#[tokio::test]
async fn the_trace_of_a_request_is_in_its_log_lines_when_it_is_refused_too() {
    let relay = Relay::builder()
        .set("telemetry.log_level", "'info,cadrelay::ingest=debug,cadrelay::http=debug'")
        .start()
        .await;
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let traced = |notification: Notification, flags: &str| {
        notification.with("traceparent", &format!("00-{trace}-{span}-{flags}"))
    };

    relay.post(&traced(Notification::onshape(1), "01")).await.assert_accepted();
    relay.post(&traced(Notification::bare("onshape", "{}"), "00")).await.assert_problem(401);
    relay.post(&Notification::aps(2).with("traceparent", "00-no-trace-01")).await.assert_accepted();

    let refused = relay.logged("notification_refused").await;
    assert_eq!((&refused["trace_id"], &refused["span_id"]), (&trace.into(), &span.into()));
    let lines = relay.log_lines();
    let stored: Vec<_> = lines.iter().filter(|line| line["message"] == "stored").collect();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0]["span"]["trace_id"], trace);
    assert_eq!(stored[0]["span"]["span_id"], span);
    assert_eq!(stored[1]["span"]["trace_id"], Value::Null);
}

/// The content type and the text of a scrape.
async fn scrape(relay: &Relay, accept: Option<&str>) -> (String, String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.get(format!("http://{}/metrics", relay.admin()));
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (kind, answer.text().await.expect("a text"))
}

/// Python's own client library is strict: it refuses what the format does not allow.
const PARSER: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(open(sys.argv[1]).read()):
    print(json.dumps({'name': family.name, 'type': family.type, 'help': family.documentation,
        'samples': len(family.samples), 'sum': sum(sample.value for sample in family.samples)}))
";
