//! What is remembered over restarts, and how gaps follow from it. Every moment is an argument.

use crate::event::gap::{Gap, Why};
use crate::event::provider::Provider;
use crate::gaps::vitals::Vitals;
use crate::gaps::{BEAT, Watched, repeats_for};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is remembered over restarts.
#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The relay's last sign of life.
    alive: Option<Timestamp>,
    sources: BTreeMap<String, OfSource>,
    subscriptions: BTreeMap<String, OfSubscription>,
    /// Gaps that are found and not stored yet, the oldest first.
    untold: Vec<Gap>,
}

#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct OfSource {
    last_notification: Option<Timestamp>,
    /// Since when notifications are answered 503.
    refusing: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct OfSubscription {
    declaration: String,
    /// The last proof that it heard.
    heard: Option<Timestamp>,
    /// Why it does not hear any more.
    lost: Option<Why>,
    /// The provider's counts of dropped events, by hook.
    counts: BTreeMap<String, Count>,
}

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    dropped: u64,
    at: Timestamp,
}

impl Memory {
    /// A run begins: finds what was missed since the last sign of life, for the sources that the last
    /// run had.
    pub fn begin(&mut self, sources: &[(String, Provider)], now: Timestamp) {
        for (name, provider) in sources {
            let Some(source) = self.sources.get_mut(name) else { continue };
            let refusing = source.refusing.take();
            let (from, why, limit) = match (refusing, self.alive) {
                (Some(since), _) => (since, Why::RelayRefused, repeats_for(*provider)),
                // The last sign of life may be a beat older than the end.
                (None, Some(alive)) => (alive, Why::RelayDown, repeats_for(*provider) + BEAT),
                (None, None) => continue,
            };
            self.silent(name, *provider, why, (from, now), limit);
        }
        for (name, _) in sources {
            self.sources.entry(name.clone()).or_default();
        }
        self.alive = Some(now);
    }

    /// The relay lives.
    pub fn beat(&mut self, now: Timestamp) {
        self.alive = Some(now);
    }

    /// Takes over what the requests of a source left.
    pub fn note(&mut self, name: &str, provider: Provider, vitals: &Vitals) {
        for time in vitals.take_over() {
            self.silent(name, provider, Why::RelayRefused, time, repeats_for(provider));
        }
        let source = self.sources.entry(name.to_owned()).or_default();
        source.last_notification = vitals.last();
        source.refusing = vitals.refusing_since();
    }

    /// When the last notification of a source came.
    pub fn last_notification(&self, source: &str) -> Option<Timestamp> {
        self.sources.get(source)?.last_notification
    }

    /// A subscription was seen to hear.
    pub fn heard(&mut self, watched: &Watched, now: Timestamp) {
        let known = self.subscription(watched);
        let (before, lost) = (known.heard.replace(now), known.lost.take());
        if let (Some(from), Some(why)) = (before, lost) {
            self.untold.push(Gap { from: from.min(now), to: now, why, ..blank(watched, now) });
        }
    }

    /// A subscription was seen not to hear. The first cause stands until it is heard again; one that
    /// was never heard is not missed yet.
    pub fn lost(&mut self, watched: &Watched, why: Why) {
        let known = self.subscription(watched);
        if known.heard.is_some() {
            known.lost.get_or_insert(why);
        }
    }

    /// The provider's counts of dropped events, by hook.
    pub fn counted(&mut self, watched: &Watched, counts: &[(String, u64)], now: Timestamp) {
        let known = self.subscription(watched);
        let was_heard = known.heard;
        let mut gaps = Vec::new();
        let mut before = std::mem::take(&mut known.counts);
        for (hook, dropped) in counts {
            let (from, base) = match (before.remove(hook), was_heard) {
                (Some(count), _) => (count.at, count.dropped),
                // A hook that took the place of another: all that it dropped is ours.
                (None, Some(heard)) => (heard, 0),
                // What was dropped before we knew it, nobody here waited for.
                (None, None) => (now, *dropped),
            };
            if *dropped > base {
                let (why, tally) = (Why::DroppedEvents, format!("{hook}:{dropped}"));
                let dropped = Some(dropped - base);
                let from = from.min(now);
                gaps.push(Gap { from, to: now, why, dropped, tally, ..blank(watched, now) });
            }
            known.counts.insert(hook.clone(), Count { dropped: *dropped, at: now });
        }
        self.untold.extend(gaps);
    }

    /// The gaps that are not stored yet.
    pub fn untold(&self) -> Vec<Gap> {
        self.untold.clone()
    }

    /// A gap is stored.
    pub fn told(&mut self, gap: &Gap) {
        self.untold.retain(|untold| untold != gap);
    }

    /// The content of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("texts, times and numbers have a JSON form")
    }

    /// A gap of all that comes to a source, if it was longer than the provider repeats.
    fn silent(
        &mut self,
        source: &str,
        provider: Provider,
        why: Why,
        (from, to): (Timestamp, Timestamp),
        limit: Duration,
    ) {
        // A clock that was set back says nothing.
        if to <= from || to.duration_since(from).unsigned_abs() <= limit {
            return;
        }
        self.untold.push(Gap {
            provider,
            source: source.to_owned(),
            subscription: None,
            from,
            to,
            why,
            dropped: None,
            scope: BTreeMap::new(),
            tally: String::new(),
        });
    }

    fn subscription(&mut self, watched: &Watched) -> &mut OfSubscription {
        let known = self.subscriptions.entry(watched.subscription.clone()).or_default();
        if known.declaration != watched.declaration {
            *known = OfSubscription {
                declaration: watched.declaration.clone(),
                ..OfSubscription::default()
            };
        }
        known
    }
}

