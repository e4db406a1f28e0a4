//! The bars: each promised figure beside the measured one.

use crate::backlog::Drained;
use crate::cost::{Costs, Pair, Point, at};
use crate::disk::SyncCost;
use crate::growth::{Cause, Curve};
use crate::latency::Latency;
use crate::median::median;

/// The rows of the table of bars.
#[derive(Debug, Default)]
pub struct Bars(Vec<String>);

impl Bars {
    /// Writes the table.
    pub fn table(&self) -> String {
        let head = "| what | bar | measured | |\n|---|---|---|---|\n";
        self.0.iter().fold(head.to_owned(), |table, row| table + row)
    }

    fn at_most(&mut self, what: &str, bar: f64, unit: &str, measured: f64) {
        let verdict = if measured <= bar { "met" } else { "**missed**" };
        self.0.push(format!("| {what} | ≤ {bar:.1}{unit} | {measured:.2}{unit} | {verdict} |\n"));
    }

    fn at_least(&mut self, what: &str, bar: f64, unit: &str, measured: f64) {
        let verdict = if measured >= bar { "met" } else { "**missed**" };
        self.0.push(format!("| {what} | ≥ {bar:.1}{unit} | {measured:.2}{unit} | {verdict} |\n"));
    }

    /// The bars on cost and memory at full speed.
    pub fn cost(&mut self, costs: &Costs) {
        for point in [Point::BASE, Point { size: 350, ..Point::BASE }] {
            let Some(pairs) = costs.find(point) else { continue };
            let size = point.size;
            let what = format!(
                "CPU of the relay a notification against the bare server's a request, {size} B"
            );
            self.at_most(&what, 2.0, "", at(pairs, Pair::cpu_ratio));
            let what = format!("accepted a second against the bare server, {size} B");
            self.at_least(&what, 0.5, "", at(pairs, Pair::rate_ratio));
        }
        self.at_most("memory at rest", 40.0, " MiB", costs.memory_at_rest as f64);
        self.at_most("memory at full speed, at most", 150.0, " MiB", costs.peak_memory as f64);
    }

    /// The bars on answers at a fixed rate.
    pub fn latency(&mut self, latency: &Latency, sync: SyncCost) {
        let bar = median(&latency.bare.p50) + 1.5 * sync.median;
        for (kafka, waits) in [("up", &latency.up), ("away", &latency.away)] {
            let what = format!(
                "median answer at 2,000/s, Kafka {kafka}: the bare server's and one and a half syncs"
            );
            self.at_most(&what, bar, " ms", median(&waits.p50));
            let what = format!("p99 at 2,000/s, Kafka {kafka}");
            self.at_most(&what, 5.0, " ms", median(&waits.p99));
        }
    }

    /// The bars on a backlog.
    pub fn backlog(&mut self, drained: &Drained) {
        self.at_least("drain of a backlog, exactly once", 120.0, " k/s", drained.rate / 1e3);
        self.at_most("p99 beside it at 1,000/s", 20.0, " ms", drained.p99);
        self.at_most("memory while 1 M records drain", 200.0, " MiB", drained.peak_memory as f64);
    }

    /// The bars on a window of many ids.
    pub fn ids(&mut self, curve: &Curve) {
        assert_eq!(curve.cause, Cause::Ids, "the curve of ids");
        for place in &curve.places {
            if place.at == 1_000_000 {
                self.at_most("memory with 1 M ids", 120.0, " MiB", place.memory as f64);
            }
            if place.at == 10_000_000 {
                let what = "first 200 after a start with 1 M pending and 10 M ids";
                self.at_most(what, 2.0, " s", place.first_answer);
            }
        }
    }
}
