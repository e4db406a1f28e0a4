//! The row of one topic in the result.

use crate::cli::exit::Exit;
use crate::cli::output::Layout;
use crate::cli::topics::drift::{self, Difference};
use crate::kafka::outcome::Trouble;
use crate::kafka::topics::{Needed, Properties};
use crate::quantity::{ByteSize, Duration};
use serde::Serialize;

/// One topic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    topic: String,
    state: State,
    partitions: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cleanup_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_message_bytes: Option<u64>,
    /// The retention, in time and in bytes of a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<String>,
    /// The reason why it takes no records, or why its settings are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
    #[serde(skip)]
    exit: Exit,
}

/// The state of a topic.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It exists and is as needed.
    There,
    /// It exists, and differs.
    Different,
    /// It does not exist.
    Missing,
    /// It was created just now.
    Made,
    /// It takes no records of ours for now.
    Trouble,
}

impl Row {
    /// The row of an existing topic.
    pub fn found(topic: &Needed, partitions: i32, found: &Properties, brokers: &str) -> Self {
        let mut row = Self::unread(topic, partitions, brokers);
        row.reason = None;
        row.differences.extend(drift::of_properties(topic, found, brokers));
        if !row.differences.is_empty() {
            row.state = State::Different;
        }
        row.retention = retention(found);
        row.cleanup_policy = found.get("cleanup.policy").cloned();
        row.max_message_bytes = found.get("max.message.bytes").and_then(|text| text.parse().ok());
        row
    }

    /// The row of an existing topic whose settings we may not read.
    pub fn unread(topic: &Needed, partitions: i32, brokers: &str) -> Self {
        let differences: Vec<_> =
            drift::of_partitions(topic, partitions, brokers).into_iter().collect();
        let state = if differences.is_empty() { State::There } else { State::Different };
        Self {
            partitions,
            differences,
            reason: Some("its settings may not be read"),
            ..Self::unfound(topic, state)
        }
    }

    /// The row of a topic of which only the needed settings are known.
    pub fn unfound(topic: &Needed, state: State) -> Self {
        Self {
            topic: topic.name.clone(),
            state,
            partitions: topic.partitions,
            cleanup_policy: None,
            max_message_bytes: None,
            retention: None,
            reason: None,
            differences: Vec::new(),
            exit: Exit::Done,
        }
    }

    /// The row of a topic that takes no records.
    pub fn troubled(topic: &Needed, trouble: Trouble) -> Self {
        let exit = Exit::from(trouble);
        Self { reason: Some(trouble.as_str()), exit, ..Self::unfound(topic, State::Trouble) }
    }

    /// The exit of the command because of this topic.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Remarks on the topic for people, one line each.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let topic = &self.topic;
        let reason = self.reason.iter().map(move |reason| format!("{topic}: {reason}"));
        reason.chain(self.differences.iter().map(move |difference| {
            let Difference { setting, found, wanted, remedy } = difference;
            format!("{topic}: {setting} is {found}, {wanted} is needed. Left as it is; to change it:\n  {remedy}")
        }))
    }
}

/// `7d`, `7d or 1GiB`, `for ever`. A topic that is only compacted keeps the last record of each
/// key.
fn retention(properties: &Properties) -> Option<String> {
    if properties.get("cleanup.policy").is_some_and(|policy| policy == "compact") {
        return None;
    }
    let limit = |setting| properties.get(setting)?.parse::<i64>().ok();
    let time = limit("retention.ms")
        .and_then(|ms| u64::try_from(ms).ok())
        .map(|ms| Duration(std::time::Duration::from_millis(ms)).to_string());
    let bytes = limit("retention.bytes")
        .and_then(|bytes| u64::try_from(bytes).ok())
        .map(|bytes| ByteSize(bytes).to_string());
    // -1 means no limit; without the setting nothing is known.
    match (time, bytes) {
        (Some(time), Some(bytes)) => Some(format!("{time} or {bytes}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => limit("retention.ms").map(|_| "for ever".to_owned()),
    }
}

/// The keys of the rows.
pub const ROWS: Layout = Layout {
    keys: &[
        "topic",
        "state",
        "partitions",
        "cleanupPolicy",
        "maxMessageBytes",
        "retention",
        "reason",
        "differences",
    ],
    table: &[
        "topic",
        "state",
        "partitions",
        "cleanupPolicy",
        "maxMessageBytes",
        "retention",
        "reason",
    ],
    empty: "no topic is needed",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], expected: Option<&str>) {
        let found =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();

        assert_eq!(retention(&found).as_deref(), expected);
    }

    #[test]
    fn retention_is_said_as_people_say_it() {
        check(&[("retention.ms", "604800000"), ("retention.bytes", "-1")], Some("7d"));
        check(
            &[("retention.ms", "604800000"), ("retention.bytes", "1073741824")],
            Some("7d or 1GiB"),
        );
        check(&[("retention.ms", "-1"), ("retention.bytes", "-1")], Some("for ever"));
        check(&[("cleanup.policy", "compact"), ("retention.ms", "604800000")], None);
        check(&[], None);
    }
}
