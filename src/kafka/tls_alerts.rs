//! Notices that the cluster refuses our certificate.
//!
//! With TLS 1.3 a client has finished its part of the handshake before the cluster checks its
//! certificate, and learns of a refusal when it reads. librdkafka only says that the connection
//! broke; the number of the TLS alert is in the reason that it gives beside the error code.

use crate::kafka::client::Context;
use crate::kafka::outcome::Trouble;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The context of a client that can be asked why nothing answered.
#[derive(Debug, Default)]
pub struct TlsAlerts {
    context: Context,
    refused: AtomicBool,
}

/// The reason why a reader without partitions got no answer. After a refused log-in or certificate
/// the call itself only says that there was no connection; the reason is among the client's events.
pub fn why_not(reader: &BaseConsumer<TlsAlerts>, error: &KafkaError) -> Trouble {
    let events = std::iter::from_fn(|| reader.poll(EVENTS));
    let mut troubles = events.filter_map(Result::err).map(|event| Trouble::of(&event));
    let refused = troubles.any(|trouble| trouble == Trouble::Authentication);
    match refused || reader.context().certificate_is_refused() {
        true => Trouble::Authentication,
        false => Trouble::of(error),
    }
}

impl TlsAlerts {
    /// A context without alerts yet. The client's log lines go to `context`.
    pub fn of(context: Context) -> Self {
        Self { context, refused: AtomicBool::new(false) }
    }

    /// True if the cluster has refused our certificate, or asked for one that we do not have.
    pub fn certificate_is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl ClientContext for TlsAlerts {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if alert(reason).is_some_and(|alert| REFUSALS.contains(&alert)) {
            self.refused.store(true, Ordering::Relaxed);
        }
        self.context.log_error(&error, reason);
    }
}

impl ConsumerContext for TlsAlerts {}

/// The number of the alert that OpenSSL names in a reason.
fn alert(reason: &str) -> Option<u8> {
    let (_, rest) = reason.split_once("SSL alert number ")?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Waiting events come at once, one for each poll, with log lines between them.
const EVENTS: Duration = Duration::from_millis(20);

/// Alerts about a client's certificate (RFC 8446, section 6.2): bad, unsupported, revoked, expired,
/// unknown, of an unknown authority, without access, missing.
const REFUSALS: [u8; 8] = [42, 43, 44, 45, 46, 48, 49, 116];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alerts_number_is_found_in_what_the_client_says() {
        let told = "ssl://127.0.0.1:9093/bootstrap: Receive failed: error:0A000416:SSL routines::ssl/tls \
                    alert certificate unknown: SSL alert number 46 (after 7ms in state APIVERSION_QUERY)";

        assert_eq!(alert(told), Some(46));
        assert_eq!(alert("Connect to ipv4#127.0.0.1:9093 failed: Connection refused"), None);
    }
}
