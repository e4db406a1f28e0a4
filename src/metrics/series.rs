//! Makes series and registers them: every name and label here is legal, or a test fails.
//!
//! Knows nothing of the measured values.

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

pub(super) fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

pub(super) fn float_gauges(name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    GaugeVec::new(Opts::new(name, help), labels).expect("the name and labels are legal")
}

/// Makes series and registers them.
pub(super) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    pub(super) fn register(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("every series has a name of its own");
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = Histogram::with_opts(options).expect("the name is legal");
        self.register(histogram.clone());
        histogram
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters = counters(name, help, labels);
        self.register(counters.clone());
        counters
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::new(name, help).expect("the name is legal");
        self.register(counter.clone());
        counter
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = gauges(name, help, labels);
        self.register(gauges.clone());
        gauges
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help).expect("the name is legal");
        self.register(gauge.clone());
        gauge
    }

    pub(super) fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::new(name, help).expect("the name is legal");
        self.register(gauge.clone());
        gauge
    }
}
