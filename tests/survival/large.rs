//! Events with large bodies.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use cadrelay::providers::sample::ids::Ids;
use jiff::Timestamp;
use serde_json::Value;
use support::notification::{Notification, secret};

/// An event about a document of its own whose body has about this many bytes, which do not compress
/// well: the broker measures what arrives.
pub fn notification(seed: u64, bytes: usize) -> Notification {
    let event = "onshape.model.lifecycle.changed";
    let mut body = sample::value(Provider::Onshape, event, !seed, Timestamp::now());
    body["data"] = Value::from(Ids::new(seed).hex(bytes));
    let body = Value::Object(body).to_string();
    Notification::bare("onshape", body).signed(Provider::Onshape, secret(Provider::Onshape))
}
