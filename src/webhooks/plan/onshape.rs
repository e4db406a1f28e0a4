//! The plan for Onshape: one hook for each subscription, recognised by its name.

use crate::event::provider::Provider;
use crate::webhooks::declared::{At, Declared, Onshape};
use crate::webhooks::onshape::hook::{Hook, Options, Params};
use crate::webhooks::ownership::Mark;
use crate::webhooks::plan::{Action, Call, Change, Plan, Step};
use crate::webhooks::scope::Scope;

/// Plans the changes that make the hooks at Onshape match the declarations.
pub fn plan(declared: &[Declared], existing: &[Hook]) -> Plan {
    let mut plan = Plan::default();
    let mut ours: Vec<Ours> = existing.iter().filter_map(Ours::of).collect();
    plan.foreign = existing.len() - ours.len();
    for one in declared {
        let At::Onshape(settings) = &one.at else { continue };
        // Of several hooks, the one that needs the fewest changes, so that a half-done replacement
        // is finished.
        let best =
            (0..ours.len()).filter(|at| ours[*at].subscription == one.name).min_by_key(|at| {
                (ours[*at].scope != one.scope, ours[*at].differences(one, settings).len())
            });
        let change = match best {
            None => Some(create(one, settings)),
            Some(at) => change(&ours.remove(at), one, settings),
        };
        plan.settle(change);
    }
    plan.changes.extend(ours.into_iter().map(delete));
    plan
}

/// A hook with our mark.
struct Ours<'a> {
    hook: &'a Hook,
    subscription: String,
    scope: Scope,
}

impl<'a> Ours<'a> {
    fn of(hook: &'a Hook) -> Option<Self> {
        let (mark, scope) = Mark::in_name(hook.name.as_deref()?)?;
        Some(Self { hook, subscription: mark.subscription().to_owned(), scope })
    }

    /// The fields that differ, except for the scope.
    fn differences(&self, one: &Declared, settings: &Onshape) -> Vec<&'static str> {
        let hook = self.hook;
        let name = Mark::of(&one.name).with_scope(&one.scope);
        [
            ("events", !same_events(&hook.events, &settings.events)),
            ("url", hook.url != one.url),
            ("collapse", hook.collapse != settings.collapse),
            ("transient", hook.transient != settings.transient),
            ("data", hook.data != settings.data),
            ("description", hook.description != settings.description),
            ("name", self.scope == one.scope && hook.name.as_ref() != Some(&name)),
            ("filter", hook.filter != settings.filter),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| field)
        .collect()
    }
}

fn create(one: &Declared, settings: &Onshape) -> Change {
    let step = Step::Onshape(Call::Create(params(one, settings)));
    Change { step, ..blank(Action::Create, &one.name, None) }
}

fn change(ours: &Ours<'_>, one: &Declared, settings: &Onshape) -> Option<Change> {
    let id = ours.hook.id.clone();
    let mut fields = ours.differences(one, settings);
    if ours.scope != one.scope {
        fields.insert(0, "scope");
        let step = Step::Onshape(Call::Replace(id.clone(), params(one, settings)));
        return Some(Change { fields, step, ..blank(Action::Replace, &one.name, Some(id)) });
    }
    if fields.is_empty() {
        return None;
    }
    let wanted = params(one, settings);
    let asked = |field| fields.contains(&field);
    // Onshape leaves absent fields unchanged, so a value is removed by sending an empty text.
    let text = |field, value: Option<String>| asked(field).then(|| value.unwrap_or_default());
    let changed = Params {
        id: None,
        url: wanted.url.filter(|_| asked("url")),
        events: wanted.events.filter(|_| asked("events")),
        scope: Scope::default(),
        name: wanted.name.filter(|_| asked("name")),
        description: text("description", wanted.description),
        data: text("data", wanted.data),
        filter: text("filter", wanted.filter),
        is_transient: wanted.is_transient,
        options: wanted.options,
    };
    let step = Step::Onshape(Call::Update(id.clone(), changed));
    Some(Change { fields, step, ..blank(Action::Update, &one.name, Some(id)) })
}

fn delete(ours: Ours<'_>) -> Change {
    blank(Action::Delete, &ours.subscription, Some(ours.hook.id.clone()))
}

fn blank(action: Action, subscription: &str, id: Option<String>) -> Change {
    Change {
        action,
        subscription: subscription.to_owned(),
        provider: Provider::Onshape,
        event: None,
        fields: Vec::new(),
        step: Step::Onshape(Call::Delete(id.clone().unwrap_or_default())),
        id,
    }
}

fn params(one: &Declared, settings: &Onshape) -> Params {
    Params {
        id: None,
        url: Some(one.url.clone()),
        events: Some(settings.events.clone()),
        scope: one.scope.clone(),
        name: Some(Mark::of(&one.name).with_scope(&one.scope)),
        description: settings.description.clone(),
        data: settings.data.clone(),
        filter: settings.filter.clone(),
        is_transient: settings.transient,
        options: Options { collapse_events: settings.collapse },
    }
}

/// The order of the events does not matter.
fn same_events(left: &[String], right: &[String]) -> bool {
    left.iter().all(|event| right.contains(event)) && right.iter().all(|event| left.contains(event))
}
