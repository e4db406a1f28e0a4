//! The screen in the states that a relay can be in.

use super::answers::{Answers, Decision, Source, Throughput};
use super::appearance::Appearance;
use super::draw::draw;
use super::view::View;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::{Value, json};

#[test]
fn a_fresh_relay_says_that_nothing_has_come() {
    insta::assert_snapshot!(screen(&fresh(), 100, 30));
}

#[test]
fn a_busy_relay_shows_rates_lanes_and_the_last_decisions() {
    insta::assert_snapshot!(screen(&busy(), 120, 36));
}

#[test]
fn an_outage_says_since_when_and_what_waits() {
    let mut answers = busy();
    answers.status.summary =
        summary("waiting", "Kafka has been down for 3 min: 1,204 events wait, nothing is lost.");
    answers.status.kafka.delivering = false;
    answers.status.kafka.last_success = Some(now() - SignedDuration::from_secs(180));
    answers.status.lanes[0].pending = 1204;
    answers.status.lanes[0].oldest = Some(now() - SignedDuration::from_secs(178));
    answers.status.spool.bytes = 1_900_000;

    insta::assert_snapshot!(screen(&answers, 100, 30));
}

#[test]
fn a_full_spool_is_the_first_sentence_also_on_a_small_terminal() {
    let mut answers = busy();
    answers.status.summary = summary(
        "trouble",
        "The spool is full: 90,120 events wait. New notifications are answered 503 and come again; nothing is lost.",
    );
    answers.status.spool.bytes = answers.status.spool.max_bytes;
    answers.decisions[0] = decision(json!({ "outcome": "unavailable", "reason": "full" }));

    insta::assert_snapshot!(screen(&answers, 48, 20));
}

#[test]
fn what_went_to_quarantine_and_a_lane_that_is_set_aside_are_named() {
    let mut answers = busy();
    answers.status.summary = summary(
        "waiting",
        "Kafka takes nothing for cad.aps.data for 3 min (unknown topic): 1 event waits, nothing is lost, and all other topics flow.",
    );
    answers.status.lanes[1].reason = Some("unknown_topic".to_owned());
    answers.status.lanes[1].pending = 1;
    answers.sources[0].outcomes.quarantined = 7;
    answers.decisions[0] = decision(json!({ "outcome": "quarantined", "reason": "not_json" }));

    insta::assert_snapshot!(screen(&answers, 100, 30));
}

