//! `[[subscriptions]]`: the settings of subscriptions, and their resolution.
//!
//! # Promises
//! - Every fault names its subscription and key, and all of them are reported at once.

mod meaning;
#[cfg(test)]
mod tests;

use crate::event::provider::Provider;
use crate::secret::written::Written;
use crate::webhooks::aps::region::Region;
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::scope::Scope;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One `[[subscriptions]]` of the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// A name, used once. It is put into the hook as our mark.
    pub name: String,
    /// The provider.
    pub provider: Provider,
    /// The URL that the provider posts to; it may contain a token. Default:
    /// `{http.public_url}/webhooks/{source}`.
    pub url: Option<Written>,
    /// The source of this relay that it feeds.
    pub source: Option<String>,
    /// The events. For APS each gets one hook; patterns are allowed.
    pub events: Vec<String>,
    /// The scope, by the provider's keys.
    #[serde(default)]
    pub scope: Scope,
    /// Keep it with `serve`. Default: false.
    #[serde(default)]
    pub keep: bool,
    /// Onshape: a text that each notification echoes.
    pub data: Option<String>,
    /// Onshape: a description.
    pub description: Option<String>,
    /// Onshape: send one notification for similar events. Default: false.
    pub collapse: Option<bool>,
    /// Onshape: let it be removed after some idle days. Default: false.
    pub transient: Option<bool>,
    /// An expression for Onshape; a JSON path or a list of them for APS.
    #[serde(default, deserialize_with = "one_or_several")]
    pub filter: Vec<String>,
    /// APS: the region. Default: US.
    pub region: Option<Region>,
    /// APS: the system, if the catalog cannot tell.
    pub system: Option<String>,
    /// APS: the attributes that each callback repeats.
    pub attributes: Option<Map<String, Value>>,
    /// APS: try it again a week after it became inactive. Default: false.
    pub auto_reactivate: Option<bool>,
    /// APS: send callbacks without the hook. Default: false.
    pub payload_only: Option<bool>,
    /// APS: the time at which it expires. Default: never.
    pub expires: Option<Timestamp>,
    /// APS: the hub, with its `b.`.
    pub hub: Option<String>,
    /// APS: the project, with its `b.`.
    pub project: Option<String>,
    /// APS: the tenant.
    pub tenant: Option<String>,
}

/// A fault of a subscription.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("subscription {subscription}: {key}: {problem}")]
pub struct SubscriptionFault {
    /// The name, or the index in the file if it has none.
    pub subscription: String,
    /// The key.
    pub key: String,
    /// The fault, and what would be accepted.
    pub problem: String,
}

/// Resolves the subscriptions, or returns all their faults. Events that the catalogs do not know,
/// but that are sent nevertheless, lead to `warnings`, and so do expired subscriptions.
pub fn resolve(
    subscriptions: &[Subscription],
    public_url: Option<&str>,
    now: Timestamp,
    warnings: &mut Vec<String>,
) -> Result<Vec<Declared>, Vec<SubscriptionFault>> {
    let mut faults = Vec::new();
    let mut declared: Vec<Declared> = Vec::new();
    let mut names = BTreeSet::new();
    for subscription in subscriptions {
        if !names.insert(&subscription.name) {
            faults.push(subscription.fault("name", "it is used twice"));
        }
        match subscription.resolve(public_url, warnings) {
            Ok(one) => {
                if let Some(other) = declared.iter().find(|other| other.collides(&one)) {
                    let problem = format!("url, event and scope are those of {} too", other.name);
                    faults.push(subscription.fault("events", problem));
                }
                // Not a fault: a relay that was sound yesterday must start today.
                if let At::Aps(settings) = &one.at
                    && settings.is_over(now)
                {
                    warnings.push(format!(
                        "subscription {}: expires: it is in the past, so no hook is made",
                        one.name
                    ));
                }
                declared.push(one);
            }
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(declared) } else { Err(faults) }
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let form = "expected a text or a list of texts";
    match Value::deserialize(deserializer)? {
        Value::String(one) => Ok(vec![one]),
        Value::Array(several) => several
            .into_iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| D::Error::custom(form)))
            .collect(),
        _ => Err(D::Error::custom(form)),
    }
}
