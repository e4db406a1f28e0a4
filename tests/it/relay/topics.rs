//! `cadrelay topics` tells what Kafka lacks, makes what is missing, and changes nothing that is there.

use super::configuration::{Said, run_apart};
use serde_json::{Value, json};
use std::fs;
use support::kafka::{Kafka, secure};
use support::relay::cadrelay;
use tempfile::TempDir;

#[tokio::test]
async fn plan_names_what_is_missing_and_apply_makes_it_once() {
    let kafka = Kafka::shared().await;
    let dir = configured(&format!("brokers = '{}'\ntopic_prefix = 'planned.'", kafka.brokers()));

    let missing = topics(&dir, &["plan"]).await;
    let still_missing = topics(&dir, &["plan"]).await;
    let made = topics(&dir, &["apply"]).await;
    let there = topics(&dir, &["plan"]).await;
    let again = topics(&dir, &["apply"]).await;

    for said in [&missing, &still_missing, &made, &there, &again] {
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    }
    assert_eq!(missing.states(), ["missing"]);
    assert_eq!(still_missing.stdout, missing.stdout);
    assert_eq!(made.states(), ["made"]);
    assert_eq!(there.states(), ["there"]);
    assert_eq!(again.stdout, there.stdout);
    let row = there.row("planned.aps.data");
    assert_eq!(
        (&row["partitions"], &row["cleanupPolicy"], &row["maxMessageBytes"], &row["retention"]),
        (&json!(2), &json!("delete"), &json!(2_097_152), &json!("7d"))
    );
    let positions = there.row("planned.relay.positions");
    assert_eq!(
        (&positions["partitions"], &positions["cleanupPolicy"]),
        (&json!(1), &json!("compact"))
    );
}

#[tokio::test]
async fn a_topic_that_differs_is_told_with_the_command_that_changes_it_and_left_as_it_is() {
    let kafka = Kafka::shared().await;
    let dir = configured(&format!("brokers = '{}'\ntopic_prefix = 'drift.'", kafka.brokers()));
    let settings = [
        ("cleanup.policy", "compact,delete"),
        ("max.message.bytes", "1000000"),
        ("retention.ms", "3600000"),
    ];
    kafka.create_topic("drift.aps.data", 1, &settings).await;
    kafka.create_topic("drift.quarantine", 5, &[("max.message.bytes", "9000000")]).await;

    let plan = topics(&dir, &["plan"]).await;
    let apply = topics(&dir, &["apply"]).await;
    let after = topics(&dir, &["apply"]).await;

    assert_eq!((plan.code, apply.code, after.code), (0, 0, 0), "{plan:?}");
    for said in [&plan, &apply, &after] {
        let data = said.row("drift.aps.data");
        assert_eq!((&data["state"], &data["retention"]), (&json!("different"), &json!("1h")));
        let told: Vec<_> = data["differences"].as_array().expect("a list").iter().collect();
        let of =
            |key: &str| told.iter().map(|one| one[key].as_str().expect("text")).collect::<Vec<_>>();
        assert_eq!(of("setting"), ["partitions", "cleanup.policy", "max.message.bytes"]);
        assert_eq!(of("found"), ["1", "compact,delete", "1000000"]);
        assert_eq!(of("wanted"), ["2", "delete", "2097152"]);
        let quarantine = said.row("drift.quarantine");
        assert_eq!(quarantine["differences"].as_array().map(Vec::len), Some(1), "{quarantine}");
        assert!(said.stderr.contains("--alter --topic drift.aps.data --partitions 2"), "{said:?}");
        assert!(said.stderr.contains("--add-config cleanup.policy=delete"), "{said:?}");
        assert!(said.stderr.contains("kafka.partitions = 5"), "{said:?}");
    }
    assert_eq!(apply.row("drift.relay.positions")["state"], "made");
    assert_eq!(after.row("drift.relay.positions")["state"], "there");
}

