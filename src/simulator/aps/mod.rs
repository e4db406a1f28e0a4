//! APS: its sign-in, its webhooks API and its deliveries.

mod access;
mod api;
mod hooks;

pub use api::routes;

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::providers::sample;
use crate::providers::sample::ids::Ids;
use crate::secret::Secret;
use crate::simulator::Settings;
use crate::simulator::aps::access::Gate;
use crate::simulator::aps::hooks::Hook;
use crate::simulator::delivery::{Courier, Fate, Parcel};
use crate::webhooks::aps::region::Region;
use crate::webhooks::scope::Scope;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The simulated service.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    courier: Arc<Courier>,
    gate: Gate,
    hooks: Mutex<Vec<Hook>>,
    /// The secrets that sign an app's callbacks, by region.
    tokens: Mutex<BTreeMap<Region, Secret>>,
}

/// An event that happens.
#[derive(Clone, Debug)]
struct Happening {
    event: String,
    system: Option<String>,
    scope: Scope,
    payload: Option<Map<String, Value>>,
}

impl Service {
    /// A service without hooks.
    pub fn new(settings: Settings, courier: Arc<Courier>) -> Self {
        let token = settings.secrets.signing.clone().map(|secret| (Region::Us, secret));
        let gate = Gate::new(settings.secrets.clone());
        let tokens = Mutex::new(token.into_iter().collect());
        Self { settings, courier, gate, hooks: Mutex::default(), tokens }
    }

    /// Makes an event happen that some hook listens to.
    pub fn beat(self: &Arc<Self>) {
        let mut ids = Ids::new(self.courier.next_seed());
        let chosen = {
            let hooks = lock(&self.hooks);
            let at = ids.below(hooks.len() as u64) as usize;
            hooks.get(at).map(|hook| (hook.covered(), hook.system.clone(), hook.scope()))
        };
        let Some((events, system, scope)) = chosen else { return };
        let at = ids.below(events.len() as u64) as usize;
        if let Some(event) = events.into_iter().nth(at) {
            self.happen(&Happening { event, system: Some(system), scope, payload: None });
        }
    }

    /// Makes an event happen. Returns the number of hooks that listen to it.
    fn happen(self: &Arc<Self>, happening: &Happening) -> usize {
        let now = Timestamp::now();
        let hearing: Vec<_> = {
            let mut hooks = lock(&self.hooks);
            hooks.retain(|hook| !hook.is_expired(now));
            hooks.iter().filter(|hook| hook.hears(happening)).cloned().collect()
        };
        for hook in &hearing {
            let parcel = self.parcel(hook, happening, now);
            let service = self.clone();
            self.courier.spawn(async move {
                let fate = service.courier.deliver(&parcel).await;
                service.settle(&parcel.hook, fate);
            });
        }
        hearing.len()
    }

    /// Notes the end of a delivery, and deactivates a hook that fails too often.
    fn settle(&self, id: &str, fate: Fate) {
        let mut hooks = lock(&self.hooks);
        let Some(hook) = hooks.iter_mut().find(|hook| hook.id == id) else { return };
        match fate {
            Fate::Delivered => hook.failures = 0,
            Fate::GivenUp => {
                hook.failures += 1;
                if hook.failures >= self.settings.cancel_after {
                    hook.set_status("inactive", Timestamp::now());
                }
            }
        }
    }

    fn parcel(&self, hook: &Hook, happening: &Happening, now: Timestamp) -> Parcel {
        let seed = self.courier.next_seed();
        let mut body = sample::value(Provider::Aps, &happening.event, seed, now);
        if let Some(payload) = happening.payload.clone() {
            body.insert("payload".into(), Value::Object(payload));
        }
        body.insert("hook".into(), hook.details());
        let body = match hook.is_payload_only() {
            true => body.remove("payload").unwrap_or_default(),
            false => Value::Object(body),
        };
        let body = body.to_string().into_bytes();
        let id = sample::aps_delivery_id(seed);
        let secret = hook.token().or_else(|| lock(&self.tokens).get(&hook.region).cloned());
        let (signed, delivery) = (body.clone(), id.clone());
        let sign = move |now| {
            let mut headers = vec![("x-adsk-delivery-id", delivery.clone())];
            if let Some(secret) = &secret {
                headers.extend(sample::sign(Provider::Aps, secret.reveal(), &signed, now));
            }
            headers
        };
        Parcel {
            hook: hook.id.clone(),
            event: happening.event.clone(),
            id,
            url: hook.url().to_owned(),
            body,
            sign: Box::new(sign),
        }
    }
}

impl Happening {
    /// Reads a body posted to the control route.
    fn read(body: &[u8]) -> Result<Self, String> {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
            return Err(r#"a JSON object is needed: {"event": …, "scope": {…}}"#.into());
        };
        let Some(Value::String(event)) = fields.remove("event") else {
            return Err("event is missing".into());
        };
        let system = match fields.remove("system") {
            Some(Value::String(system)) => Some(system),
            _ => None,
        };
        if system.is_none() && crate::providers::catalog::find(Provider::Aps, &event).is_none() {
            return Err(format!("{event} is not an event of aps"));
        }
        let scope = serde_json::from_value(fields.remove("scope").unwrap_or_else(|| json!({})))
            .map_err(|error| format!("scope: {error}"))?;
        let payload = match fields.remove("payload") {
            Some(Value::Object(payload)) => Some(payload),
            _ => None,
        };
        Ok(Self { event, system, scope, payload })
    }
}
