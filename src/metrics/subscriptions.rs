//! The keeper's knowledge of each subscription as series, from one look.
//!
//! Knows nothing of the registry.

use crate::metrics::series::{counters, float_gauges, gauges};
use crate::webhooks::keeper::{Duty, Keeper};
use crate::webhooks::plan::Action;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec};
use std::sync::Arc;

/// The keeper's knowledge of each subscription as series, from one look.
pub(super) struct Subscriptions {
    keeper: Arc<Keeper>,
    /// The descriptions, by which the registry tells collectors apart; the books are the only
    /// collector without any.
    described: SubscriptionSeries,
}

impl Subscriptions {
    /// The series of this keeper.
    pub(super) fn of(keeper: Arc<Keeper>) -> Self {
        Self { keeper, described: SubscriptionSeries::new() }
    }
}

struct SubscriptionSeries {
    active: IntGaugeVec,
    declared: IntGaugeVec,
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
            active: gauges(
                "cadrelay_keeper_active",
                "1 if this replica looks after the subscriptions and publishes gaps.",
                &[],
            ),
            declared: gauges(
                "cadrelay_keeper_subscriptions",
                "Subscriptions that the configuration declares with keep, whichever replica looks \
                 after them.",
                &[],
            ),
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

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.active,
            &self.declared,
            &self.up,
            &self.dropped,
            &self.last_ping,
            &self.repairs,
            &self.errors,
        ]
    }
}

impl Collector for Subscriptions {
    fn desc(&self) -> Vec<&Desc> {
        self.described.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let series = SubscriptionSeries::new();
        let is_active = self.keeper.duty() == Duty::Here;
        series.active.with_label_values::<&str>(&[]).set(is_active.into());
        let declared = i64::try_from(self.keeper.declared()).unwrap_or(i64::MAX);
        series.declared.with_label_values::<&str>(&[]).set(declared);
        // Another replica has the series of the subscriptions then.
        let health =
            if is_active { self.keeper.health(jiff::Timestamp::now()) } else { Vec::new() };
        for health in health {
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