#[tokio::test]
async fn the_rows_come_as_table_yaml_and_csv_too() {
    let kafka = Kafka::shared().await;
    let dir = configured(&format!("brokers = '{}'\ntopic_prefix = 'shown.'", kafka.brokers()));

    let table = topics(&dir, &["plan", "--output", "table"]).await;
    let yaml = topics(&dir, &["plan", "--output", "yaml"]).await;
    let csv = topics(&dir, &["plan", "--output", "csv"]).await;

    assert!(table.stdout.starts_with(" TOPIC"), "{}", table.stdout);
    assert!(table.stdout.contains("shown.quarantine"), "{}", table.stdout);
    assert!(yaml.stdout.contains("- topic: shown.aps.data\n  state: missing\n"), "{}", yaml.stdout);
    assert!(
        csv.stdout.starts_with(
            "topic,state,partitions,cleanupPolicy,maxMessageBytes,retention,reason,differences\n"
        ),
        "{}",
        csv.stdout
    );
}

#[tokio::test]
async fn no_broker_is_5_a_wrong_password_is_3_and_a_refused_topic_hides_no_other() {
    let kafka = Kafka::start_secured().await;
    let secured = |password: &str| {
        configured(&format!(
            "brokers = '{}'\n[kafka.client]\n'security.protocol' = 'SASL_SSL'\n\
             'ssl.ca.location' = '{}'\n'sasl.mechanism' = 'SCRAM-SHA-512'\n\
             'sasl.username' = '{}'\n'sasl.password' = '{password}'",
            kafka.secured_brokers(),
            kafka.authority().display(),
            secure::USER,
        ))
    };
    kafka.create_topic("cad.quarantine", 2, &[("max.message.bytes", "2097152")]).await;
    kafka.allow("ALL", "TOPIC", "cad.quarantine").await;

    let nobody = topics(&configured("brokers = '127.0.0.1:1'"), &["plan"]).await;
    let wrong = topics(&secured("wrong-password-5d1e"), &["plan"]).await;
    let partly = topics(&secured(secure::PASSWORD), &["apply"]).await;

    assert_eq!(nobody.code, 5, "{nobody:?}");
    assert!(nobody.stderr.contains("127.0.0.1:1"), "{nobody:?}");
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("wrong-password-5d1e"), "{wrong:?}");
    assert_eq!(partly.code, 3, "{partly:?}");
    assert_eq!(partly.row("cad.quarantine")["state"], "there");
    let data = partly.row("cad.aps.data");
    assert_eq!((&data["state"], &data["reason"]), (&json!("trouble"), &json!("authorization")));
}

/// A folder with a configuration that has these lines in `[kafka]` and a source of APS.
fn configured(kafka: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!(
        "[[sources]]\nname = 'a'\nprovider = 'aps'\nproof = 'none'\n[kafka]\npartitions = 2\n\
         {kafka}\n"
    );
    fs::write(dir.path().join("cadrelay.toml"), text).expect("the configuration is written");
    dir
}

impl Said {
    fn rows(&self) -> Vec<Value> {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn row(&self, topic: &str) -> Value {
        let found = self.rows().into_iter().find(|row| row["topic"] == topic);
        found.unwrap_or_else(|| panic!("{topic} is not in {self:?}"))
    }

    /// Each state once.
    fn states(&self) -> Vec<String> {
        let state = |row: &Value| row["state"].as_str().expect("a state").to_owned();
        let mut states: Vec<_> = self.rows().iter().map(state).collect();
        states.sort_unstable();
        states.dedup();
        states
    }
}

/// Runs `cadrelay topics` beside what the test awaits.
async fn topics(dir: &TempDir, words: &[&str]) -> Said {
    let mut command = cadrelay();
    command.arg("topics").args(words).arg("--config").arg(dir.path().join("cadrelay.toml"));
    run_apart(command).await
}
