//! Measures the cost of a notification against a request to the bare server: rounds of both in
//! turn, one point after the other, repeated.

use crate::disk;
use crate::load::{Round, Then, closed_loop};
use crate::median::{median, range};
use crate::process::{self, SystemCalls, Usage};
use crate::requests::{Requests, Shape};
use crate::servers::{Bare, broker_cpu, drained, nowhere, relay};
use clap::ValueEnum;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::kafka::Kafka;
use support::relay::Relay;

/// A point of measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Point {
    /// Kept connections, each with one request at a time.
    pub connections: usize,
    /// The size of a body in bytes.
    pub size: usize,
    /// The number of requests in a hundred that repeat an earlier one.
    pub redeliveries: usize,
    /// The reach of Kafka.
    pub kafka: Reach,
    /// The syncs of the disk.
    pub sync: Sync,
}

/// The reach of Kafka: up, or away.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Reach {
    Up,
    Away,
}

/// The data syncs: on, or replaced by nothing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Sync {
    On,
    /// For the price of the disk only; no setting of the relay does this.
    Off,
}

impl Point {
    /// The point of the first bar.
    pub const BASE: Self =
        Self { connections: 64, size: 1024, redeliveries: 0, kafka: Reach::Up, sync: Sync::On };

    /// The points of a report: the base, and variants that differ from it in one thing.
    pub fn usual() -> Vec<Self> {
        let base = Self::BASE;
        vec![
            base,
            Self { size: 350, ..base },
            Self { size: 16 << 10, ..base },
            Self { connections: 1, ..base },
            Self { connections: 16, ..base },
            Self { connections: 256, ..base },
            Self { redeliveries: 20, ..base },
            Self { kafka: Reach::Away, ..base },
            Self { sync: Sync::Off, ..base },
        ]
    }

    fn shape(self) -> Shape {
        Shape { size: self.size, redeliveries: self.redeliveries, sources: 1 }
    }

    fn name(self) -> String {
        let mut name = format!("{} × {} B", self.connections, self.size);
        if self.redeliveries > 0 {
            name.push_str(&format!(", {} % redeliveries", self.redeliveries));
        }
        if self.kafka == Reach::Away {
            name.push_str(", Kafka away");
        }
        if self.sync == Sync::Off {
            name.push_str(", no syncs");
        }
        name
    }
}

/// The number and length of the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub rounds: usize,
    /// The time of one server in one round.
    pub time: Duration,
}

/// The figures of all rounds.
pub struct Costs {
    /// The rounds of each point, in the order of the request.
    pub points: Vec<(Point, Vec<Pair>)>,
    /// System calls per answer of the relay at the base point, by group of threads. Empty without
    /// `perf`.
    pub system_calls: BTreeMap<String, f64>,
    /// System calls per answer of the bare server.
    pub bare_system_calls: f64,
    /// The peak of resident memory, in MiB, of the relay that all rounds with Kafka posted to.
    pub peak_memory: u64,
    /// Resident memory of a relay that has just started, in MiB.
    pub memory_at_rest: u64,
}

/// A round of the bare server and the next round of the relay.
#[derive(Clone, Debug)]
pub struct Pair {
    pub bare: Side,
    pub relay: Side,
    /// Microseconds of the broker's processor time per notification.
    pub broker: f64,
}

/// One server in one round.
#[derive(Clone, Debug)]
pub struct Side {
    /// Answers per second.
    pub rate: f64,
    /// The median answer in milliseconds.
    pub p50: f64,
    /// The p99 of answers in milliseconds.
    pub p99: f64,
    /// Microseconds of processor time per answer.
    pub cpu: f64,
    /// The number of times that a thread waited and was woken, per answer.
    pub waits: f64,
    /// Microseconds of processor time per answer, by group of threads.
    pub threads: BTreeMap<String, f64>,
}

/// Measures at these points.
pub async fn measure(points: &[Point], effort: Effort) -> Costs {
    let mut field = Field::new().await;
    let mut costs = Costs {
        points: points.iter().map(|point| (*point, Vec::new())).collect(),
        system_calls: BTreeMap::new(),
        bare_system_calls: 0.0,
        peak_memory: 0,
        memory_at_rest: 0,
    };
    field.warm_up(points[0], effort.time).await;
    for round in 0..=effort.rounds {
        for (point, pairs) in &mut costs.points {
            let pair = field.pair(*point, effort.time).await;
            // The first round at each point warms up.
            if round > 0 {
                pairs.push(pair);
            }
        }
    }
    field.count_system_calls(&mut costs, points[0], effort.time).await;
    if let Some(relay) = field.relays.get(&(Reach::Up, Sync::On)) {
        costs.peak_memory = process::peak_memory(relay.pid());
    }
    costs.memory_at_rest = field.memory_at_rest;
    costs
}

