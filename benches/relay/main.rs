//! Measures the relay as ratios in one run: `cargo bench --bench relay -- --help`.
//!
//! Starts a real Kafka, the relay and a bare actix server, and posts to them in turn from this
//! process, on the same machine. The result is the ratio of neighbouring rounds.

mod backlog;
mod bare;
mod bars;
mod cost;
mod disk;
mod growth;
mod latency;
mod load;
mod median;
mod memory;
mod outage;
mod page;
mod plot;
mod prepared;
mod process;
mod requests;
mod servers;

use bars::Bars;
use clap::{Args, Parser, Subcommand};
use cost::{Costs, Effort, Point, Reach, Sync};
use growth::{Cause, Curve};
use page::{Keep, picture, put};
use std::time::{Duration, Instant};

/// Measures the relay.
#[derive(Debug, Parser)]
struct Bench {
    /// Passed by `cargo bench`; has no effect.
    #[arg(long, hide = true, global = true)]
    bench: bool,
    #[command(subcommand)]
    measure: Option<Measure>,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Everything, in some twenty minutes; fills docs/PERFORMANCE.md.
    Report {
        /// Rounds of each server at each point.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// The cost of a notification, against a request to the bare server.
    Cost(CostArgs),
    /// A sender's wait at a fixed rate.
    Latency {
        /// Requests per second.
        #[arg(long, default_value_t = RATE)]
        rate: u32,
        /// For how long.
        #[arg(long, default_value_t = 3)]
        seconds: u32,
        /// Rounds of each server.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// The drain of a backlog, its memory, and the senders' waits during it.
    Backlog {
        /// Records.
        #[arg(long, default_value_t = 1_000_000)]
        records: u64,
        /// Bytes of a body.
        #[arg(long, default_value_t = 350)]
        size: usize,
        /// Requests a second while it drains.
        #[arg(long, default_value_t = 1_000)]
        beside: u32,
    },
    /// The growth of cost with its causes; all causes unless some are named.
    Growth {
        /// The causes.
        causes: Vec<Cause>,
    },
    /// The memory over a long outage of Kafka; fills its place on the page.
    Outage {
        /// How long it takes.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
        /// Requests per second.
        #[arg(long, default_value_t = 200)]
        rate: u32,
    },
    /// The bare server; started by the others.
    #[command(hide = true)]
    Bare,
}

/// All points of the report, or one of your own.
#[derive(Clone, Debug, Args)]
struct CostArgs {
    /// Rounds of each server at each point.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each server in a round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Measure one point only, with so many connections (64 if anything else is given).
    #[arg(long)]
    connections: Option<usize>,
    /// Measure one point only, with bodies of so many bytes (1024).
    #[arg(long)]
    size: Option<usize>,
    /// Measure one point only, with so many redeliveries among a hundred requests (0).
    #[arg(long)]
    redeliveries: Option<usize>,
    /// Measure one point only, with Kafka there or not (up).
    #[arg(long)]
    kafka: Option<Reach>,
    /// Measure one point only, with data syncs or without, for the price of the disk (on).
    #[arg(long)]
    sync: Option<Sync>,
}

impl CostArgs {
    fn points(&self) -> Vec<Point> {
        let base = Point::BASE;
        let own = Point {
            connections: self.connections.unwrap_or(base.connections),
            size: self.size.unwrap_or(base.size),
            redeliveries: self.redeliveries.unwrap_or(base.redeliveries),
            kafka: self.kafka.unwrap_or(base.kafka),
            sync: self.sync.unwrap_or(base.sync),
        };
        let is_asked = [self.connections, self.size, self.redeliveries].iter().any(Option::is_some)
            || self.kafka.is_some()
            || self.sync.is_some();
        if is_asked { vec![own] } else { Point::usual() }
    }
}

fn main() {
    let bench = Bench::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match bench.measure {
        Some(Measure::Bare) => {
            actix_web::rt::System::new().block_on(bare::serve()).expect("it serves");
        }
        Some(Measure::Report { rounds }) => runtime.block_on(report(rounds)),
        Some(Measure::Cost(asked)) => {
            let effort =
                Effort { rounds: asked.rounds, time: Duration::from_secs_f64(asked.seconds) };
            show_costs(Keep::No, &runtime.block_on(cost::measure(&asked.points(), effort)));
        }
        Some(Measure::Latency { rate, seconds, rounds }) => {
            let latency = runtime.block_on(latency::measure(rate, seconds, rounds));
            put(Keep::No, "latency", &latency.table(rate));
        }
        Some(Measure::Backlog { records, size, beside }) => {
            let drained = runtime.block_on(backlog::measure(records, size, beside));
            put(Keep::No, "backlog of a million", &drained.told(beside));
        }
        Some(Measure::Growth { causes }) => {
            let causes = if causes.is_empty() { CAUSES.to_vec() } else { causes };
            for cause in causes {
                show_curve(Keep::No, &runtime.block_on(growth::measure(cause)));
            }
        }
        Some(Measure::Outage { minutes, rate }) => {
            let outage = runtime.block_on(outage::measure(minutes, rate));
            put(Keep::Yes, "outage", &outage.table());
        }
        // A smoke test of seconds, for those who run all benches.
        None => {
            let effort = Effort { rounds: 1, time: Duration::from_millis(200) };
            show_costs(Keep::No, &runtime.block_on(cost::measure(&[Point::BASE], effort)));
        }
    }
}

/// Measures everything. Each part is on the page as soon as it is measured, so a run that is cut
/// short keeps its results.
async fn report(rounds: usize) {
    let sync = disk::sync_cost();
    let parts = format!(
        "A data sync of 16 KiB took {:.2} ms in the median, {:.2} ms at p99; memory was copied at {:.1} GB/s.",
        sync.median,
        sync.p99,
        memory::copy_speed()
    );
    put(Keep::Yes, "circumstances", &format!("{} {parts}", page::circumstances()));
    let mut bars = Bars::default();
    let began = Instant::now();
    let so_far = |bars: &Bars, what: &str| {
        eprintln!("{what} done after {:.0} s", began.elapsed().as_secs_f64());
        put(Keep::Yes, "bars", &bars.table());
    };

    let effort = Effort { rounds, time: Duration::from_secs(1) };
    let costs = cost::measure(&Point::usual(), effort).await;
    show_costs(Keep::Yes, &costs);
    bars.cost(&costs);
    so_far(&bars, "cost");
    let latency = latency::measure(RATE, 3, rounds).await;
    put(Keep::Yes, "latency", &latency.table(RATE));
    bars.latency(&latency, sync);
    so_far(&bars, "latency");
    let drained = backlog::measure(1_000_000, 350, 1_000).await;
    put(Keep::Yes, "backlog of a million", &drained.told(1_000));
    bars.backlog(&drained);
    so_far(&bars, "a backlog");
    for cause in CAUSES {
        let curve = growth::measure(cause).await;
        show_curve(Keep::Yes, &curve);
        if cause == Cause::Ids {
            bars.ids(&curve);
        }
        so_far(&bars, cause.name());
    }
}

fn show_costs(keep: Keep, costs: &Costs) {
    put(keep, "cost", &costs.table());
    put(keep, "threads", &costs.thread_table());
}

fn show_curve(keep: Keep, curve: &Curve) {
    put(keep, curve.cause.name(), &curve.table());
    if keep == Keep::Yes {
        plot::curve(curve, &picture(curve.cause.name())).expect("the picture can be drawn");
    }
}

const CAUSES: [Cause; 5] = [Cause::Rate, Cause::Size, Cause::Sources, Cause::Ids, Cause::Backlog];

/// The rate, in requests per second, for which latency is promised.
const RATE: u32 = 2_000;
