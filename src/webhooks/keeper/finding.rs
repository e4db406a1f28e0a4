//! What a look at a provider says about one subscription.

use crate::event::gap::Why;
use crate::webhooks::declared::Declared;
use crate::webhooks::look::Existing;
use crate::webhooks::mark::Mark;
use crate::webhooks::plan::{Action, Change};
use jiff::Timestamp;

/// What a look says about one subscription.
#[derive(Debug, Default)]
pub(super) struct Finding {
    pub(super) hooks: Vec<String>,
    /// What Onshape gave up on, by hook.
    pub(super) counts: Vec<(String, u64)>,
    pub(super) repairs: Vec<Change>,
}

impl Finding {
    /// What Onshape gave up on, of all hooks. APS does not count.
    pub(super) fn dropped_events(&self) -> Option<u64> {
        (!self.counts.is_empty()).then(|| self.counts.iter().map(|(_, count)| count).sum())
    }

    /// Why the subscription does not hear all that it should, if it does not.
    pub(super) fn why(&self) -> Option<Why> {
        let why = |change: &Change| match change.action {
            Action::Create => Some(Why::HookMissing),
            Action::Update if change.fields.contains(&"status") => Some(Why::HookInactive),
            Action::Update | Action::Replace => Some(Why::HookChanged),
            Action::Delete => None,
        };
        // The order of the causes is that of their weight.
        self.repairs.iter().filter_map(why).min()
    }
}

/// What a look says about one subscription. Duplicates and what is no longer declared are left to
/// people.
pub(super) fn find(one: &Declared, existing: &Existing, now: Timestamp) -> Finding {
    let of_one = |mark: Option<Mark>| mark.is_some_and(|mark| mark.subscription() == one.name);
    let at_onshape = existing.onshape.iter().filter(|hook| {
        let mark = hook.name.as_deref().and_then(Mark::in_name);
        of_one(mark.map(|(mark, _)| mark))
    });
    let at_aps = existing.aps.iter().filter(|hook| of_one(Mark::in_attributes(&hook.attributes)));
    let mut finding =
        Finding { hooks: at_aps.map(|hook| hook.id.clone()).collect(), ..Finding::default() };
    for hook in at_onshape {
        finding.hooks.push(hook.id.clone());
        finding.counts.push((hook.id.clone(), hook.dropped_events.unwrap_or(0)));
    }
    let plan = existing.plan(std::slice::from_ref(one), now);
    finding.repairs =
        plan.changes.into_iter().filter(|change| change.action != Action::Delete).collect();
    finding
}
