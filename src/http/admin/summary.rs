//! The state of the relay in a sentence: the first line of the console.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The state of the relay, in a sentence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Summary {
    /// The state in one word.
    pub health: Health,
    /// The state in a sentence or two.
    pub text: String,
}

/// The state of the relay, in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Everything flows.
    Ok,
    /// Something waits; nothing is lost and nobody is refused.
    Waiting,
    /// Notifications are refused.
    Trouble,
}

/// The facts behind the sentence.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The state of the spool.
    pub spool: SpoolState,
    /// Records that wait for Kafka.
    pub pending: u64,
    /// The time since which the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// True if Kafka answered when it was last asked; `None` before the first answer.
    pub kafka: Option<bool>,
    /// The time of Kafka's last answer.
    pub last_success: Option<Timestamp>,
    /// Topics whose records are set aside.
    pub set_aside: Vec<SetAside>,
    /// The number of sources.
    pub sources: usize,
    /// The time at which the last notification was answered 200.
    pub last_notification: Option<Timestamp>,
    /// Notifications received in the last minute.
    pub last_minute: u64,
    /// Notifications of the last minute that were not answered 200.
    pub refused: u64,
}

/// The state of the spool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpoolState {
    /// It takes records.
    Open,
    /// The limit of waiting records is reached, or the disk is nearly full.
    Full,
    /// A commit failed, or the relay is stopping.
    Closed,
}

/// A topic whose records are set aside.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The topic.
    pub topic: String,
    /// The time at which it was set aside.
    pub since: Timestamp,
    /// The reason.
    pub reason: &'static str,
}

impl Summary {
    /// The summary at a moment.
    pub fn of(facts: &Facts, now: Timestamp) -> Self {
        let said = |health, text: String| Self { health, text };
        match facts.spool {
            SpoolState::Closed => {
                return said(
                    Health::Trouble,
                    "The spool takes nothing more: the relay is stopping, or its disk failed. Notifications are answered 503, and their senders come again.".to_owned(),
                );
            }
            SpoolState::Full => {
                return said(
                    Health::Trouble,
                    format!(
                        "The spool is full: {}. New notifications are answered 503 and come again; nothing is lost.",
                        waiting(facts.pending)
                    ),
                );
            }
            SpoolState::Open => {}
        }
        match facts.kafka {
            None => {
                let text =
                    format!("Connecting to Kafka: {}, nothing is lost.", waiting(facts.pending));
                said(Health::Waiting, text)
            }
            Some(false) => {
                let since = facts.last_success.map_or_else(
                    || "Kafka has not answered since the start".to_owned(),
                    |last| format!("Kafka has been down for {}", span(now.duration_since(last))),
                );
                said(
                    Health::Waiting,
                    format!("{since}: {}, nothing is lost.", waiting(facts.pending)),
                )
            }
            Some(true) => match &facts.set_aside[..] {
                [] => Self { health: Health::Ok, text: flowing(facts, now) },
                aside => said(Health::Waiting, held_back(aside, facts.pending, now)),
            },
        }
    }
}

fn held_back(aside: &[SetAside], pending: u64, now: Timestamp) -> String {
    let named: Vec<String> = aside
        .iter()
        .map(|lane| {
            let reason = lane.reason.replace('_', " ");
            format!("{} for {} ({reason})", lane.topic, span(now.duration_since(lane.since)))
        })
        .collect();
    format!(
        "Kafka takes nothing for {}: {}, nothing is lost, and all other topics flow.",
        named.join(", "),
        waiting(pending)
    )
}

fn flowing(facts: &Facts, now: Timestamp) -> String {
    let arriving = match (facts.last_minute, facts.last_notification) {
        (0, None) if facts.sources == 1 => {
            "Ready. Nothing has come from the source yet.".to_owned()
        }
        (0, None) => format!("Ready. Nothing has come from the {} sources yet.", facts.sources),
        (0, Some(last)) => {
            format!("Ready. The last notification came {} ago.", span(now.duration_since(last)))
        }
        (1, _) => "Receiving: 1 notification in the last minute.".to_owned(),
        (some, _) => format!("Receiving: {} notifications in the last minute.", grouped(some)),
    };
    let delivering = match facts.oldest.map(|oldest| now.duration_since(oldest)) {
        Some(age) if age > CATCHING_UP => format!(
            "{} and go to Kafka, the oldest {} old.",
            capitalised(&waiting(facts.pending)),
            span(age)
        ),
        _ => "Everything that came is in Kafka.".to_owned(),
    };
    let refused = match facts.refused {
        0 => String::new(),
        1 => " 1 was not answered 200.".to_owned(),
        some => format!(" {} were not answered 200.", grouped(some)),
    };
    format!("{arriving}{refused} {delivering}")
}

fn waiting(pending: u64) -> String {
    match pending {
        0 => "nothing waits".to_owned(),
        1 => "1 event waits".to_owned(),
        some => format!("{} events wait", grouped(some)),
    }
}

fn capitalised(text: &str) -> String {
    let mut marks = text.chars();
    marks.next().map_or_else(String::new, |first| first.to_uppercase().chain(marks).collect())
}

/// `1,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12 s`, `3 min`, `5 h`, `4 days`.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", (seconds + 30) / 60),
        5_400..129_600 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// A record that waits this long shows that Kafka is behind; healthy ones take milliseconds.
const CATCHING_UP: SignedDuration = SignedDuration::from_secs(3);

#[cfg(test)]
mod tests {
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
            "Ready. Nothing has come from the 2 sources yet. Everything that came is in Kafka.",
        );
        check(
            Facts { last_minute: 1_204, refused: 3, ..healthy() },
            Health::Ok,
            "Receiving: 1,204 notifications in the last minute. 3 were not answered 200. Everything that came is in Kafka.",
        );
        check(
            Facts { last_notification: Some(Timestamp::UNIX_EPOCH), ..healthy() },
            Health::Ok,
            "Ready. The last notification came 3 min ago. Everything that came is in Kafka.",
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
}
