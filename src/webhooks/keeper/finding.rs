//! The findings about one subscription at a provider.

use crate::event::gap::Why;
use crate::gaps::{Ledger, Watched};
use crate::webhooks::declared::Declared;
use crate::webhooks::existing::Existing;
use crate::webhooks::ownership::Mark;
use crate::webhooks::plan::{Action, Change};
use jiff::Timestamp;

/// The findings about one subscription.
#[derive(Debug, Default)]
pub(super) struct Finding {
    pub(super) hooks: Vec<String>,
    /// The numbers of events that Onshape gave up on, by hook.
    pub(super) counts: Vec<(String, u64)>,
    pub(super) repairs: Vec<Change>,
}

impl Finding {
    /// The number of events that Onshape gave up on, over all hooks. APS does not count them.
    pub(super) fn dropped_events(&self) -> Option<u64> {
        (!self.counts.is_empty()).then(|| self.counts.iter().map(|(_, count)| count).sum())
    }

    /// The reason why the subscription may miss events, if it may.
    pub(super) fn why(&self) -> Option<Why> {
        let why = |change: &Change| match change.action {
            Action::Create => Some(Why::HookMissing),
            Action::Update if change.fields.contains(&"status") => Some(Why::HookInactive),
            Action::Update | Action::Replace => Some(Why::HookChanged),
            Action::Delete => None,
        };
        // The causes are ordered by their weight.
        self.repairs.iter().filter_map(why).min()
    }

    /// Notes what a look says about gaps.
    pub(super) fn note(
        &self,
        one: &Declared,
        ledger: &Ledger,
        ping_came_back: bool,
        now: Timestamp,
    ) {
        let named = one.source.clone().or_else(|| ledger.source_at(one.url.reveal()));
        // Without a source of its own, any of the provider's has the topic in which gaps are told.
        let Some(source) = named.or_else(|| ledger.source_of(one.provider())) else { return };
        let watched = Watched {
            subscription: one.name.clone(),
            provider: one.provider(),
            source,
            scope: one.scope.iter().map(|(key, id)| (key.to_owned(), id.to_owned())).collect(),
            declaration: one.fingerprint(),
        };
        ledger.counted(&watched, &self.counts, now);
        match self.why() {
            Some(why) => ledger.lost(&watched, why),
            None if ping_came_back && !self.hooks.is_empty() => ledger.heard(&watched, now),
            None => {}
        }
    }
}

/// Compares one subscription with the existing hooks. Duplicates and hooks that are no longer
/// declared are left to people.
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