#[test]
fn what_a_sender_wrote_moves_nothing_on_the_screen() {
    let evil = "a\u{1b}[2Jb\u{9b}31m\u{202e}c";
    let mut answers = fresh();
    answers.status.instance = evil.to_owned();
    answers.status.summary.text = evil.to_owned();
    answers.sources[0].name = evil.to_owned();
    answers.decisions =
        vec![decision(json!({ "outcome": "accepted", "event": evil, "subject": evil }))];

    let shown = screen(&answers, 120, 30);

    assert!(shown.contains("a\\u{1b}[2Jb"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown:?}");
}

#[test]
fn a_relay_that_is_lost_leaves_what_was_known_and_says_how_old_it_is() {
    let mut view = view(&busy());
    view.miss(
        "the relay at http://h: connection refused".to_owned(),
        now() + SignedDuration::from_secs(12),
    );
    view.paused = true;
    view.explains = true;

    let shown = drawn(&view, false, 100, 30).0;

    assert!(shown.contains("connection refused. What follows is how it was 12 s ago."), "{shown}");
    assert!(shown.contains("paused · ") && shown.contains("pause, and go on"), "{shown}");
}

#[test]
fn without_colours_there_are_none() {
    let (_, coloured) = drawn(&view(&busy()), true, 100, 30);
    let (_, plain) = drawn(&view(&busy()), false, 100, 30);

    assert!(coloured.iter().any(|colour| *colour != Color::Reset));
    assert!(plain.iter().all(|colour| *colour == Color::Reset));
}

#[test]
fn a_rate_is_known_after_two_looks_and_not_across_a_restart() {
    let mut view = View::default();
    let received = |accepted| {
        let mut answers = fresh();
        answers.sources[0].outcomes.accepted = accepted;
        answers
    };

    view.add(received(10), now());
    assert_eq!(view.rate("onshape"), None);
    view.add(received(30), now() + SignedDuration::from_secs(4));
    assert_eq!(view.rate("onshape"), Some(5.0));
    view.add(received(2), now() + SignedDuration::from_secs(5));
    assert_eq!(view.rate("onshape"), None);
}

#[test]
fn the_smallest_terminal_is_drawn_too() {
    for (width, height) in [(1, 1), (10, 3), (40, 8), (300, 100)] {
        drawn(&view(&busy()), true, width, height);
    }
}

fn now() -> Timestamp {
    "2026-11-22T07:00:00Z".parse().unwrap()
}

fn summary(health: &str, text: &str) -> crate::http::admin::summary::Summary {
    serde_json::from_value(json!({ "health": health, "text": text })).unwrap()
}

fn decision(fields: Value) -> Decision {
    let mut whole = json!({ "at": "2026-11-22T06:59:58Z", "source": "onshape" });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn source(name: &str, outcomes: [u64; 4]) -> Source {
    let [accepted, duplicate, quarantined, unproven] = outcomes;
    let last = (accepted > 0).then_some("2026-11-22T06:59:58Z");
    serde_json::from_value(json!({
        "name": name, "provider": name, "lastNotificationAt": last,
        "outcomes": {
            "accepted": accepted, "duplicate": duplicate, "quarantined": quarantined,
            "unproven": unproven, "malformed": 0, "too_large": 0, "unavailable": 0,
        },
    }))
    .unwrap()
}

fn fresh() -> Answers {
    let status = json!({
        "summary": {
            "health": "ok",
            "text": "Ready. Nothing has come from the 2 sources yet. Everything accepted is in Kafka.",
        },
        "version": "0.1.0", "instance": "pelican", "uptimeSeconds": 200, "delivery": "exactly-once",
        "spool": { "bytes": 0, "maxBytes": 4_294_967_296_u64 },
        "kafka": {
            "brokers": "kafka:9092", "delivering": true, "lastSuccess": "2026-11-22T06:59:55Z",
        },
        "lanes": [{ "topic": "cad.onshape.document", "pending": 0, "published": 0 }],
    });
    Answers {
        status: serde_json::from_value(status).unwrap(),
        sources: vec![source("onshape", [0; 4]), source("aps", [0; 4])],
        throughput: Throughput { seconds: 5, ..Throughput::default() },
        decisions: Vec::new(),
    }
}

fn busy() -> Answers {
    let mut answers = fresh();
    answers.status.summary = summary(
        "ok",
        "Receiving: 1,204 notifications in the last minute. 3 were not answered 200. Everything accepted is in Kafka.",
    );
    answers.status.lanes = serde_json::from_value(json!([
        { "topic": "cad.onshape.document", "pending": 12, "published": 1_204_331,
          "oldest": "2026-11-22T06:59:59Z" },
        { "topic": "cad.aps.data", "pending": 0, "published": 5120 },
        { "topic": "cad.aps.other", "pending": 0, "published": 0 },
    ]))
    .unwrap();
    answers.sources =
        vec![source("onshape", [1_204_343, 18, 2, 0]), source("aps", [5120, 0, 0, 3])];
    answers.throughput = Throughput {
        seconds: 5,
        received: (0..180).map(|at| 40 + at % 60).collect(),
        published: vec![99; 180],
        duplicates: vec![1; 180],
        refused: vec![0; 180],
    };
    let document = "documents/0f9c4392e5934f30b48ab645/w/f925722bee1c43fc80fb5bb2";
    answers.decisions = vec![
        decision(json!({
            "outcome": "accepted", "event": "onshape.model.lifecycle.changed", "subject": document,
        })),
        decision(json!({
            "outcome": "duplicate", "event": "onshape.model.lifecycle.changed", "subject": document,
        })),
        decision(json!({ "outcome": "unproven", "source": "aps", "reason": "wrong_signature" })),
        decision(json!({
            "outcome": "accepted", "source": "aps", "event": "dm.version.added",
            "subject": "urn:adsk.wipprod:fs.file:vf.abc?version=2",
        })),
    ];
    answers
}

/// A view that was looked at for ten seconds, in which a hundred notifications came to each source.
fn view(answers: &Answers) -> View {
    let mut before = answers.clone();
    for source in &mut before.sources {
        source.outcomes.accepted = source.outcomes.accepted.saturating_sub(100);
    }
    let mut view = View::default();
    view.add(before, now() - SignedDuration::from_secs(10));
    view.add(answers.clone(), now());
    view
}

fn screen(answers: &Answers, width: u16, height: u16) -> String {
    drawn(&view(answers), false, width, height).0
}

/// The lines of the screen, and the colour of each cell.
fn drawn(view: &View, colours: bool, width: u16, height: u16) -> (String, Vec<Color>) {
    let appearance = Appearance { colours, zone: TimeZone::UTC };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(view, &appearance, frame.area(), frame.buffer_mut())).unwrap();
    let buffer = terminal.backend().buffer();
    (super::text_of(buffer), buffer.content.iter().map(|cell| cell.fg).collect())
}
