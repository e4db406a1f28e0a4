//! Onshape: its six webhook calls and its deliveries.

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
use crate::simulator::delivery::{Courier, Fate, Parcel};
use crate::simulator::onshape::access::Gate;
use crate::simulator::onshape::hooks::Hook;
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
    hooks: Mutex<BTreeMap<String, Hook>>,
}

impl Service {
    /// A service without hooks.
    pub fn new(settings: Settings, courier: Arc<Courier>) -> Self {
        let gate = Gate::new(settings.secrets.clone());
        Self { settings, courier, gate, hooks: Mutex::default() }
    }

    /// Makes an event happen that some hook listens to.
    pub fn beat(self: &Arc<Self>) {
        let seed = self.courier.next_seed();
        let chosen = {
            let hooks = lock(&self.hooks);
            let heard: Vec<_> = hooks
                .values()
                .flat_map(|hook| hook.events().map(move |event| (event.to_owned(), hook.scope())))
                .collect();
            let mut ids = Ids::new(seed);
            let at = ids.below(heard.len() as u64) as usize;
            heard.into_iter().nth(at)
        };
        if let Some((event, scope)) = chosen {
            let fields = scope.iter().map(|(key, id)| (key.to_owned(), json!(id))).collect();
            self.happen(&event, &fields);
        }
    }

    /// Makes an event happen. Returns the number of hooks that listen to it.
    fn happen(self: &Arc<Self>, event: &str, fields: &Map<String, Value>) -> usize {
        let hearing: Vec<_> =
            lock(&self.hooks).values().filter(|hook| hook.hears(event, fields)).cloned().collect();
        for hook in &hearing {
            self.notify(hook, event, fields.clone());
        }
        hearing.len()
    }

    /// Delivers an event to a hook, beside the answer to the call that caused it.
    fn notify(self: &Arc<Self>, hook: &Hook, event: &str, fields: Map<String, Value>) {
        let parcel = self.parcel(hook, event, fields);
        let service = self.clone();
        self.courier.spawn(async move {
            let fate = service.courier.deliver(&parcel).await;
            service.settle(&parcel.hook, fate);
        });
    }

    /// Notes the end of a delivery, and cancels a hook that fails too often.
    fn settle(&self, id: &str, fate: Fate) {
        let mut hooks = lock(&self.hooks);
        let Some(hook) = hooks.get_mut(id) else { return };
        match fate {
            Fate::Delivered => hook.failures = 0,
            Fate::GivenUp => {
                hook.failures += 1;
                hook.dropped += 1;
                if hook.failures >= self.settings.cancel_after {
                    hooks.remove(id);
                }
            }
        }
    }

    fn parcel(&self, hook: &Hook, event: &str, fields: Map<String, Value>) -> Parcel {
        let now = Timestamp::now();
        let mut body = sample::value(Provider::Onshape, event, self.courier.next_seed(), now);
        // The company only selects the hooks, and is in no body.
        body.extend(fields.into_iter().filter(|(key, _)| key != "companyId"));
        body.insert("event".into(), event.into());
        body.insert("webhookId".into(), hook.id.clone().into());
        body.remove("data");
        body.extend(hook.data().map(|data| ("data".to_owned(), data)));
        let id = body.get("messageId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = Value::Object(body).to_string().into_bytes();
        let secrets = &self.settings.secrets;
        let (primary, secondary) = (secrets.signing.clone(), secrets.signing_secondary.clone());
        let signed = body.clone();
        let sign = move |now| signatures(primary.as_ref(), secondary.as_ref(), &signed, now);
        Parcel {
            hook: hook.id.clone(),
            event: event.to_owned(),
            id,
            url: hook.url().to_owned(),
            body,
            sign: Box::new(sign),
        }
    }
}

/// One header for each key of the company, and the time of sending.
fn signatures(
    primary: Option<&Secret>,
    secondary: Option<&Secret>,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let sign = |key: &Secret| sample::sign(Provider::Onshape, key.reveal(), body, now);
    let mut headers = primary.map(sign).unwrap_or_default();
    for (name, value) in secondary.map(sign).unwrap_or_default() {
        match name {
            PRIMARY => headers.push((SECONDARY, value)),
            _ if primary.is_none() => headers.push((name, value)),
            _ => {}
        }
    }
    headers
}

const PRIMARY: &str = "x-onshape-webhook-signature-primary";
const SECONDARY: &str = "x-onshape-webhook-signature-secondary";
