//! Sources and notifications for the tests.

use bytes::Bytes;
use cadrelay::event::Event;
use cadrelay::event::proof::Proofs;
use cadrelay::event::provider::Provider;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::reading::Reading;
use cadrelay::providers::settings::Settings;
use cadrelay::providers::source::{Proven, Source};
use cadrelay::record::quarantine::write::Kept;
use jiff::Timestamp;
use std::time::Duration;

/// The current time in the tests.
pub fn now() -> Timestamp {
    "2026-11-22T07:00:00.123Z".parse().unwrap()
}

/// The facts kept beside a body without proof.
pub fn kept(provider: Provider) -> Kept<'static> {
    Kept {
        source: "acme",
        provider,
        received_at: now(),
        verified: Proofs::NONE,
        delivery_id: None,
        traceparent: None,
    }
}

/// A source by the JSON form of its settings; its window is a day.
pub fn source(settings: &str) -> Source {
    let settings: Settings = serde_json::from_str(settings).unwrap();
    Source::new(&settings, Duration::from_secs(86_400)).unwrap()
}

/// A source that asks for no proof, for as long as the tests run.
pub fn open_source(provider: &str) -> &'static Source {
    let settings = format!(r#"{{"name":"acme","provider":"{provider}","proof":"none"}}"#);
    Box::leak(Box::new(source(&settings)))
}

/// A notification with these bytes and headers.
pub fn notification<'r>(body: &[u8], headers: &[(&'r str, &'r str)]) -> Notification<'r> {
    Notification {
        body: Bytes::copy_from_slice(body),
        headers: Headers::new(headers.iter().copied()),
        query: "",
    }
}

/// Keeps a proven notification for as long as a test needs its reading.
pub fn kept_for<'r>(proven: Proven<'r>) -> &'r Proven<'r> {
    Box::leak(Box::new(proven))
}

/// Reads a body that the source accepts.
pub fn read<'r>(source: &'r Source, body: &[u8], headers: &[(&'r str, &'r str)]) -> Reading<'r> {
    kept_for(source.prove(notification(body, headers), now()).unwrap()).read()
}

/// The event that the source makes of a body.
#[track_caller]
pub fn event<'r>(source: &'r Source, body: &[u8], headers: &[(&'r str, &'r str)]) -> Event<'r> {
    match read(source, body, headers) {
        Reading::Event(event) => event,
        Reading::Quarantine { reason, .. } => panic!("in quarantine: {}", reason.as_str()),
    }
}
