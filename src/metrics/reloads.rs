//! The series of the configuration: reloads, and the end of the certificate.
//!
//! Knows nothing of the reloaded parts.

use crate::metrics::series::Register;
use jiff::Timestamp;
use prometheus::{Gauge, IntCounter, IntGauge};

/// The meters of the configuration.
#[derive(Clone, Debug)]
pub struct Reloads {
    ok: IntCounter,
    failed: IntCounter,
    last_successful: IntGauge,
    last_success: Gauge,
    certificate_expiry: Gauge,
}

pub(super) fn meters(register: &Register<'_>) -> Reloads {
    let reloads = register.counters(
        "cadrelay_config_reloads_total",
        "Reloads of the configuration that were asked for, by outcome.",
        &["outcome"],
    );
    Reloads {
        ok: reloads.with_label_values(&["ok"]),
        failed: reloads.with_label_values(&["failed"]),
        last_successful: register.gauge(
            "cadrelay_config_last_reload_successful",
            "1 if the configuration was read when it was last tried, at the start or by a reload; else 0.",
        ),
        last_success: register.float_gauge(
            "cadrelay_config_last_reload_success_timestamp_seconds",
            "When the running configuration was read: at the last reload that was not refused, or at the start.",
        ),
        certificate_expiry: register.float_gauge(
            "cadrelay_tls_certificate_expiry_timestamp_seconds",
            "When the certificate of the ingest listener ends, or one of its chain before; 0 without TLS.",
        ),
    }
}

impl Reloads {
    /// Notes that the process starts with a configuration that was read.
    pub fn started(&self, now: Timestamp) {
        self.last_successful.set(1);
        self.last_success.set(seconds(now));
    }

    /// Notes that a reload was done.
    pub fn done(&self, now: Timestamp) {
        self.ok.inc();
        self.started(now);
    }

    /// Notes that a reload was refused.
    pub fn refused(&self) {
        self.failed.inc();
        self.last_successful.set(0);
    }

    /// Notes the end of the certificate that is in use from now on.
    pub fn certificate_ends(&self, at: Timestamp) {
        self.certificate_expiry.set(seconds(at));
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
