//! The cost of a notification, in counts that noise cannot change. The figures are kept here: more
//! is a loss, and fewer must be written down, so that they are not lost again unnoticed.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod counting;

use bytes::Bytes;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::id::EventId;
use cadrelay::event::provider::Provider;
use cadrelay::event::traceparent::Traceparent;
use cadrelay::ingest::accounts::Accounts;
use cadrelay::ingest::pings::Pings;
use cadrelay::ingest::routing::Routes;
use cadrelay::ingest::{Ingest, Now, Receipt};
use cadrelay::kafka::settings::Settings as Kafka;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::reading::Reading;
use cadrelay::providers::sample;
use cadrelay::providers::source::Source;
use cadrelay::quantity::ByteSize;
use cadrelay::recent::{Limits, Recent};
use cadrelay::record::cloudevents::{Context, encode};
use cadrelay::spool::settings::Settings as SpoolSettings;
use cadrelay::spool::{CommitMeters, Loss, Opening, Spool};
use cadrelay::telemetry::settings::Settings as Telemetry;
use cadrelay::telemetry::traces::Traces;
use cadrelay::telemetry::traces::walk::{Answered, Stage, Walk};
use counting::allocations;
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A signed notification, as it comes from the listener.
struct Posted {
    body: Bytes,
    headers: Vec<(&'static str, String)>,
}

impl Posted {
    fn new(provider: Provider, event: &str, seed: u64, now: Timestamp) -> Self {
        let body = sample::body(provider, event, seed, now);
        let headers = sample::sign(provider, SECRET, &body, now);
        Self { body: body.into(), headers }
    }

    fn notification(&self) -> Notification<'_> {
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        Notification { body: self.body.clone(), headers: Headers::new(headers), query: "" }
    }
}

fn source(provider: Provider) -> Source {
    let settings =
        format!(r#"{{"name":"acme","provider":"{provider}","proof":{{"hmac":["{SECRET}"]}}}}"#);
    Source::new(&serde_json::from_str(&settings).unwrap(), WINDOW).unwrap()
}

/// The usual count of some notifications: what is allocated once, or once in a while, is not in it.
fn usual(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    counts[counts.len() / 2]
}

#[track_caller]
fn check(what: &str, kept: u64, counted: u64) {
    assert!(
        counted.abs_diff(kept) <= TOLERANCE,
        "{what}: {counted} allocations, and {kept} are kept here"
    );
}

#[test]
fn to_prove_read_and_encode_a_notification_allocates_no_more_than_is_kept_here() {
    for (provider, event, kept) in [
        (Provider::Onshape, "onshape.model.lifecycle.changed", 10),
        (Provider::Aps, "dm.version.added", 43),
    ] {
        let source = source(provider);
        let now = Timestamp::now();
        let count = |seed| {
            let posted = Posted::new(provider, event, seed, now);
            let before = allocations();
            let proven = source.prove(posted.notification(), now).unwrap();
            let Reading::Event(event) = proven.read() else { panic!("an event") };
            let context = Context {
                source: source.name(),
                received_at: now,
                traceparent: None,
                replay_of: None,
            };
            let record = encode(&event, context, Encoding::Binary);
            let counted = allocations() - before;
            assert!(record.as_bytes().len() > posted.body.len());
            counted
        };

        let counted = usual((0..21).map(count).collect());

        check(provider.as_str(), kept, counted);
    }
}

#[tokio::test]
async fn to_accept_a_notification_allocates_no_more_than_is_kept_here() {
    for (provider, event, kept) in [
        (Provider::Onshape, "onshape.model.lifecycle.changed", 16),
        (Provider::Aps, "dm.version.added", 50),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(&dir.path().join("spool"), provider);
        let limits = Limits { count: 1_000, bytes: 1 << 20, reserve: 0 };
        let recent = Recent::open(dir.path().join("recent"), limits).unwrap();
        let topics = Kafka::default();
        let ingest = Ingest::new(
            source(provider),
            Routes::new(topics.topic_names(), provider, &spool).unwrap(),
            Accounts::of_sources([provider]).remove(0),
            Encoding::Binary,
            spool.clone(),
            Pings::default(),
            recent.clone(),
        );
        let mut counts = Vec::new();
        for seed in 0..41 {
            let wall = Timestamp::now();
            let posted = Posted::new(provider, event, seed, wall);
            let steady = wall.as_millisecond().unsigned_abs();
            let now = Now { wall, steady, instant: Instant::now() };
            let before = allocations();
            // On this thread but for the writer's part.
            let receipt = ingest.accept(posted.notification(), now, &mut Walk::default()).await;
            counts.push(allocations() - before);
            assert!(matches!(receipt, Ok(Receipt::Accepted(_))), "{receipt:?}");
        }
        recent.close();
        tokio::task::spawn_blocking(move || spool.close()).await.unwrap();

        check(provider.as_str(), kept, usual(counts));
    }
}

#[tokio::test]
async fn to_trace_a_notification_allocates_no_more_than_is_kept_here() {
    // Nobody listens there: spans are made and lost, which is another thread's work.
    let settings: Telemetry = serde_json::from_str(r#"{"otlp":"http://127.0.0.1:9"}"#).unwrap();
    let target = settings.target(&mut Vec::new()).unwrap();
    let lost = prometheus::IntCounter::new("lost", "lost").unwrap();
    let traces = Traces::to(&target, "instance", lost, Handle::current()).unwrap();
    let id = EventId::of_content(b"an event");
    let count = |_| {
        let before = allocations();
        let mut walk = traces.walk(|| Traceparent::parse(TRACEPARENT));
        for stage in [Stage::Prove, Stage::Read, Stage::Commit] {
            walk.ended(stage);
        }
        walk.is_of(&id);
        traces.walked(walk, Answered { source: "acme", outcome: "accepted", status: 200 });
        allocations() - before
    };

    let counted = usual((0..101).map(count).collect());
    tokio::task::spawn_blocking(move || traces.close()).await.unwrap();

    check("traces", 8, counted);
}

fn open(dir: &Path, provider: Provider) -> Spool {
    let histogram = |name: &str| {
        prometheus::Histogram::with_opts(prometheus::HistogramOpts::new(name, name)).unwrap()
    };
    let topics = Kafka::default();
    let settings = SpoolSettings {
        dir: dir.to_owned(),
        max_bytes: ByteSize(1 << 30),
        disk_reserve: ByteSize(1 << 20),
    };
    Opening {
        settings: &settings,
        window: WINDOW,
        topics: &topics.topic_names().all(&[provider]),
        quarantine: &topics.topic_names().quarantine(),
        accounts: Accounts::count(&Accounts::of_sources([provider])),
        gate: cadrelay::spool::lanes::Gate::Open,
        loss: Loss::Refuse,
        meters: CommitMeters {
            commit_duration: histogram("duration"),
            commit_records: histogram("records"),
        },
    }
    .open()
    .unwrap()
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECRET: &str = "a-key-for-the-count";
const WINDOW: Duration = Duration::from_secs(86_400);
/// Another version of a library may allocate one more or less.
const TOLERANCE: u64 = 1;
