//! Spans reach a collector, and a collector that is away or slow is nobody's trouble.

use cadrelay::event::provider::Provider;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use support::load::Load;
use support::notification::Notification;
use support::provider::{Inbox, Post};
use support::relay::{Builder, Relay};
use support::tools::scratch;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test]
async fn a_notification_is_seen_from_its_proof_to_kafka() {
    let collector = Inbox::open();
    let relay = sending_to(&collector.url).start().await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");

    let notification = Notification::onshape(1).with("traceparent", &traceparent);
    let answer = relay.post(&notification).await;

    let mut spans = Spans::default();
    spans.wait(&collector, |spans| {
        spans.0.iter().any(|span| span.name == "publish") && spans.of_trace(TRACE).len() == 4
    });
    let root = spans.of_trace(TRACE).into_iter().find(|span| span.name == "notification");
    let root = root.expect("the notification's span");
    assert_eq!(hex(&root.parent_span_id), CALLER);
    assert_eq!(text(root, "cadrelay.source").as_deref(), Some("onshape"));
    assert_eq!(text(root, "cadrelay.outcome").as_deref(), Some("accepted"));
    assert_eq!(text(root, "cadrelay.event.id"), Some(answer.id()));
    let mut parts = spans.of_trace(TRACE);
    parts.retain(|span| span.parent_span_id == root.span_id);
    parts.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<&str> = parts.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["prove", "read", "commit"]);
    assert_eq!(parts[0].start_time_unix_nano, root.start_time_unix_nano);
    assert!(parts.iter().all(|span| span.start_time_unix_nano <= span.end_time_unix_nano));
    for two in parts.windows(2) {
        assert_eq!(two[0].end_time_unix_nano, two[1].start_time_unix_nano);
    }
    assert!(parts[2].end_time_unix_nano <= root.end_time_unix_nano);
    // The batch links to the place that its record names to consumers.
    let record = relay.consume("onshape.document", 1).await.remove(0);
    assert_eq!(record.header("ce_traceparent"), Some(&*traceparent));
    let publish = spans.named("publish").remove(0);
    assert_eq!(links(publish), [(TRACE.to_owned(), CALLER.to_owned())]);
    assert_ne!(hex(&publish.trace_id), TRACE);
}

#[tokio::test]
async fn refused_notifications_have_spans_with_the_reason_and_those_not_recorded_have_none() {
    let collector = Inbox::open();
    let relay = sending_to(&collector.url).set("http.body_limit", "'4KiB'").start().await;
    let traced = |notification: Notification, digit: &str, flags: &str| {
        let trace = digit.repeat(32);
        notification.with("traceparent", &format!("00-{trace}-{CALLER}-{flags}"))
    };

    // Its caller says that the trace is not recorded.
    relay.post(&traced(Notification::aps(1), "1", "00")).await.assert_accepted();
    let forged = Notification::bare("onshape", "{}");
    relay.post(&traced(forged, "2", "01")).await.assert_problem(401);
    let large = Notification::bare("onshape", "x".repeat(5_000));
    relay.post(&traced(large, "3", "01")).await.assert_problem(413);
    let twice = Notification::aps(2);
    relay.post(&traced(twice.clone(), "4", "01")).await.assert_accepted();
    relay.post(&traced(twice, "5", "01")).await.assert_duplicate();
    let strange = Notification::bare("onshape", "[]");
    let key = support::notification::secret(Provider::Onshape);
    let strange = strange.signed(Provider::Onshape, key);
    relay.post(&traced(strange, "6", "01")).await.assert_quarantined();

    let mut spans = Spans::default();
    spans.wait(&collector, |spans| spans.named("notification").len() == 5);
    let told: BTreeSet<_> = spans
        .named("notification")
        .into_iter()
        .map(|span| (hex(&span.trace_id)[..1].to_owned(), text(span, "cadrelay.outcome")))
        .collect();
    let expected = [
        ("2", "unproven"),
        ("3", "too_large"),
        ("4", "accepted"),
        ("5", "duplicate"),
        ("6", "quarantined"),
    ];
    let expected = expected.map(|(trace, outcome)| (trace.to_owned(), Some(outcome.to_owned())));
    assert_eq!(told, expected.into());
    // An unproven notification was not read.
    assert_eq!(spans.of_trace(&"2".repeat(32)).len(), 2);
    assert_eq!(spans.of_trace(&"3".repeat(32)).len(), 1);
    assert!(spans.0.iter().all(|span| status(span) != StatusCode::Error));
}

