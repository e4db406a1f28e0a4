//! The series that the drain updates, registered at zero.
//!
//! Knows nothing of the moments at which they change.

use crate::drain::status::{DrainMeters, Restart};
use crate::kafka::outcome::Trouble;
use crate::metrics::series::{Register, gauges};
use prometheus::{IntCounter, IntCounterVec};

/// The meters of the drain.
pub(super) fn meters(register: &Register<'_>) -> DrainMeters {
    let errors = register.counters(
        "cadrelay_publish_errors_total",
        "Attempts to reach Kafka or to publish that failed, by kind.",
        &["kind"],
    );
    let restarts = register.counters(
        "cadrelay_kafka_producer_restarts_total",
        "Kafka producers that were ended and made anew, by reason.",
        &["reason"],
    );
    // Registered with the books, which know the topics.
    let lane_trouble = gauges(
        "cadrelay_lane_trouble",
        "1 while the records of a topic are set aside because it does not take them.",
        &["topic"],
    );
    let counters = |vec: &IntCounterVec, label: &str| vec.with_label_values(&[label]);
    DrainMeters {
        up: register.gauge("cadrelay_kafka_up", "1 if Kafka answered when it was last asked."),
        last_success: register.float_gauge(
            "cadrelay_kafka_last_success_timestamp_seconds",
            "When Kafka last took records or answered; 0 before the first time.",
        ),
        errors: Trouble::COUNTED
            .into_iter()
            .map(|trouble| (trouble, counters(&errors, trouble.as_str())))
            .collect(),
        restarts: Restart::ALL
            .into_iter()
            .map(|restart| (restart, counters(&restarts, restart.as_str())))
            .collect(),
        refused: [Trouble::TooLarge, Trouble::Invalid]
            .into_iter()
            .map(|trouble| {
                let name = format!("refused_{}", trouble.as_str());
                (trouble, IntCounter::new(name, "inner").expect("the name is legal"))
            })
            .collect(),
        delay: register.histogram(
            "cadrelay_publish_delay_seconds",
            "Time from an event's commit to disk to its commit in Kafka.",
            DELAY_SECONDS,
        ),
        lane_trouble,
    }
}

/// 1 ms to 1 h.
const DELAY_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0,
];
