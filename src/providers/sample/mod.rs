//! Realistic made-up notifications: the body that a provider would post for an event.
//!
//! For `webhook test`, `dev --simulate`, the simulators and our own fixtures.
//!
//! # Promises
//! - Bodies have the provider's real shape, down to its spelling of times and ids.
//! - The same arguments give the same bytes; another seed gives other ids.
//! - An event without a row in the catalog gets the shape of its family.
//!
//! Knows nothing of clocks or randomness: both are arguments.

pub mod ids;

use crate::event::provider::Provider;
use crate::providers::sample::ids::Ids;
use crate::providers::{aps, onshape};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The body that the provider would post for this event.
pub fn body(provider: Provider, event: &str, seed: u64, now: Timestamp) -> Vec<u8> {
    serde_json::to_vec(&value(provider, event, seed, now)).expect("a JSON object has a text")
}

/// The same as an object, for callers that put in ids of their own: an Onshape body's `webhookId`
/// or `data`, or the `hook` of an APS body.
pub fn value(provider: Provider, event: &str, seed: u64, now: Timestamp) -> Map<String, Value> {
    let mut ids = Ids::new(seed);
    let value = match provider {
        Provider::Onshape => onshape::sample::body(event, &mut ids, now),
        Provider::Aps => aps::sample::body(event, &mut ids, now),
    };
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("samples are objects"),
    }
}

/// The headers that prove the provider's authorship of this body at this moment.
pub fn sign(
    provider: Provider,
    secret: &str,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    match provider {
        Provider::Onshape => {
            let timestamp = now.as_millisecond().to_string();
            let signature = onshape::Key::new(secret).sign(&timestamp, body);
            vec![
                ("x-onshape-webhook-timestamp", timestamp),
                ("x-onshape-webhook-signature-primary", signature),
            ]
        }
        Provider::Aps => {
            let key = aps::Key::new(secret);
            vec![("x-adsk-signature", key.sign(body)), ("x-aps-signature", key.sign_sha256(body))]
        }
    }
}

/// A delivery id as APS sends it in `x-adsk-delivery-id`; Onshape has none.
pub fn aps_delivery_id(seed: u64) -> String {
    let mut ids = Ids::new(seed);
    format!("httpadapter~dm-events~{}/{}", ids.hex(32), ids.uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::catalog;
    use std::collections::BTreeSet;

    fn now() -> Timestamp {
        "2026-11-22T07:00:00.123Z".parse().unwrap()
    }

    #[test]
    fn every_event_has_a_sample_that_names_it() {
        for provider in Provider::ALL {
            for entry in catalog::entries(provider) {
                let sample = value(provider, entry.event, 1, now());
                let named = match provider {
                    Provider::Onshape => &sample["event"],
                    Provider::Aps => &sample["hook"]["event"],
                };

                assert_eq!(named, entry.event);
            }
        }
    }

    #[test]
    fn a_seed_is_a_body_and_another_seed_another() {
        for provider in Provider::ALL {
            for entry in catalog::entries(provider) {
                let bodies: BTreeSet<_> =
                    [7, 7, 8].map(|seed| body(provider, entry.event, seed, now())).into();

                assert_eq!(bodies.len(), 2, "{}", entry.event);
            }
        }
    }
}
