//! `[[subscriptions]]` as written, and how it becomes what it means.
//!
//! # Promises
//! - Every fault names its subscription and key, and all of them are told at once.

use crate::event::provider::Provider;
use crate::secret::written::Written;
use crate::webhooks::aps::region::Region;
use crate::webhooks::checks::{self, Objection, Setting};
use crate::webhooks::declared::{Aps, At, Declared, Event, Onshape};
use crate::webhooks::mark::Mark;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One `[[subscriptions]]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// A name, used once. It is put into the hook as our mark.
    pub name: String,
    /// Where it is made.
    pub provider: Provider,
    /// Where the provider posts; it may hold a token. Without it:
    /// `{http.public_url}/webhooks/{source}`.
    pub url: Option<Written>,
    /// The source of this relay that it feeds.
    pub source: Option<String>,
    /// The events. For APS one hook each; patterns are fine.
    pub events: Vec<String>,
    /// What it listens to, by the provider's keys.
    #[serde(default)]
    pub scope: Scope,
    /// Whether `serve` looks after it. Default: false.
    #[serde(default)]
    pub keep: bool,
    /// Onshape: a text that each notification echoes.
    pub data: Option<String>,
    /// Onshape: a description.
    pub description: Option<String>,
    /// Onshape: one notification for similar events. Default: false.
    pub collapse: Option<bool>,
    /// Onshape: removed after some idle days. Default: false.
    pub transient: Option<bool>,
    /// An expression for Onshape; a JSON path or a list of them for APS.
    #[serde(default, deserialize_with = "one_or_several")]
    pub filter: Vec<String>,
    /// APS: the region. Default: US.
    pub region: Option<Region>,
    /// APS: the system, where the catalog cannot tell.
    pub system: Option<String>,
    /// APS: what each callback repeats.
    pub attributes: Option<Map<String, Value>>,
    /// APS: tried again a week after it went inactive. Default: false.
    pub auto_reactivate: Option<bool>,
    /// APS: callbacks without the hook. Default: false.
    pub payload_only: Option<bool>,
    /// APS: when it ends. Default: never.
    pub expires: Option<Timestamp>,
    /// APS: the hub, with its `b.`.
    pub hub: Option<String>,
    /// APS: the project, with its `b.`.
    pub project: Option<String>,
    /// APS: the tenant.
    pub tenant: Option<String>,
}

/// What is wrong with a subscription.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("subscription {subscription}: {key}: {problem}")]
pub struct Fault {
    /// The name, or the place in the file if it has none.
    pub subscription: String,
    /// The key.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// What the subscriptions mean, or all that is wrong with them. What the catalogs do not know, and
/// is sent all the same, goes into `warnings`, and so does a subscription whose time is over.
pub fn resolve(
    subscriptions: &[Subscription],
    public_url: Option<&str>,
    now: Timestamp,
    warnings: &mut Vec<String>,
) -> Result<Vec<Declared>, Vec<Fault>> {
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
                // No fault: a relay that was sound yesterday must start today.
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

impl Subscription {
    fn resolve(
        &self,
        public_url: Option<&str>,
        warnings: &mut Vec<String>,
    ) -> Result<Declared, Vec<Fault>> {
        let mut faults = self.foreign_keys();
        if self.name.trim().is_empty() {
            faults.push(self.fault("name", "it is empty"));
        }
        let url = self.callback_url(public_url);
        let at = match self.provider {
            Provider::Onshape => self.at_onshape(warnings),
            Provider::Aps => self.at_aps(warnings),
        };
        match (url, at) {
            (Ok(url), Ok(at)) if faults.is_empty() => Ok(Declared {
                name: self.name.clone(),
                url,
                scope: self.scope.clone(),
                keep: self.keep,
                source: self.source.clone(),
                at,
            }),
            (url, at) => {
                faults.extend(url.err());
                faults.extend(at.err());
                Err(faults)
            }
        }
    }

    fn at_onshape(&self, warnings: &mut Vec<String>) -> Result<At, Fault> {
        let objected = |objection| self.objected(objection);
        let doubts = checks::onshape_events(&self.events).map_err(objected)?;
        warnings.extend(doubts.iter().map(|doubt| format!("subscription {}: {doubt}", self.name)));
        checks::onshape_scope(&self.events, &self.scope).map_err(objected)?;
        if self.filter.len() > 1 {
            return Err(self.fault("filter", "onshape takes one"));
        }
        Ok(At::Onshape(Onshape {
            events: self.events.clone(),
            data: self.data.clone().filter(|data| !data.is_empty()),
            description: self.description.clone().filter(|text| !text.is_empty()),
            collapse: self.collapse.unwrap_or(false),
            transient: self.transient.unwrap_or(false),
            filter: self.filter.first().cloned(),
        }))
    }

    fn at_aps(&self, warnings: &mut Vec<String>) -> Result<At, Fault> {
        let objected = |objection| self.objected(objection);
        if self.events.is_empty() {
            return Err(objected(Objection::NoEvent));
        }
        let mut events = Vec::new();
        for name in &self.events {
            let target = checks::aps_event(self.system.as_deref(), name).map_err(objected)?;
            let doubt = checks::aps_scope(&target.system, name, &self.scope).map_err(objected)?;
            let doubts = target.warning.into_iter().chain(doubt);
            warnings.extend(doubts.map(|doubt| format!("subscription {}: {doubt}", self.name)));
            events.push(Event { system: target.system, name: name.clone() });
        }
        let attributes = self.attributes.clone().unwrap_or_default();
        if Value::Object(Mark::of(&self.name).within(&attributes)).to_string().len() >= 1024 {
            return Err(self.fault("attributes", "with our mark they must be under 1 KB"));
        }
        Ok(At::Aps(Aps {
            region: self.region.unwrap_or_default(),
            events,
            filter: self.filter.clone(),
            attributes,
            auto_reactivate: self.auto_reactivate.unwrap_or(false),
            payload_only: self.payload_only.unwrap_or(false),
            expires: self.expires,
            hub: self.hub.clone(),
            project: self.project.clone(),
            tenant: self.tenant.clone(),
        }))
    }

    fn callback_url(&self, public_url: Option<&str>) -> Result<CallbackUrl, Fault> {
        let text = match (&self.url, &self.source, public_url) {
            (Some(url), _, _) => {
                let url = url.resolve().map_err(|error| self.fault("url", error.to_string()))?;
                url.reveal().to_owned()
            }
            (None, Some(source), Some(base)) => {
                format!("{}/webhooks/{source}", base.trim_end_matches('/'))
            }
            (None, Some(_), None) => {
                return Err(self.fault("url", "it is missing, and so is http.public_url"));
            }
            (None, None, _) => {
                return Err(self.fault("url", "it is missing: give url, or source"));
            }
        };
        CallbackUrl::parse(&text).map_err(|error| self.fault("url", error.to_string()))
    }

    /// Keys that belong to the other provider.
    fn foreign_keys(&self) -> Vec<Fault> {
        let keys: &[(&str, bool)] = match self.provider {
            Provider::Onshape => &[
                ("region", self.region.is_some()),
                ("system", self.system.is_some()),
                ("attributes", self.attributes.is_some()),
                ("auto_reactivate", self.auto_reactivate.is_some()),
                ("payload_only", self.payload_only.is_some()),
                ("expires", self.expires.is_some()),
                ("hub", self.hub.is_some()),
                ("project", self.project.is_some()),
                ("tenant", self.tenant.is_some()),
            ],
            Provider::Aps => &[
                ("data", self.data.is_some()),
                ("description", self.description.is_some()),
                ("collapse", self.collapse.is_some()),
                ("transient", self.transient.is_some()),
            ],
        };
        let problem = format!("it means nothing to {}", self.provider);
        keys.iter()
            .filter(|(_, given)| *given)
            .map(|(key, _)| self.fault(key, problem.clone()))
            .collect()
    }

    fn objected(&self, objection: Objection) -> Fault {
        let key = match objection.setting() {
            Setting::Events => "events",
            Setting::System => "system",
            Setting::Scope => "scope",
        };
        self.fault(key, objection.to_string())
    }

    fn fault(&self, key: &str, problem: impl Into<String>) -> Fault {
        Fault { subscription: self.name.clone(), key: key.to_owned(), problem: problem.into() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        "2026-11-22T07:00:00Z".parse().unwrap()
    }

    fn faults(subscriptions: Value) -> Vec<String> {
        let subscriptions: Vec<Subscription> = serde_json::from_value(subscriptions).unwrap();
        let resolved = resolve(&subscriptions, None, now(), &mut Vec::new());
        resolved.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_faults_are_told_at_once_each_with_its_subscription_and_key() {
        let faults = faults(json!([
            { "name": "a", "provider": "onshape", "source": "a", "region": "EMEA",
              "events": ["onshape.workflow.transition"], "scope": { "documentId": "d" } },
            { "name": "a", "provider": "aps", "url": "ftp://x", "events": ["dm.version.aded"],
              "scope": { "folder": "f" } },
        ]));

        assert_eq!(faults.len(), 6, "{faults:#?}");
        assert_eq!(faults[0], "subscription a: region: it means nothing to onshape");
        assert!(faults[1].starts_with("subscription a: url: it is missing, and so is http.publ"));
        assert!(faults[2].starts_with("subscription a: scope: onshape.workflow.transition needs"));
        assert_eq!(faults[3], "subscription a: name: it is used twice");
        assert!(faults[4].starts_with("subscription a: url: the URL must begin with"));
        assert!(faults[5].contains("near it: dm.version.added"));
    }

    #[test]
    fn the_url_of_a_source_is_below_the_public_url() {
        let subscriptions: Vec<Subscription> = serde_json::from_value(json!([
            { "name": "a", "provider": "aps", "source": "plant", "events": ["dm.*"],
              "scope": { "folder": "f" } },
            { "name": "b", "provider": "aps", "url": "https://b.example", "events": ["dm.*"],
              "scope": { "folder": "f" } },
        ]))
        .unwrap();

        let declared =
            resolve(&subscriptions, Some("https://r.example/"), now(), &mut Vec::new()).unwrap();

        assert_eq!(declared[0].url.reveal(), "https://r.example/webhooks/plant");
        assert_eq!(declared[1].url.reveal(), "https://b.example");
    }
}
