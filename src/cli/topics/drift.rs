//! Finds the settings of a topic that differ from those the relay needs, and the commands that
//! would change them.
//!
//! # Promises
//! - A setting counts as different only if it harms the relay or its consumers: a larger limit or
//!   another retention is the cluster's own business.

use crate::kafka::topics::{Needed, Properties};
use serde::Serialize;

/// A setting of a topic that differs from the needed one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// Its name: `partitions`, or that of Kafka's setting.
    pub setting: &'static str,
    /// Its value.
    pub found: String,
    /// The value that is needed.
    pub wanted: String,
    /// The command that would change it.
    pub remedy: String,
}

/// Compares the number of partitions.
pub fn of_partitions(topic: &Needed, found: i32, brokers: &str) -> Option<Difference> {
    let (name, wanted) = (&topic.name, topic.partitions);
    let remedy = match found.cmp(&wanted) {
        std::cmp::Ordering::Equal => return None,
        // A key may then fall into another partition, and its events out of order once.
        std::cmp::Ordering::Less => format!(
            "kafka-topics.sh --bootstrap-server {brokers} --alter --topic {name} --partitions {wanted}"
        ),
        std::cmp::Ordering::Greater => {
            format!("Kafka takes no partition away: kafka.partitions = {found}, or a new topic")
        }
    };
    let (found, wanted) = (found.to_string(), wanted.to_string());
    Some(Difference { setting: "partitions", found, wanted, remedy })
}

/// Compares the settings.
pub fn of_properties(topic: &Needed, found: &Properties, brokers: &str) -> Vec<Difference> {
    let different = |(setting, wanted): &(&'static str, &str)| {
        let found = found.get(*setting)?;
        if does(setting, found, wanted) {
            return None;
        }
        let remedy = format!(
            "kafka-configs.sh --bootstrap-server {brokers} --alter --topic {} --add-config {setting}={wanted}",
            topic.name
        );
        Some(Difference { setting, found: found.clone(), wanted: (*wanted).to_owned(), remedy })
    };
    topic.properties.iter().filter_map(different).collect()
}

/// True if a value serves as well as the one that we would set.
fn does(setting: &str, found: &str, wanted: &str) -> bool {
    let numbers = || Some((found.parse::<i64>().ok()?, wanted.parse::<i64>().ok()?));
    match (setting, numbers()) {
        // A topic that takes larger records takes ours, too.
        ("max.message.bytes", Some((found, wanted))) => found >= wanted,
        _ => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::settings::Settings;
    use crate::kafka::topics;

    fn documents() -> Needed {
        Needed {
            name: "cad.onshape.document".to_owned(),
            partitions: 6,
            properties: vec![("cleanup.policy", "delete"), ("max.message.bytes", "2097152")],
        }
    }

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_topic_with_a_larger_limit_and_its_own_retention_is_no_different() {
        let found = properties(&[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "10485760"),
            ("retention.ms", "1000"),
        ]);

        assert_eq!(of_properties(&documents(), &found, "b:9092"), []);
    }

    #[test]
    fn a_smaller_limit_and_a_compacted_topic_are_told_with_the_command_that_changes_them() {
        let found =
            properties(&[("cleanup.policy", "compact,delete"), ("max.message.bytes", "1048588")]);

        let told = of_properties(&documents(), &found, "b:9092");

        let settings: Vec<_> = told.iter().map(|difference| difference.setting).collect();
        assert_eq!(settings, ["cleanup.policy", "max.message.bytes"]);
        assert_eq!(
            told[1].remedy,
            "kafka-configs.sh --bootstrap-server b:9092 --alter --topic cad.onshape.document \
             --add-config max.message.bytes=2097152"
        );
    }

    #[test]
    fn partitions_are_added_by_a_command_and_never_taken_away() {
        let topic = documents();

        assert_eq!(of_partitions(&topic, 6, "b:9092"), None);
        let few = of_partitions(&topic, 3, "b:9092").unwrap();
        assert!(few.remedy.ends_with("--topic cad.onshape.document --partitions 6"), "{few:?}");
        let many = of_partitions(&topic, 9, "b:9092").unwrap();
        assert!(many.remedy.contains("kafka.partitions = 9"), "{many:?}");
    }

    #[test]
    fn a_topic_of_positions_that_is_not_compacted_is_different() {
        let positions = topics::positions(&Settings::default());
        let found = properties(&[("cleanup.policy", "delete"), ("segment.bytes", "1048576")]);

        let told = of_properties(&positions, &found, "b:9092");

        assert_eq!(told.len(), 1);
        assert_eq!((told[0].setting, told[0].wanted.as_str()), ("cleanup.policy", "compact"));
    }
}