fn blank(watched: &Watched, now: Timestamp) -> Gap {
    Gap {
        provider: watched.provider,
        source: watched.source.clone(),
        subscription: Some(watched.subscription.clone()),
        from: now,
        to: now,
        why: Why::HookMissing,
        dropped: None,
        scope: watched.scope.clone(),
        tally: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn watched() -> Watched {
        Watched {
            subscription: "docs".into(),
            provider: Provider::Onshape,
            source: "acme".into(),
            scope: BTreeMap::new(),
            declaration: "1".into(),
        }
    }

    fn told(memory: &Memory) -> Vec<(Why, i64, i64, Option<u64>)> {
        let gaps = memory.untold.iter();
        gaps.map(|gap| (gap.why, gap.from.as_second(), gap.to.as_second(), gap.dropped)).collect()
    }

    /// What a restart leaves of it.
    fn restarted(memory: &Memory) -> Memory {
        serde_json::from_slice(&memory.to_bytes()).unwrap()
    }

    #[test]
    fn a_gap_lasts_from_the_last_proof_to_the_next_and_has_the_first_cause() {
        let mut memory = Memory::default();

        memory.lost(&watched(), Why::HookMissing);
        memory.heard(&watched(), at(100));
        assert_eq!(told(&memory), [], "it was never heard before");
        memory.heard(&watched(), at(200));
        memory.lost(&watched(), Why::HookMissing);
        let mut memory = restarted(&memory);
        memory.lost(&watched(), Why::HookChanged);
        memory.heard(&watched(), at(500));
        memory.heard(&watched(), at(600));

        assert_eq!(told(&memory), [(Why::HookMissing, 200, 500, None)]);
    }

    #[test]
    fn a_subscription_that_is_declared_otherwise_has_missed_nothing() {
        let mut memory = Memory::default();
        memory.heard(&watched(), at(100));

        let other = Watched { declaration: "2".into(), ..watched() };
        memory.lost(&other, Why::HookChanged);
        memory.heard(&other, at(200));

        assert_eq!(told(&memory), []);
    }

    #[test]
    fn what_a_provider_dropped_is_told_by_what_its_count_has_grown() {
        let mut memory = Memory::default();
        let hook = |count| [("h".to_owned(), count)];

        memory.counted(&watched(), &hook(7), at(100));
        memory.heard(&watched(), at(100));
        memory.counted(&watched(), &hook(7), at(200));
        assert_eq!(told(&memory), []);
        let mut memory = restarted(&memory);
        memory.counted(&watched(), &hook(9), at(300));
        memory.counted(&watched(), &[("new".to_owned(), 1)], at(400));

        let dropped = |from, to, dropped| (Why::DroppedEvents, from, to, Some(dropped));
        assert_eq!(told(&memory), [dropped(200, 300, 2), dropped(100, 400, 1)]);
    }

    #[test]
    fn a_relay_that_was_down_tells_it_where_the_provider_repeats_for_less() {
        let sources = [("a".to_owned(), Provider::Onshape), ("b".to_owned(), Provider::Aps)];
        let mut memory = Memory::default();
        memory.begin(&sources[..1], at(0));
        assert_eq!(told(&memory), [], "a first run");

        memory.begin(&sources, at(80));
        assert_eq!(told(&memory), [], "a restart");
        memory.begin(&sources, at(200));
        assert_eq!(told(&memory), [(Why::RelayDown, 80, 200, None)]);
        memory.begin(&sources, at(100));
        assert_eq!(memory.untold.len(), 1, "the clock was set back");
        memory.begin(&sources, at(200_000));
        let both: Vec<_> = memory.untold[1..].iter().map(|gap| gap.source.as_str()).collect();
        assert_eq!(both, ["a", "b"]);
    }

    #[test]
    fn a_time_of_503_is_told_when_it_is_over_also_by_the_next_run() {
        let sources = [("a".to_owned(), Provider::Onshape)];
        let vitals = Vitals::new(None, Arc::new(Notify::new()));
        let mut memory = Memory::default();
        memory.begin(&sources, at(0));
        let note = |memory: &mut Memory| memory.note("a", Provider::Onshape, &vitals);

        vitals.refused(at(10));
        vitals.refused(at(40));
        vitals.accepted(at(70));
        note(&mut memory);
        assert_eq!(told(&memory), [], "as long as Onshape repeats");
        vitals.refused(at(100));
        vitals.accepted(at(170));
        vitals.refused(at(180));
        note(&mut memory);
        assert_eq!(memory.last_notification("a"), Some(at(170)));
        let mut memory = restarted(&memory);
        memory.begin(&sources, at(300));

        let refused = |from, to| (Why::RelayRefused, from, to, None);
        assert_eq!(told(&memory), [refused(100, 170), refused(180, 300)]);
    }

    #[test]
    fn a_gap_stays_until_it_is_stored() {
        let mut memory = Memory::default();
        memory.heard(&watched(), at(100));
        memory.lost(&watched(), Why::HookInactive);
        memory.heard(&watched(), at(200));

        let mut memory = restarted(&memory);
        let gap = memory.untold().remove(0);
        memory.told(&gap);

        assert_eq!(told(&memory), []);
    }
}
