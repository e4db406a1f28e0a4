//! Every series that the relay exports: names, labels and help, in one place.
//!
//! # Promises
//! - Labels come from closed sets and from configured names; all of them start at zero.
//! - The figures of P6 are read in one look at the spool, so that they balance at every scrape.

use crate::drain::status::{Meters as DrainMeters, Restart};
use crate::event::gap::Why;
use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::http::meters::{Answers, SourceMeters};
use crate::ingest::accounts::{Accounts, Kind};
use crate::kafka::outcome::Trouble;
use crate::spool::{LaneId, Meters as SpoolMeters, Spool};
use crate::webhooks::keeper::Keeper;
use crate::webhooks::plan::Action;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// All series, in a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// What the spool measures.
    pub spool: SpoolMeters,
    /// What the drain measures.
    pub drain: DrainMeters,
    request_duration: HistogramVec,
    last_notification: GaugeVec,
}

/// A source as the books know it.
#[derive(Clone, Debug)]
pub struct Inlet {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: Provider,
    /// Its accounts in the spool.
    pub accounts: Accounts,
    /// Its other counters.
    pub answers: Arc<Answers>,
}

impl Metrics {
    /// Registers everything that does not depend on the spool. `topics` are all topics of lanes.
    pub fn new(topics: &[String]) -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        let spool = SpoolMeters {
            commit_duration: register.histogram(
                "cadrelay_commit_duration_seconds",
                "Time of one commit to disk, with its sync.",
                COMMIT_SECONDS,
            ),
            commit_records: register.histogram(
                "cadrelay_commit_records",
                "Records in one commit to disk.",
                COMMIT_RECORDS,
            ),
        };
        let drain = drain_meters(&register, topics);
        let request_duration = HistogramVec::new(
            HistogramOpts::new(
                "cadrelay_request_duration_seconds",
                "Time from a notification's last byte to its answer.",
            )
            .buckets(REQUEST_SECONDS.to_vec()),
            &["source"],
        )
        .expect("the name and label are legal");
        register.register(request_duration.clone());
        let last_notification = float_gauges(
            "cadrelay_last_notification_timestamp_seconds",
            "When the last notification that was answered 200 came; 0 before the first.",
            &["source"],
        );
        register.register(last_notification.clone());
        // Counted at zero where nothing is shared, so that its alert stands on a series that exists.
        let degraded = IntCounter::new(
            "cadrelay_dedup_degraded_total",
            "Notifications that were accepted without asking the window that replicas share.",
        )
        .expect("the name is legal");
        register.register(degraded);
        let build = register.gauges("cadrelay_build_info", "1, with the version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        register.register(prometheus::process_collector::ProcessCollector::for_self());
        Self { registry, spool, drain, request_duration, last_notification }
    }

    /// The series of a source.
    pub fn source(&self, name: &str) -> SourceMeters {
        SourceMeters {
            duration: self.request_duration.with_label_values(&[name]),
            last_notification: self.last_notification.with_label_values(&[name]),
            answers: Arc::default(),
        }
    }

    /// Registers what is read from the spool at each scrape.
    pub fn watch(&self, spool: Spool, inlets: Vec<Inlet>, limits: Limits) {
        let refused = self.drain.refused.clone();
        let books = Books { spool, inlets, limits, refused: refused.into_iter().collect() };
        Register(&self.registry).register(books);
    }

    /// Registers what the keeper knows of each subscription at each scrape.
    pub fn keep(&self, keeper: Arc<Keeper>) {
        let described = SubscriptionSeries::new();
        Register(&self.registry).register(Subscriptions { keeper, described });
    }

    /// All series.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }
}

/// The spool's bounds, which are exported beside what they bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes that may wait.
    pub max_bytes: u64,
    /// The bytes of the disk that are left free.
    pub disk_reserve: u64,
}

fn drain_meters(register: &Register<'_>, topics: &[String]) -> DrainMeters {
    let errors = register.counters(
        "cadrelay_publish_errors_total",
        "Attempts to reach Kafka or to publish that failed, by kind.",
        &["kind"],
    );
    let restarts = register.counters(
        "cadrelay_kafka_producer_restarts_total",
        "Kafka producers that were ended and made anew, by reason.",
        &["reason"],
    );
    let lane_trouble = register.gauges(
        "cadrelay_lane_trouble",
        "1 while the records of a topic are set aside because it does not take them.",
        &["topic"],
    );
    for topic in topics {
        lane_trouble.with_label_values(&[topic]).set(0);
    }
    let counters = |vec: &IntCounterVec, label: &str| vec.with_label_values(&[label]);
    DrainMeters {
        up: register.gauge("cadrelay_kafka_up", "1 if Kafka answered when it was last asked."),
        last_success: register.float_gauge(
            "cadrelay_kafka_last_success_timestamp_seconds",
            "When Kafka last took records or answered; 0 before the first time.",
        ),
        errors: Trouble::COUNTED
            .into_iter()
            .map(|trouble| (trouble, counters(&errors, trouble.as_str())))
            .collect(),
        restarts: Restart::ALL
            .into_iter()
            .map(|restart| (restart, counters(&restarts, restart.as_str())))
            .collect(),
        refused: [Trouble::TooLarge, Trouble::Invalid]
            .into_iter()
            .map(|trouble| {
                let name = format!("refused_{}", trouble.as_str());
                (trouble, IntCounter::new(name, "inner").expect("the name is legal"))
            })
            .collect(),
        delay: register.histogram(
            "cadrelay_publish_delay_seconds",
            "Time from an event's commit to disk to its commit in Kafka.",
            DELAY_SECONDS,
        ),
        lane_trouble,
    }
}

