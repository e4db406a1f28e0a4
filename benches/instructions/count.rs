//! Counts the instructions between the last byte of a notification and the spool, and fails over the
//! limits below: `benches/instructions/run`.
//!
//! Callgrind counts them, so the figures are the same on a busy machine. They depend on the compiler, and
//! callgrind's processor has no instructions for hashes: the limits leave a tenth for that. The code is
//! that of a release: the relay's own files, its profile and the versions of its lock file.

use cadrelay_instructions::event::encoding::Encoding;
use cadrelay_instructions::event::provider::Provider;
use cadrelay_instructions::providers::notification::{Headers, Notification};
use cadrelay_instructions::providers::reading::Reading;
use cadrelay_instructions::providers::sample;
use cadrelay_instructions::providers::source::Source;
use cadrelay_instructions::record::cloudevents::{Context, encode};
use cadrelay_instructions::record::layout::Record;
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use jiff::Timestamp;
use std::hint::black_box;
use std::time::Duration;

/// A source and what was posted to it.
struct Posted {
    source: Source,
    body: bytes::Bytes,
    headers: Vec<(&'static str, String)>,
    now: Timestamp,
}

fn onshape() -> Posted {
    posted(Provider::Onshape, "onshape.model.lifecycle.changed")
}

fn aps() -> Posted {
    posted(Provider::Aps, "dm.version.added")
}

fn posted(provider: Provider, event: &str) -> Posted {
    let now: Timestamp = "2026-11-22T07:00:00.123Z".parse().expect("a time");
    let settings = format!(
        r#"{{"name":"acme","provider":"{provider}","proof":{{"hmac":["{SECRET}","an-older-one"]}}}}"#
    );
    let settings = serde_json::from_str(&settings).expect("settings");
    let source = Source::new(&settings, Duration::from_secs(86_400)).expect("a source");
    let body = sample::body(provider, event, 1, now);
    let headers = sample::sign(provider, SECRET, &body, now);
    let posted = Posted { source, body: body.into(), headers, now };
    // What is made once is there.
    black_box(accept(&posted));
    posted
}

/// Proves, reads and encodes.
fn accept(posted: &Posted) -> Record {
    let headers = posted.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let notification =
        Notification { body: posted.body.clone(), headers: Headers::new(headers), query: "" };
    let proven = posted.source.prove(notification, posted.now).expect("it is signed");
    let Reading::Event(event) = proven.read() else { panic!("an event") };
    let context = Context {
        source: posted.source.name(),
        received_at: posted.now,
        traceparent: None,
        replay_of: None,
    };
    encode(&event, context, Encoding::Binary)
}

#[library_benchmark]
#[bench::onshape(args = (), setup = onshape, config = at_most(47_000))]
#[bench::aps(args = (), setup = aps, config = at_most(204_000))]
fn prove_read_and_encode(posted: Posted) -> (Record, Posted) {
    // Both go out, so that what it takes to drop them is not counted.
    (black_box(accept(black_box(&posted))), posted)
}

fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

library_benchmark_group!(name = notification, benchmarks = prove_read_and_encode);
main!(library_benchmark_groups = notification);

const SECRET: &str = "a-key-for-the-count";