/// The servers that run during the measurement.
struct Field {
    kafka: Kafka,
    bare: Bare,
    relays: BTreeMap<(Reach, Sync), Relay>,
    /// The number of requests that a round may need, by the settings that change it.
    expected: BTreeMap<(usize, usize, Reach, Sync), f64>,
    memory_at_rest: u64,
}

impl Field {
    async fn new() -> Self {
        Self {
            kafka: Kafka::start_measured().await,
            bare: Bare::start(),
            relays: BTreeMap::new(),
            expected: BTreeMap::new(),
            memory_at_rest: 0,
        }
    }

    /// Starts the relay of a point unless it runs already.
    async fn start_relay(&mut self, point: Point) {
        let key = (point.kafka, point.sync);
        if self.relays.contains_key(&key) {
            return;
        }
        let mut builder = match point.kafka {
            Reach::Up => relay(1).kafka(&self.kafka),
            Reach::Away => relay(1).kafka_with(nowhere()),
        };
        if point.sync == Sync::Off {
            builder = builder.env("LD_PRELOAD", &disk::without_sync().display().to_string());
        }
        let relay = builder.start().await;
        self.memory_at_rest = process::memory(relay.pid());
        self.relays.insert(key, relay);
    }

    /// Posts rounds until the broker's cost has stopped to fall. The broker compiles its code as it
    /// goes; until then it takes several times the processor time, on the cores that the relay needs.
    async fn warm_up(&mut self, point: Point, time: Duration) {
        let (mut least, mut no_better) = (f64::MAX, 0);
        for _ in 0..WARM_UP_ROUNDS {
            let broker = self.pair(point, time).await.broker;
            no_better = if broker < 0.9 * least { 0 } else { no_better + 1 };
            least = least.min(broker);
            if no_better == WARM_AFTER {
                break;
            }
        }
    }

    async fn pair(&mut self, point: Point, time: Duration) -> Pair {
        self.start_relay(point).await;
        let key = (point.connections, point.size, point.kafka, point.sync);
        let rate = self.expected.get(&key).copied().unwrap_or(FIRST_RATE);
        let count = ((rate * time.as_secs_f64() * SPARE) as usize).max(100);
        let requests = Arc::new(Requests::make(count, point.shape()));
        let (bare, _) = self.post_bare(&requests, point, time).await;

        let relay = &self.relays[&(point.kafka, point.sync)];
        let (before, broker_before) = (Usage::of(relay.pid()), broker_cpu(&self.kafka));
        let to = relay.ingest();
        let round = closed_loop(&requests, to, point.connections, time, Then::End).await;
        if point.kafka == Reach::Up {
            drained(relay).await;
        }
        let used = Usage::of(relay.pid()).since(&before);
        let broker = broker_cpu(&self.kafka).saturating_sub(broker_before);
        assert_eq!(round.failed, 0, "the relay did not answer 200 at {}", point.name());
        self.expected.insert(key, round.rate());
        let broker = broker.as_secs_f64() * 1e6 / round.answered as f64;
        Pair { bare, relay: Side::of(&round, &used), broker }
    }

    async fn post_bare(
        &self,
        requests: &Arc<Requests>,
        point: Point,
        time: Duration,
    ) -> (Side, usize) {
        let before = Usage::of(self.bare.pid());
        let to = self.bare.address;
        let round = closed_loop(requests, to, point.connections, time, Then::Repeat).await;
        assert_eq!(round.failed, 0, "the bare server answers 200");
        (Side::of(&round, &Usage::of(self.bare.pid()).since(&before)), round.answered)
    }

    /// Counts system calls in rounds of their own, because counting costs a little.
    async fn count_system_calls(&mut self, costs: &mut Costs, point: Point, time: Duration) {
        let count = (FIRST_RATE * time.as_secs_f64()) as usize;
        let requests = Arc::new(Requests::make(count, point.shape()));
        let Some(calls) = SystemCalls::count(self.bare.pid()) else { return };
        let (_, answered) = self.post_bare(&requests, point, time).await;
        let calls: u64 = calls.stop().values().sum();
        costs.bare_system_calls = calls as f64 / answered as f64;
        let relay = &self.relays[&(point.kafka, point.sync)];
        let Some(calls) = SystemCalls::count(relay.pid()) else { return };
        let to = relay.ingest();
        let round = closed_loop(&requests, to, point.connections, time, Then::End).await;
        if point.kafka == Reach::Up {
            drained(relay).await;
        }
        let each = |(name, calls): (String, u64)| (name, calls as f64 / round.answered as f64);
        costs.system_calls = calls.stop().into_iter().map(each).collect();
    }
}

