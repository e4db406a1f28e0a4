//! The facts that are remembered over restarts, and the gaps that follow from them. Every moment is
//! an argument.

use crate::event::gap::{Gap, Why};
use crate::event::provider::Provider;
use crate::gaps::listed::Listed;
use crate::gaps::vitals::Vitals;
use crate::gaps::{BEAT, Watched, repeats_for};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::time::Duration;

/// The facts that are remembered over restarts.
#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The relay's last sign of life.
    alive: Option<Timestamp>,
    sources: BTreeMap<String, OfSource>,
    subscriptions: BTreeMap<String, OfSubscription>,
    /// Gaps that were found and are not stored yet, the oldest first.
    untold: Vec<Gap>,
    /// The gaps that were stored last, the oldest first, for listings.
    told: Vec<Gap>,
}

#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct OfSource {
    last_notification: Option<Timestamp>,
    /// The time of the first 503, while notifications are answered so.
    refusing: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OfSubscription {
    declaration: String,
    /// The last proof that the subscription was heard.
    heard: Option<Timestamp>,
    /// The cause, while it is not heard.
    lost: Option<Why>,
    /// The provider's counts of dropped events, by hook.
    counts: BTreeMap<String, Count>,
    /// The subscription as last seen in this run.
    #[serde(skip)]
    watched: Option<Watched>,
}

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    dropped: u64,
    at: Timestamp,
}

impl Memory {
    /// Begins a run: finds the gap since the last sign of life, for the sources of the last run.
    pub fn begin(&mut self, sources: &[(String, Provider)], now: Timestamp) {
        for (name, provider) in sources {
            let Some(source) = self.sources.get_mut(name) else { continue };
            let refusing = source.refusing.take();
            let (from, why, limit) = match (refusing, self.alive) {
                (Some(since), _) => (since, Why::RelayRefused, repeats_for(*provider)),
                // The last sign of life may be one beat older than the end of the run.
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

    /// Notes a sign of life of the relay.
    pub fn beat(&mut self, now: Timestamp) {
        self.alive = Some(now);
    }

    /// Takes over the facts that the requests of a source left in its vitals.
    pub fn note(&mut self, name: &str, provider: Provider, vitals: &Vitals) {
        for time in vitals.take_over() {
            self.silent(name, provider, Why::RelayRefused, time, repeats_for(provider));
        }
        let source = self.sources.entry(name.to_owned()).or_default();
        source.last_notification = vitals.last();
        source.refusing = vitals.refusing_since();
    }

    /// The time of the last notification of a source.
    pub fn last_notification(&self, source: &str) -> Option<Timestamp> {
        self.sources.get(source)?.last_notification
    }

    /// Notes that a subscription was seen to be heard. If it was lost before, the gap has ended.
    pub fn heard(&mut self, watched: &Watched, now: Timestamp) {
        let known = self.subscription(watched);
        let (before, lost) = (known.heard.replace(now), known.lost.take());
        if let (Some(from), Some(why)) = (before, lost) {
            self.untold.push(Gap { from: from.min(now), to: now, why, ..blank(watched, now) });
        }
    }

    /// Notes that a subscription was seen not to be heard. The first cause stands until it is heard
    /// again. A subscription that was never heard has no gap yet.
    pub fn lost(&mut self, watched: &Watched, why: Why) {
        let known = self.subscription(watched);
        if known.heard.is_some() {
            known.lost.get_or_insert(why);
        }
    }

    /// Notes the provider's counts of dropped events, by hook.
    pub fn counted(&mut self, watched: &Watched, counts: &[(String, u64)], now: Timestamp) {
        let known = self.subscription(watched);
        let was_heard = known.heard;
        let mut gaps = Vec::new();
        let mut before = std::mem::take(&mut known.counts);
        for (hook, dropped) in counts {
            let (from, base) = match (before.remove(hook), was_heard) {
                (Some(count), _) => (count.at, count.dropped),
                // The hook replaced another: all the events that it dropped were ours.
                (None, Some(heard)) => (heard, 0),
                // Events dropped before we knew the subscription were awaited by nobody here.
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

    /// What is known of each subscription that was seen in this run, unless a gap of it is not stored yet.
    pub fn proofs(&self) -> Vec<(String, String)> {
        let waits =
            |name: &str| self.untold.iter().any(|gap| gap.subscription.as_deref() == Some(name));
        let seen = self.subscriptions.iter().filter(|(_, known)| known.watched.is_some());
        seen.filter(|(name, _)| !waits(name))
            .map(|(name, known)| {
                let text = serde_json::to_string(known)
                    .expect("texts, times and numbers have a JSON form");
                (name.clone(), text)
            })
            .collect()
    }

    /// Takes over what another replica knew of a subscription, if that is newer.
    pub fn learn(&mut self, name: &str, proof: OfSubscription) {
        let known = self.subscriptions.entry(name.to_owned()).or_default();
        match proof.heard.cmp(&known.heard) {
            Ordering::Greater => {
                *known = OfSubscription { watched: known.watched.take(), ..proof };
            }
            // It began where we ended, and saw the subscription lost. What we saw ourselves stands.
            Ordering::Equal if proof.declaration == known.declaration => {
                known.lost = known.lost.or(proof.lost);
            }
            Ordering::Equal | Ordering::Less => {}
        }
    }

    /// The gaps that are not stored yet.
    pub fn untold(&self) -> Vec<Gap> {
        self.untold.clone()
    }

    /// Notes that a gap is stored.
    pub fn told(&mut self, gap: &Gap) {
        self.left(gap);
        self.told.push(gap.clone());
        let too_many = self.told.len().saturating_sub(MOST_TOLD);
        self.told.drain(..too_many);
    }

    /// Drops a gap that this relay is not to publish.
    pub fn left(&mut self, gap: &Gap) {
        self.untold.retain(|untold| untold != gap);
    }

    /// The last gaps, the newest first; those that have not ended come first.
    pub fn listed(&self) -> Vec<Listed> {
        let mut ended: Vec<&Gap> = self.untold.iter().chain(&self.told).collect();
        ended.sort_by_key(|gap| Reverse(gap.to));
        self.open()
            .map(|gap| Listed::open(&gap))
            .chain(ended.into_iter().map(Listed::ended))
            .collect()
    }

    /// Watches no subscription but these any more. The proofs that were found stay.
    pub fn watch_only(&mut self, subscriptions: &[String]) {
        let others =
            self.subscriptions.iter_mut().filter(|(name, _)| !subscriptions.contains(name));
        others.for_each(|(_, known)| known.watched = None);
    }

    /// The source that a subscription feeds, once it was seen in this run.
    pub fn source_of(&self, subscription: &str) -> Option<&str> {
        Some(&self.subscriptions.get(subscription)?.watched.as_ref()?.source)
    }

    /// The gaps that have not ended.
    fn open(&self) -> impl Iterator<Item = Gap> {
        self.subscriptions.values().filter_map(|known| {
            let (from, why) = (known.heard?, known.lost?);
            Some(Gap { why, ..blank(known.watched.as_ref()?, from) })
        })
    }

    /// The content of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("texts, times and numbers have a JSON form")
    }

    /// Adds a gap of a whole source, if it was longer than the provider retries.
    fn silent(
        &mut self,
        source: &str,
        provider: Provider,
        why: Why,
        (from, to): (Timestamp, Timestamp),
        limit: Duration,
    ) {
        // After a clock was set back the times say nothing.
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
        known.watched = Some(watched.clone());
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

/// The gaps of a few weeks if a hook is lost every other day; some tens of kilobytes.
const MOST_TOLD: usize = 200;

#[cfg(test)]
mod tests;
