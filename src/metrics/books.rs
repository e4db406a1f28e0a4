//! The books as series: records received, waiting and published, from one look at the spool.
//!
//! # Promises
//! - The figures of one scrape balance: they are read in one critical section of the spool.
//!
//! Knows nothing of the registry, or of other counters.

use crate::event::gap::Why;
use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::ingest::accounts::Kind;
use crate::kafka::outcome::Trouble;
use crate::metrics::series::{counters, float_gauges, gauges};
use crate::metrics::sources::Sources;
use crate::spool::Spool;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntGauge, IntGaugeVec};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The spool's bounds, exported beside the values that they bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes that may wait.
    pub max_bytes: u64,
    /// The bytes of the disk that stay free.
    pub disk_reserve: u64,
}

/// The books of the spool as series, from one look.
pub(super) struct Books {
    pub(super) spool: Spool,
    pub(super) sources: Arc<Sources>,
    pub(super) limits: Limits,
    /// Records that Kafka refused for good, by reason.
    pub(super) refused: Vec<(Trouble, IntCounter)>,
    /// 1 while a topic's lane is set aside; the drain writes it.
    pub(super) lane_trouble: IntGaugeVec,
}

impl Collector for Books {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // The sources first: otherwise a source that has just joined would be looked up in older
        // books.
        let sources = self.sources.all();
        let look = self.spool.books();
        let notifications = counters(
            "cadrelay_notifications_total",
            "Notifications received, by source and what the sender was told.",
            &["source", "outcome"],
        );
        let events = counters(
            "cadrelay_events_total",
            "Events accepted for the first time, by provider and group.",
            &["provider", "group"],
        );
        let quarantined = counters(
            "cadrelay_quarantined_total",
            "Bodies and records put into quarantine, by reason.",
            &["reason"],
        );
        let replayed = IntCounter::new(
            "cadrelay_replayed_total",
            "Records put through the relay again; they were received, and counted, before.",
        )
        .expect("the name is legal");
        let gaps = counters(
            "cadrelay_gaps_total",
            "Gaps that were told to consumers, by cause.",
            &["why"],
        );
        for why in Why::ALL {
            gaps.with_label_values(&[why.as_str()]);
        }
        for provider in Provider::ALL {
            for group in Group::of(provider) {
                events.with_label_values(&[provider.as_str(), group.as_str()]);
            }
        }
        for reason in Reason::ALL {
            quarantined.with_label_values(&[reason.as_str()]);
        }
        for inlet in &sources {
            let outcome =
                |outcome: &str| notifications.with_label_values(&[inlet.name.as_str(), outcome]);
            let (accepted, in_quarantine) = (outcome("accepted"), outcome("quarantined"));
            for (account, kind) in inlet.accounts.kinds() {
                let records = look.in_account(account);
                match kind {
                    Kind::Accepted(group) => {
                        accepted.inc_by(records);
                        let labels = [inlet.provider.as_str(), group.as_str()];
                        events.with_label_values(&labels).inc_by(records);
                    }
                    Kind::Quarantined(reason) => {
                        in_quarantine.inc_by(records);
                        quarantined.with_label_values(&[reason.as_str()]).inc_by(records);
                    }
                    Kind::Gap(why) => gaps.with_label_values(&[why.as_str()]).inc_by(records),
                    Kind::Replayed => replayed.inc_by(records),
                }
            }
            let answers = &inlet.answers;
            outcome("duplicate").inc_by(answers.duplicate.load(Ordering::Relaxed));
            outcome("unproven").inc_by(answers.unproven.load(Ordering::Relaxed));
            outcome("malformed").inc_by(answers.malformed.load(Ordering::Relaxed));
            outcome("too_large").inc_by(answers.too_large.load(Ordering::Relaxed));
            outcome("unavailable").inc_by(answers.unavailable.load(Ordering::Relaxed));
        }
        for (trouble, counter) in &self.refused {
            let reason = match trouble {
                Trouble::TooLarge => Reason::TooLargeForKafka,
                _ => Reason::InvalidRecord,
            };
            quarantined.with_label_values(&[reason.as_str()]).inc_by(counter.get());
        }
        let mut families: Vec<MetricFamily> = [notifications, events, quarantined, gaps]
            .iter()
            .flat_map(Collector::collect)
            .collect();
        families.extend(replayed.collect());
        families.extend(self.lanes(&look));
        families.extend(self.store(look.recovered));
        families
    }
}

impl Books {
    fn lanes(&self, look: &crate::spool::lanes::Books) -> Vec<MetricFamily> {
        let published = counters(
            "cadrelay_published_total",
            "Records committed in Kafka, by topic.",
            &["topic"],
        );
        let pending =
            gauges("cadrelay_spool_pending", "Records that wait for Kafka, by topic.", &["topic"]);
        let oldest = float_gauges(
            "cadrelay_spool_oldest_seconds",
            "Age of the oldest record that waits, by topic; 0 if none waits.",
            &["topic"],
        );
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
        for lane in look.used() {
            let topic = [&*lane.topic];
            // A topic without trouble has the series, too.
            self.lane_trouble.with_label_values(&topic);
            published.with_label_values(&topic).inc_by(lane.published);
            pending.with_label_values(&topic).set(lane.pending as i64);
            let since = if lane.pending > 0 { self.spool.oldest(lane.number) } else { None };
            let age = since.map_or(0, |since| now.saturating_sub(since));
            oldest.with_label_values(&topic).set(age as f64 / 1000.0);
        }
        let withdrawn = IntCounter::new(
            "cadrelay_dedup_withdrawn_total",
            "Records that were not published, because another replica published the same event.",
        )
        .expect("the name is legal");
        withdrawn.inc_by(look.lanes.iter().map(|lane| lane.withdrawn).sum());
        [
            published.collect(),
            pending.collect(),
            oldest.collect(),
            self.lane_trouble.collect(),
            withdrawn.collect(),
        ]
        .concat()
    }

    fn store(&self, recovered: u64) -> Vec<MetricFamily> {
        let figures = self.spool.figures();
        let single = |name: &str, help: &str, value: u64| {
            let gauge = IntGauge::new(name, help).expect("the name is legal");
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.collect()
        };
        [
            single(
                "cadrelay_spool_recovered",
                "Records that waited when this run began.",
                recovered,
            ),
            single(
                "cadrelay_spool_bytes",
                "Bytes of records that wait for Kafka.",
                figures.pending_bytes,
            ),
            single(
                "cadrelay_spool_max_bytes",
                "The most bytes that may wait; past it notifications are answered 503.",
                self.limits.max_bytes,
            ),
            single(
                "cadrelay_spool_disk_free_bytes",
                "Bytes to compare with the reserve: those free on the spool's disk, and those laid out and not used yet.",
                figures.disk_free,
            ),
            single(
                "cadrelay_spool_disk_reserve_bytes",
                "Bytes of the spool's disk that are left for the log's own work; with less notifications are \
                 answered 503.",
                self.limits.disk_reserve,
            ),
            single(
                "cadrelay_window_ids",
                "Event ids that are remembered to recognise redeliveries, about.",
                figures.ids,
            ),
        ]
        .concat()
    }
}
