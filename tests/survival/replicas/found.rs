//! What a consumer finds after replicas have worked together, and what they counted.

use crate::oracle;
use std::collections::HashMap;
use support::kafka::{Isolation, Kafka};
use support::relay::Relay;

/// The records that a consumer reads, and the counters of the replicas.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Found {
    pub(super) records: u64,
    pub(super) ids: u64,
    pub(super) withdrawn: u64,
    pub(super) degraded: u64,
    pub(super) unconfirmed: u64,
    pub(super) told_repeats: u64,
}

impl Found {
    /// The records that a consumer reads beyond the first of each event.
    pub(super) fn repeats(&self) -> u64 {
        self.records - self.ids
    }
}

/// Waits until everything is published, and reads it.
pub(super) async fn found(kafka: &Kafka, replicas: &[Relay]) -> Found {
    for relay in replicas {
        relay.drained().await;
        oracle::assert_books_balance(&relay.metrics().await);
    }
    let topic = replicas[0].topic("onshape.document");
    let mut times: HashMap<String, u64> = HashMap::new();
    for record in kafka.read_topic(&topic, Isolation::ReadCommitted).await {
        let id = record.header("ce_id").expect("an id").to_owned();
        *times.entry(id).or_default() += 1;
    }
    Found {
        records: times.values().sum(),
        ids: times.len() as u64,
        withdrawn: counted(replicas, "withdrawn").await,
        degraded: counted(replicas, "degraded").await,
        unconfirmed: counted(replicas, "unconfirmed").await,
        told_repeats: counted(replicas, "repeats").await,
    }
}

/// One of the counters of the shared window, over all replicas.
pub(super) async fn counted(replicas: &[Relay], name: &str) -> u64 {
    let series = format!("cadrelay_dedup_{name}_total");
    let mut sum = 0.0;
    for relay in replicas {
        sum += relay.metrics().await.sum(&series);
    }
    sum as u64
}

/// Prints a line for the report.
pub(super) fn note(run: &str, events: u64, figures: &[(&str, u64)], found: &Found) {
    let line =
        serde_json::json!({ "run": run, "events": events, "figures": figures, "found": found });
    println!("{line}");
}
