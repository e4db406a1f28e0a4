//! Each file of tests/fixtures is a body; its snapshot is the whole record that it becomes.

use crate::providers::given::{event, now, open_source};
use cadrelay::event::Event;
use cadrelay::event::encoding::Encoding;
use cadrelay::event::provider::Provider;
use cadrelay::providers::catalog;
use cadrelay::record::cloudevents::{Context, encode};
use cadrelay::record::layout::Record;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Present in every request, so that bodies without a time of their own get different ids.
const HEADERS: [(&str, &str); 1] =
    [("x-adsk-delivery-id", "httpadapter~dm~0123456789abcdef0123456789abcdef/1")];

/// The fixtures of a provider, sorted by name.
pub fn fixtures(provider: Provider) -> Vec<PathBuf> {
    let folder = Path::new("tests/fixtures").join(provider.as_str());
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The event that a fixture becomes.
pub fn event_of(provider: Provider, fixture: &Path) -> Event<'static> {
    event(open_source(provider.as_str()), &std::fs::read(fixture).unwrap(), &HEADERS)
}

/// The record that an event becomes.
pub fn record_of(event: &Event<'_>, encoding: Encoding) -> Record {
    let context = Context {
        source: "acme",
        received_at: now(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        replay_of: None,
    };
    let mut record = encode(event, context, encoding);
    record.stamp(7);
    record
}

/// A record as people read it.
pub fn shown(topic: &str, record: &Record) -> String {
    let parts = record.parts();
    let mut text = format!("topic: {topic}\n");
    writeln!(text, "key: {}", String::from_utf8_lossy(parts.key)).unwrap();
    for (name, value) in parts.headers() {
        writeln!(text, "{name}: {}", String::from_utf8_lossy(value)).unwrap();
    }
    let value = std::str::from_utf8(parts.value).unwrap();
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    write!(text, "\n{pretty}").unwrap();
    text
}

#[test]
fn each_fixture_becomes_its_record() {
    for provider in Provider::ALL {
        for fixture in fixtures(provider) {
            let event = event_of(provider, &fixture);
            let name = fixture.file_stem().unwrap().to_string_lossy().into_owned();

            insta::with_settings!({
                snapshot_path => format!("../../fixtures/records/{provider}"),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                let topic = format!("cad.{}.{}", event.provider, event.group);
                insta::assert_snapshot!(name, shown(&topic, &record_of(&event, Encoding::Binary)));
            });
        }
    }
}

#[test]
fn each_event_of_the_catalogs_has_a_fixture() {
    for provider in Provider::ALL {
        let fixtures = fixtures(provider);
        for entry in catalog::entries(provider) {
            let expected = format!("{}.json", entry.event);
            assert!(
                fixtures.iter().any(|fixture| fixture.ends_with(&expected)),
                "tests/fixtures/{provider}/{expected} is missing"
            );
        }
    }
}
