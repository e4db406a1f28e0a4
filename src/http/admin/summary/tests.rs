//! The sentence in each state of the relay.

use super::*;

fn healthy() -> Facts {
    Facts {
        spool: SpoolState::Open,
        pending: 0,
        oldest: None,
        kafka: Some(true),
        last_success: Some(Timestamp::UNIX_EPOCH),
        set_aside: Vec::new(),
        sources: 2,
        last_notification: None,
        last_minute: 0,
        refused: 0,
        unknown_source: 0,
    }
}

#[track_caller]
fn check(facts: Facts, health: Health, text: &str) {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(180);

    assert_eq!(Summary::of(&facts, now), Summary { health, text: text.to_owned() });
}

#[test]
fn a_healthy_relay_says_what_comes_and_that_kafka_has_it() {
    check(
        healthy(),
        Health::Ok,
        "Ready. Nothing has come from the 2 sources yet. Everything accepted is in Kafka.",
    );
    check(
        Facts { last_minute: 1_204, refused: 3, ..healthy() },
        Health::Ok,
        "Receiving: 1,204 notifications in the last minute. 3 were not answered 200. Everything accepted is in Kafka.",
    );
    check(
        Facts { last_notification: Some(Timestamp::UNIX_EPOCH), ..healthy() },
        Health::Ok,
        "Ready. The last notification came 3 min ago. Everything accepted is in Kafka.",
    );
}

#[test]
fn a_full_spool_says_that_kafka_is_the_cause() {
    let full = Facts { spool: SpoolState::Full, pending: 1_204, ..healthy() };
    check(
        Facts { kafka: Some(false), ..full.clone() },
        Health::Trouble,
        "The spool is full: Kafka has been down for 3 min, 1,204 events wait. New notifications are answered 503 and come again; nothing is lost.",
    );
    check(
        full,
        Health::Trouble,
        "The spool is full: 1,204 events wait. New notifications are answered 503 and come again; nothing is lost.",
    );
}

#[test]
fn a_wrong_url_is_told_also_while_nothing_is_received() {
    check(
        Facts { unknown_source: 1, ..healthy() },
        Health::Ok,
        "Ready. Nothing has come from the 2 sources yet. Everything accepted is in Kafka. In the last 5 minutes 1 notification was posted to a URL that names no source (404): the log shows it.",
    );
    let down = Facts { kafka: Some(false), unknown_source: 1_204, ..healthy() };
    check(
        down,
        Health::Waiting,
        "Kafka has been down for 3 min: nothing waits, nothing is lost. In the last 5 minutes 1,204 notifications were posted to a URL that names no source (404): the log shows it.",
    );
}

#[test]
fn an_outage_says_since_when_what_waits_and_that_nothing_is_lost() {
    let down = Facts { kafka: Some(false), pending: 1_204, ..healthy() };

    check(
        down.clone(),
        Health::Waiting,
        "Kafka has been down for 3 min: 1,204 events wait, nothing is lost.",
    );
    check(
        Facts { last_success: None, ..down },
        Health::Waiting,
        "Kafka has not answered since the start: 1,204 events wait, nothing is lost.",
    );
}

#[test]
fn a_full_spool_says_that_senders_are_refused() {
    check(
        Facts { spool: SpoolState::Full, pending: 9, ..healthy() },
        Health::Trouble,
        "The spool is full: 9 events wait. New notifications are answered 503 and come again; nothing is lost.",
    );
}

#[test]
fn a_topic_in_trouble_is_named_with_its_reason() {
    let lane = SetAside {
        topic: "cad.aps.data".to_owned(),
        since: Timestamp::UNIX_EPOCH,
        reason: "unknown_topic",
    };

    check(
        Facts { set_aside: vec![lane], pending: 1, ..healthy() },
        Health::Waiting,
        "Kafka takes nothing for cad.aps.data for 3 min (unknown topic): 1 event waits, nothing is lost, and all other topics flow.",
    );
}

#[test]
fn a_relay_that_catches_up_says_how_far_it_is_behind() {
    check(
        Facts { pending: 5, oldest: Some(Timestamp::UNIX_EPOCH), last_minute: 1, ..healthy() },
        Health::Ok,
        "Receiving: 1 notification in the last minute. 5 events wait and go to Kafka, the oldest 3 min old.",
    );
}
