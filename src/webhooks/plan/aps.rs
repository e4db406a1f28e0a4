//! The plan for APS: one hook for each event of a subscription, recognised by an attribute.

use crate::event::provider::Provider;
use crate::webhooks::aps::hook::{Address, Hook, New};
use crate::webhooks::aps::patch::{Change as Field, Patch, Status};
use crate::webhooks::aps::region::Region;
use crate::webhooks::declared::{Aps, At, Declared, Event};
use crate::webhooks::ownership::Mark;
use crate::webhooks::plan::{Action, Call, Change, Plan, Step};
use jiff::Timestamp;

/// Plans the changes that make the hooks at APS match the declarations.
pub fn plan(declared: &[Declared], existing: &[Hook], now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut left: Vec<&Hook> = existing.iter().collect();
    for one in declared {
        let At::Aps(settings) = &one.at else { continue };
        for event in &settings.events {
            let wanted = Wanted { one, settings, event };
            let found = left
                .iter()
                .enumerate()
                .filter_map(|(at, hook)| Some((wanted.likeness(hook)?, at)))
                .max_by_key(|(likeness, at)| (*likeness, std::cmp::Reverse(*at)));
            let change = match found.map(|(_, at)| left.remove(at)) {
                // It has expired: no hook is created for it, and an existing one expires by itself.
                _ if settings.is_over(now) => None,
                None => Some(wanted.create()),
                Some(hook) => wanted.change(hook),
            };
            plan.settle(change);
        }
    }
    for hook in left {
        match Mark::in_attributes(&hook.attributes) {
            Some(mark) => plan.changes.push(delete(hook, &mark)),
            None => plan.foreign += 1,
        }
    }
    plan
}

/// One hook that should exist.
struct Wanted<'a> {
    one: &'a Declared,
    settings: &'a Aps,
    event: &'a Event,
}

/// The likeness of an existing hook to a wanted one. The order matters: the last is best.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Likeness {
    /// It has our mark, and a different URL or scope.
    Marked,
    /// It is the same to APS, which would refuse a second one.
    Same,
    /// It is the same, and has our mark.
    Ours,
}

impl Wanted<'_> {
    fn likeness(&self, hook: &Hook) -> Option<Likeness> {
        let here = hook.region == self.settings.region
            && hook.system == self.event.system
            && hook.event() == self.event.name;
        let same = hook.url == self.one.url && hook.scope == self.one.scope;
        let marked = Mark::in_attributes(&hook.attributes) == Some(self.mark());
        match (here, marked, same) {
            (true, true, true) => Some(Likeness::Ours),
            (true, false, true) => Some(Likeness::Same),
            (true, true, false) => Some(Likeness::Marked),
            _ => None,
        }
    }

    fn create(&self) -> Change {
        self.blank(Action::Create, None, Call::Create(self.hook()))
    }

    fn change(&self, hook: &Hook) -> Option<Change> {
        let fixed = [("scope", hook.scope != self.one.scope), ("url", hook.url != self.one.url)];
        let mut fields: Vec<_> =
            fixed.iter().filter(|(_, differs)| *differs).map(|(field, _)| *field).collect();
        if !fields.is_empty() {
            fields.extend(self.patch(hook).1);
            let call = Call::Replace(hook.address(), self.hook());
            return Some(Change { fields, ..self.blank(Action::Replace, Some(hook), call) });
        }
        let (patch, fields) = self.patch(hook);
        if fields.is_empty() {
            return None;
        }
        let call = Call::Update(hook.address(), patch);
        Some(Change { fields, ..self.blank(Action::Update, Some(hook), call) })
    }

    /// The changeable fields that differ, and the patch that corrects them.
    fn patch(&self, hook: &Hook) -> (Patch, Vec<&'static str>) {
        let mut patch = Patch::default();
        let mut fields = Vec::new();
        if hook.status == "inactive" {
            fields.push("status");
            patch.status = Some(Status::Active);
        }
        if hook.filter != self.settings.filter {
            fields.push("filter");
            let some = Some(self.settings.filter.clone()).filter(|filter| !filter.is_empty());
            patch.filter = some.map_or(Field::Remove, Field::Set);
        }
        let attributes = self.mark().within(&self.settings.attributes);
        if hook.attributes != attributes {
            fields.push("attributes");
            patch.attributes = Field::Set(attributes);
        }
        if hook.auto_reactivate.unwrap_or(false) != self.settings.auto_reactivate {
            fields.push("autoReactivate");
            patch.auto_reactivate = Some(self.settings.auto_reactivate);
        }
        if hook.payload_only.unwrap_or(false) != self.settings.payload_only {
            fields.push("payloadOnly");
            patch.payload_only = Some(self.settings.payload_only);
        }
        if hook.expires_at != self.settings.expires {
            fields.push("expires");
            patch.expires = self.settings.expires.map_or(Field::Remove, Field::Set);
        }
        (patch, fields)
    }

    fn hook(&self) -> New {
        let settings = self.settings;
        New {
            system: self.event.system.clone(),
            event: self.event.name.clone(),
            url: self.one.url.clone(),
            scope: self.one.scope.clone(),
            filter: settings.filter.clone(),
            attributes: self.mark().within(&settings.attributes),
            auto_reactivate: Some(settings.auto_reactivate),
            payload_only: Some(settings.payload_only),
            expires: settings.expires,
            tenant: settings.tenant.clone(),
            hub: settings.hub.clone(),
            project: settings.project.clone(),
        }
    }

    fn mark(&self) -> Mark {
        Mark::of(&self.one.name)
    }

    fn blank(
        &self,
        action: Action,
        hook: Option<&Hook>,
        call: Call<New, Address, Patch>,
    ) -> Change {
        let region = self.settings.region;
        blank(action, &self.one.name, &self.event.name, hook, region, call)
    }
}

fn delete(hook: &Hook, mark: &Mark) -> Change {
    let call = Call::Delete(hook.address());
    blank(Action::Delete, mark.subscription(), hook.event(), Some(hook), hook.region, call)
}

fn blank(
    action: Action,
    subscription: &str,
    event: &str,
    hook: Option<&Hook>,
    region: Region,
    call: Call<New, Address, Patch>,
) -> Change {
    Change {
        action,
        subscription: subscription.to_owned(),
        provider: Provider::Aps,
        event: Some(event.to_owned()),
        id: hook.map(|hook| hook.id.clone()),
        fields: Vec::new(),
        step: Step::Aps(region, call),
    }
}