#[tokio::test]
async fn a_batch_links_to_the_traces_of_structured_records_and_to_no_more_than_128() {
    let collector = Inbox::open();
    let relay = sending_to(&collector.url).set("kafka.encoding", "'structured'").start().await;

    relay.kafka_goes_away();
    for seed in 1..=300_u64 {
        let traceparent = format!("00-{seed:032x}-{CALLER}-00");
        let notification = Notification::onshape(seed).with("traceparent", &traceparent);
        relay.post(&notification).await.assert_accepted();
    }
    relay.kafka_comes_back();
    relay.drained().await;

    let mut spans = Spans::default();
    spans.wait(&collector, |spans| {
        spans.named("publish").into_iter().map(records).sum::<i64>() >= 300
    });
    let published = spans.named("publish");
    let largest = published.iter().max_by_key(|span| records(span)).expect("a batch");
    assert!(records(largest) > 128, "{} records", records(largest));
    assert_eq!(largest.links.len(), 128);
    let linked: BTreeSet<_> = links(largest).into_iter().collect();
    assert_eq!(linked.len(), 128);
    assert!(linked.iter().all(|(trace, span)| trace.starts_with("000000") && span == CALLER));
}

#[tokio::test]
async fn a_batch_that_kafka_does_not_take_has_a_span_with_the_reason() {
    let collector = Inbox::open();
    let relay = sending_to(&collector.url).start().await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;

    relay.kafka_claims_a_repeat();
    relay.post(&Notification::onshape(2)).await.assert_accepted();
    relay.drained().await;

    let mut spans = Spans::default();
    spans.wait(&collector, |spans| {
        spans.named("publish").into_iter().any(|span| status(span) == StatusCode::Error)
    });
}

#[tokio::test]
async fn a_collector_that_is_away_or_silent_slows_and_stops_nothing_and_is_said_once() {
    // A port that takes connections and never answers is the worst of them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let away = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    for address in [away, silent.local_addr().expect("bound")] {
        let mut relay = sending_to(&format!("http://{address}")).start().await;
        let load = Load::start(&relay, 8);

        // More than twice the spans that may wait.
        load.acknowledged_reaches(2_500).await;
        let sent = load.stop().await;

        assert_eq!(sent.statuses.keys().collect::<Vec<_>>(), [&200]);
        relay.drained().await;
        relay.logged("traces_lost").await;
        assert!(relay.terminate().await.success());
        let said = relay.log_lines();
        let said: Vec<_> = said.iter().filter(|line| line["event"] == "traces_lost").collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0]["level"], "WARN");
    }
}

#[tokio::test]
async fn a_collector_that_refuses_is_said_with_its_status() {
    let collector = Inbox::open();
    let relay = sending_to(&format!("{}/status/403?token=s3cret", collector.url)).start().await;

    relay.post(&Notification::onshape(1)).await.assert_accepted();

    let line = relay.logged("traces_lost").await;
    assert!(line["trouble"].as_str().is_some_and(|trouble| trouble.contains("403")), "{line}");
    assert!(!relay.log().contains("s3cret"));
}

#[tokio::test]
async fn a_collector_is_reached_over_tls_if_the_authority_is_given_or_the_systems_and_not_else() {
    let (collector, certificate) = Inbox::open_tls();
    let dir = tempfile::tempdir_in(scratch()).expect("a folder");
    let path = dir.path().join("ca.pem");
    fs::write(&path, certificate).expect("the authority");
    let path = path.display().to_string();

    let named = sending_to(&collector.url).set("telemetry.otlp_ca", &format!("'{path}'"));
    for relay in [named, sending_to(&collector.url).env("SSL_CERT_FILE", &path)] {
        let relay = relay.start().await;
        relay.post(&Notification::onshape(1)).await.assert_accepted();
        let mut spans = Spans::default();
        spans.wait(&collector, |spans| !spans.named("notification").is_empty());
        // Nothing of the next relay's comes from this one.
        spans.wait(&collector, |spans| !spans.named("publish").is_empty());
    }
    let stranger = sending_to(&collector.url).start().await;
    stranger.post(&Notification::onshape(1)).await.assert_accepted();
    let line = stranger.logged("traces_lost").await;

    assert!(line["trouble"].as_str().is_some_and(|why| why.contains("certificate")), "{line}");
    let lost = "cadrelay_traces_lost_total";
    assert!(stranger.metrics().await.get(lost, &[]) >= 1.0);
}

#[tokio::test]
async fn spans_that_a_collector_refuses_among_others_are_told_and_counted() {
    let partial_success =
        ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".to_owned() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial_success) };
    let collector = Inbox::answering(answer.encode_to_vec());
    let relay = sending_to(&collector.url).start().await;
    let lost = async || relay.metrics().await.get("cadrelay_traces_lost_total", &[]);
    assert_eq!(lost().await, 0.0);

    relay.post(&Notification::onshape(1)).await.assert_accepted();

    let line = relay.logged("traces_lost").await;
    assert_eq!(line["trouble"], "it refuses some spans: too old");
    let counted = lost().await;
    assert!(counted >= 2.0 && counted % 2.0 == 0.0, "{counted}");
}

