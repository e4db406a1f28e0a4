//! Resolves one subscription.

use crate::event::provider::Provider;
use crate::webhooks::checks::{self, Objection, Setting};
use crate::webhooks::declared::{Aps, At, Declared, Event, Onshape};
use crate::webhooks::ownership::Mark;
use crate::webhooks::settings::{Subscription, SubscriptionFault};
use crate::webhooks::url::CallbackUrl;
use serde_json::Value;

impl Subscription {
    /// Resolves the subscription, or returns all its faults.
    pub(super) fn resolve(
        &self,
        public_url: Option<&str>,
        warnings: &mut Vec<String>,
    ) -> Result<Declared, Vec<SubscriptionFault>> {
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

    fn at_onshape(&self, warnings: &mut Vec<String>) -> Result<At, SubscriptionFault> {
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

    fn at_aps(&self, warnings: &mut Vec<String>) -> Result<At, SubscriptionFault> {
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

    fn callback_url(&self, public_url: Option<&str>) -> Result<CallbackUrl, SubscriptionFault> {
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

    /// The faults of keys that belong to the other provider.
    fn foreign_keys(&self) -> Vec<SubscriptionFault> {
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

    fn objected(&self, objection: Objection) -> SubscriptionFault {
        let key = match objection.setting() {
            Setting::Events => "events",
            Setting::System => "system",
            Setting::Scope => "scope",
        };
        self.fault(key, objection.to_string())
    }

    pub(super) fn fault(&self, key: &str, problem: impl Into<String>) -> SubscriptionFault {
        SubscriptionFault {
            subscription: self.name.clone(),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}