impl Side {
    fn of(round: &Round, used: &Usage) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / round.answered as f64;
        Self {
            rate: round.rate(),
            p50: round.quantile(0.5),
            p99: round.quantile(0.99),
            cpu: each(used.cpu()),
            waits: used.waits() as f64 / round.answered as f64,
            threads: used
                .threads
                .iter()
                .map(|(name, used)| (name.clone(), each(used.cpu)))
                .collect(),
        }
    }
}

/// The median of a figure over the rounds at a point.
pub fn at(pairs: &[Pair], figure: impl Fn(&Pair) -> f64) -> f64 {
    median(&pairs.iter().map(figure).collect::<Vec<_>>())
}

impl Costs {
    /// The rounds at a point.
    pub fn find(&self, point: Point) -> Option<&[Pair]> {
        self.points.iter().find(|(at, _)| *at == point).map(|(_, pairs)| pairs.as_slice())
    }

    /// Writes all points as a table.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| connections × body | relay/s | bare/s | relay/bare | CPU µs | bare | ratio (least, most) \
             | waits | p50 ms (bare) | p99 ms (bare) | broker µs |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for (point, pairs) in &self.points {
            let ratios: Vec<f64> = pairs.iter().map(Pair::cpu_ratio).collect();
            let (least, most) = range(&ratios);
            table.push_str(&format!(
                "| {} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} | **{:.2}** ({least:.2}, {most:.2}) | {:.2} \
                 | {:.2} ({:.2}) | {:.2} ({:.2}) | {:.1} |\n",
                point.name(),
                at(pairs, |pair| pair.relay.rate),
                at(pairs, |pair| pair.bare.rate),
                at(pairs, Pair::rate_ratio),
                at(pairs, |pair| pair.relay.cpu),
                at(pairs, |pair| pair.bare.cpu),
                median(&ratios),
                at(pairs, |pair| pair.relay.waits),
                at(pairs, |pair| pair.relay.p50),
                at(pairs, |pair| pair.bare.p50),
                at(pairs, |pair| pair.relay.p99),
                at(pairs, |pair| pair.bare.p99),
                at(pairs, |pair| pair.broker),
            ));
        }
        table
    }

    /// Writes the threads at the first point as a table.
    pub fn thread_table(&self) -> String {
        let (point, pairs) = &self.points[0];
        let bare = at(pairs, |pair| pair.bare.cpu);
        let mut table = format!(
            "Of {} ({}), each notification:\n\n\
             | threads | CPU µs | in requests of the bare server | system calls |\n|---|--:|--:|--:|\n",
            "the relay",
            point.name()
        );
        let names: BTreeSet<&String> =
            pairs.iter().flat_map(|pair| pair.relay.threads.keys()).collect();
        let mut rows: Vec<(&str, f64)> = names
            .into_iter()
            .map(|name| {
                let of = |pair: &Pair| pair.relay.threads.get(name).copied().unwrap_or(0.0);
                (name.as_str(), at(pairs, of))
            })
            .collect();
        rows.sort_by(|one, other| other.1.total_cmp(&one.1));
        let calls = |calls: f64| match self.system_calls.is_empty() {
            true => "not counted".to_owned(),
            false => format!("{calls:.2}"),
        };
        for (name, cpu) in rows.into_iter().filter(|(_, cpu)| *cpu >= SHOWN_FROM) {
            let made = self.system_calls.get(name).copied().unwrap_or(0.0);
            table.push_str(&format!(
                "| {name} | {cpu:.2} | {:.2} | {} |\n",
                cpu / bare,
                calls(made)
            ));
        }
        let relay = at(pairs, |pair| pair.relay.cpu);
        let sum = calls(self.system_calls.values().sum());
        table.push_str(&format!("| all | {relay:.2} | {:.2} | {sum} |\n", relay / bare));
        let made = calls(self.bare_system_calls);
        table.push_str(&format!("| the bare server | {bare:.2} | 1.00 | {made} |\n"));
        let broker = at(pairs, |pair| pair.broker);
        table.push_str(&format!("| the Kafka broker | {broker:.2} | {:.2} | |\n", broker / bare));
        table
    }
}

impl Pair {
    /// The relay's processor time per answer, divided by the bare server's.
    pub fn cpu_ratio(&self) -> f64 {
        self.relay.cpu / self.bare.cpu
    }

    /// The relay's rate of answers, divided by the bare server's.
    pub fn rate_ratio(&self) -> f64 {
        self.relay.rate / self.bare.rate
    }
}

/// The most rounds before those that count.
const WARM_UP_ROUNDS: usize = 20;
/// The broker is warm after so many rounds that were not a tenth cheaper than the cheapest before.
const WARM_AFTER: usize = 3;
/// The number of requests made for a first round: as many as the quickest relay so far answers.
const FIRST_RATE: f64 = 50_000.0;
/// The factor by which a round may be quicker than the one before.
const SPARE: f64 = 1.5;
/// Threads that take fewer microseconds per notification than this appear only in the sum.
const SHOWN_FROM: f64 = 0.05;