#[tokio::test]
async fn spans_that_wait_are_sent_when_the_relay_stops() {
    let collector = Inbox::open();
    let mut relay = sending_to(&collector.url).start().await;

    relay.post(&Notification::onshape(1)).await.assert_accepted();
    assert!(relay.terminate().await.success());

    let mut spans = Spans::default();
    spans.wait(&collector, |spans| {
        !spans.named("notification").is_empty() && !spans.named("publish").is_empty()
    });
}

#[tokio::test]
async fn no_secret_signature_or_body_is_in_a_span_and_a_collectors_token_is_in_its_header_alone() {
    let collector = Inbox::open();
    let mut relay = sending_to(&collector.url)
        .env("RUST_LOG", "trace")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret-of-the-collector")
        .source(
            "name = 'onshape'\nprovider = 'onshape'\nproof = { hmac = ['s3cret-of-onshape-9f2c'], \
             url_token = ['s3cret-in-the-url'] }",
        )
        .start()
        .await;
    let body =
        r#"{"event":"onshape.model.lifecycle.changed","messageId":"m-1","note":"body-4c1d"}"#;
    let notification = Notification::bare("onshape", body)
        .signed(Provider::Onshape, "s3cret-of-onshape-9f2c")
        .to("onshape?token=s3cret-in-the-url");
    let signatures: Vec<String> = notification
        .headers
        .iter()
        .filter(|(name, _)| name.contains("signature"))
        .map(|(_, value)| value.clone())
        .collect();

    relay.post(&notification).await.assert_accepted();
    relay
        .post(&notification.clone().to("onshape?token=s3cret-in-the-ur"))
        .await
        .assert_problem(401);
    assert!(relay.terminate().await.success());

    let (mut spans, mut bytes) = (Spans::default(), String::new());
    while spans.named("notification").len() < 2 {
        let post = collector.next();
        assert_eq!(post.header("authorization"), Some("Bearer s3cret-of-the-collector"));
        bytes += &String::from_utf8_lossy(&post.body);
        spans.take(&post);
    }
    assert!(bytes.contains("m-1"), "the event's id");
    assert!(!signatures.is_empty());
    let secrets = signatures.iter().map(String::as_str).chain(["s3cret", "body-4c1d"]);
    for secret in secrets {
        assert!(!bytes.contains(secret), "{secret} is in a span");
        assert!(!relay.log().contains(secret), "{secret} is in the log");
    }
}

fn sending_to(collector: &str) -> Builder {
    Relay::builder().set("telemetry.otlp", &format!("'{collector}'"))
}

/// The spans that a collector received.
#[derive(Default)]
struct Spans(Vec<Span>);

impl Spans {
    /// Takes what comes until there is enough.
    fn wait(&mut self, collector: &Inbox, is_enough: impl Fn(&Self) -> bool) {
        while !is_enough(self) {
            self.take(&collector.next());
        }
    }

    fn take(&mut self, post: &Post) {
        assert_eq!(post.path, "/v1/traces");
        assert_eq!(post.header("content-type"), Some("application/x-protobuf"));
        let request = ExportTraceServiceRequest::decode(&*post.body).expect("OTLP");
        for resource in request.resource_spans {
            let described = resource.resource.expect("a resource").attributes;
            let keys: Vec<_> = described.iter().map(|one| &*one.key).collect();
            for key in ["service.name", "service.version", "service.instance.id"] {
                assert!(keys.contains(&key), "{keys:?}");
            }
            self.0.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    fn named(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| span.name == name).collect()
    }

    fn of_trace(&self, trace: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| hex(&span.trace_id) == trace).collect()
    }
}

fn text(span: &Span, key: &str) -> Option<String> {
    match attribute(span, key)? {
        Value::StringValue(text) => Some(text.clone()),
        other => panic!("{key} is {other:?}"),
    }
}

/// The number of records in a batch.
fn records(span: &Span) -> i64 {
    match attribute(span, "messaging.batch.message_count") {
        Some(Value::IntValue(count)) => *count,
        other => panic!("{other:?}"),
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|one| one.key == key)?.value.as_ref()?.value.as_ref()
}

fn status(span: &Span) -> StatusCode {
    span.status.as_ref().map_or(StatusCode::Unset, |status| status.code())
}

/// The traces and spans that a span links to.
fn links(span: &Span) -> Vec<(String, String)> {
    span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
