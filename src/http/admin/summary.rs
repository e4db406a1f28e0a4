//! The state of the relay in a sentence: the first line of the console.

use crate::http::admin::throughput::MINUTES;
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
    /// Notifications of the last minutes that were posted to a path of no source.
    pub unknown_source: u64,
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
        let Self { health, text } = Self::of_known_sources(facts, now);
        Self { health, text: text + &unknown_source(facts.unknown_source) }
    }

    fn of_known_sources(facts: &Facts, now: Timestamp) -> Self {
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
                        "The spool is full: {}{}. New notifications are answered 503 and come again; nothing is lost.",
                        facts.kafka_down(now).map(|down| down + ", ").unwrap_or_default(),
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
                let down = facts.kafka_down(now).unwrap_or_default();
                said(
                    Health::Waiting,
                    format!("{down}: {}, nothing is lost.", waiting(facts.pending)),
                )
            }
            Some(true) => match &facts.set_aside[..] {
                [] => Self { health: Health::Ok, text: flowing(facts, now) },
                aside => said(Health::Waiting, held_back(aside, facts.pending, now)),
            },
        }
    }
}

impl Facts {
    /// The time since which Kafka is away, in words. `None` while it answers.
    fn kafka_down(&self, now: Timestamp) -> Option<String> {
        if self.kafka != Some(false) {
            return None;
        }
        Some(match self.last_success {
            None => "Kafka has not answered since the start".to_owned(),
            Some(last) => format!("Kafka has been down for {}", span(now.duration_since(last))),
        })
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
        _ => "Everything accepted is in Kafka.".to_owned(),
    };
    let refused = match facts.refused {
        0 => String::new(),
        1 => " 1 was not answered 200.".to_owned(),
        some => format!(" {} were not answered 200.", grouped(some)),
    };
    format!("{arriving}{refused} {delivering}")
}

/// The sentence about notifications that name no source. Empty if there are none.
fn unknown_source(posted: u64) -> String {
    let posted = match posted {
        0 => return String::new(),
        1 => "1 notification was".to_owned(),
        some => format!("{} notifications were", grouped(some)),
    };
    format!(
        " In the last {MINUTES} minutes {posted} posted to a URL that names no source (404): the \
         log shows it."
    )
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
mod tests;