/// The books of the spool as series, from one look.
struct Books {
    spool: Spool,
    inlets: Vec<Inlet>,
    limits: Limits,
    /// Records that Kafka refused for good, by why.
    refused: Vec<(Trouble, IntCounter)>,
}

impl Collector for Books {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
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
        for inlet in &self.inlets {
            let outcome =
                |outcome: &str| notifications.with_label_values(&[inlet.name.as_str(), outcome]);
            let (accepted, in_quarantine) = (outcome("accepted"), outcome("quarantined"));
            for (account, kind) in inlet.accounts.kinds() {
                let records = look.committed[account.index()];
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
        for (lane, number) in look.lanes.iter().zip((0_u16..).map(LaneId)) {
            let topic = [&*lane.topic];
            published.with_label_values(&topic).inc_by(lane.published);
            pending.with_label_values(&topic).set(lane.pending as i64);
            let since = if lane.pending > 0 { self.spool.oldest(number) } else { None };
            let age = since.map_or(0, |since| now.saturating_sub(since));
            oldest.with_label_values(&topic).set(age as f64 / 1000.0);
        }
        [published.collect(), pending.collect(), oldest.collect()].concat()
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
                "Bytes of the spool's disk for the store's own work, its journal among it; with less \
                 notifications are answered 503.",
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

/// What the keeper knows as series, from one look.
struct Subscriptions {
    keeper: Arc<Keeper>,
    /// The registry tells collectors apart by these; [`Books`] is the one that has none.
    described: SubscriptionSeries,
}

struct SubscriptionSeries {
    up: IntGaugeVec,
    dropped: IntGaugeVec,
    last_ping: GaugeVec,
    repairs: IntCounterVec,
    errors: IntCounterVec,
}

impl SubscriptionSeries {
    fn new() -> Self {
        let subscription = &["subscription"];
        Self {
            up: gauges(
                "cadrelay_subscription_up",
                "1 if the subscription exists, is active and as declared, and its last ping came \
                 back.",
                subscription,
            ),
            dropped: gauges(
                "cadrelay_subscription_dropped_events",
                "Events of the subscription that Onshape gave up on, as it counts them; 0 for APS.",
                subscription,
            ),
            last_ping: float_gauges(
                "cadrelay_subscription_last_ping_timestamp_seconds",
                "When the last ping came back; 0 before the first, and for APS, which has none.",
                subscription,
            ),
            repairs: counters(
                "cadrelay_subscription_repairs_total",
                "Repairs of a subscription at its provider, by kind.",
                &["subscription", "action"],
            ),
            errors: counters(
                "cadrelay_subscription_errors_total",
                "Looks at a subscription, repairs and pings that failed.",
                subscription,
            ),
        }
    }

    fn all(&self) -> [&dyn Collector; 5] {
        [&self.up, &self.dropped, &self.last_ping, &self.repairs, &self.errors]
    }
}

impl Collector for Subscriptions {
    fn desc(&self) -> Vec<&Desc> {
        self.described.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let series = SubscriptionSeries::new();
        for health in self.keeper.health(jiff::Timestamp::now()) {
            let name = &[health.subscription.as_str()];
            series.up.with_label_values(name).set(health.is_up.into());
            let dropped = i64::try_from(health.dropped_events.unwrap_or(0)).unwrap_or(i64::MAX);
            series.dropped.with_label_values(name).set(dropped);
            let seen = health.last_ping.map_or(0, jiff::Timestamp::as_millisecond);
            series.last_ping.with_label_values(name).set(seen as f64 / 1000.0);
            // The keeper never removes anything.
            for action in [Action::Create, Action::Update, Action::Replace] {
                let count = health.repairs.get(&action).copied().unwrap_or(0);
                series.repairs.with_label_values(&[name[0], action.as_str()]).inc_by(count);
            }
            series.errors.with_label_values(name).inc_by(health.errors);
        }
        series.all().into_iter().flat_map(Collector::collect).collect()
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

fn float_gauges(name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    GaugeVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

/// Makes series and registers them.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn register(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("every series has a name of its own");
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = Histogram::with_opts(options).expect("the name is legal");
        self.register(histogram.clone());
        histogram
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters = counters(name, help, labels);
        self.register(counters.clone());
        counters
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = gauges(name, help, labels);
        self.register(gauges.clone());
        gauges
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help).expect("the name is legal");
        self.register(gauge.clone());
        gauge
    }

    fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::new(name, help).expect("the name is legal");
        self.register(gauge.clone());
        gauge
    }
}

/// 0.1 ms to 10 s.
const COMMIT_SECONDS: &[f64] = &[
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];
/// 0.1 ms to 10 s; the senders give up after five and six.
const REQUEST_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
const COMMIT_RECORDS: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];
/// 1 ms to 1 h.
const DELAY_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0,
];
