//! The collector of `telemetry.otlp`, with the client that calls it.

use crate::outbound;
use crate::telemetry::settings::{Otlp, Settings};
use reqwest::Client;
use std::time::Duration;

/// A collector that can be called.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its URL.
    pub otlp: Otlp,
    /// The client for it. No call takes longer than `TIMEOUT`, and no redirect is followed.
    pub client: Client,
}

impl Settings {
    /// The collector, if there is one. Notes the faults, each with its key.
    pub fn target(&self, faults: &mut Vec<String>) -> Option<Target> {
        let Some(otlp) = &self.otlp else {
            if self.otlp_ca.is_some() {
                faults.push("telemetry.otlp_ca: has no meaning without telemetry.otlp".to_owned());
            }
            return None;
        };
        let authorities = match &self.otlp_ca {
            None => None,
            Some(_) if !otlp.is_tls() => {
                faults.push(NO_TLS.to_owned());
                return None;
            }
            Some(path) => match outbound::authorities(path) {
                Ok(authorities) => Some(authorities.certificates),
                Err(why) => {
                    faults.push(format!("telemetry.otlp_ca: {why}"));
                    return None;
                }
            },
        };
        match outbound::client_trusting(&otlp.traces(), TIMEOUT, authorities) {
            Ok(client) => Some(Target { otlp: otlp.clone(), client }),
            Err(error) => {
                let why = outbound::innermost(&error);
                faults.push(format!("telemetry.otlp: no client can be made for it: {why}"));
                None
            }
        }
    }
}

const NO_TLS: &str =
    "telemetry.otlp_ca: has no meaning without TLS; telemetry.otlp is https:// with it";
/// The longest time of one call. Nobody waits for it but further spans.
const TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn faults(settings: serde_json::Value) -> Vec<String> {
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let mut faults = Vec::new();
        let target = settings.target(&mut faults);
        assert_eq!(target.is_none(), settings.otlp.is_none() || !faults.is_empty());
        faults
    }

    #[test]
    fn authorities_that_cannot_be_used_are_refused_with_their_key() {
        assert_eq!(faults(json!({})), [""; 0]);
        assert_eq!(faults(json!({"otlp": "http://c:4318"})), [""; 0]);
        assert_eq!(faults(json!({"otlp": "http://c:4318", "otlp_ca": "ca.pem"})), [NO_TLS]);
        for (path, why) in [("/nowhere/ca.pem", "cannot be read"), ("Cargo.toml", "no certificate")]
        {
            let found = faults(json!({"otlp": "https://c:4318", "otlp_ca": path}));
            assert!(found[0].starts_with("telemetry.otlp_ca: ") && found[0].contains(why));
        }
        assert!(faults(json!({"otlp_ca": "ca.pem"}))[0].contains("without telemetry.otlp"));
    }
}
