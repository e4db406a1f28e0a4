//! Measures the growth of cost with its causes: one curve each for rate, size of bodies, sources,
//! remembered ids and backlog.

use crate::load::{Then, closed_loop, fixed_rate};
use crate::median::median;
use crate::prepared;
use crate::process::{self, Usage};
use crate::requests::{Requests, Shape};
use crate::servers::{drained, nowhere, relay};
use clap::ValueEnum;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::kafka::Kafka;
use support::relay::Relay;
use support::tools::scratch;

/// The cause that grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Cause {
    /// Notifications per second.
    Rate,
    /// Bytes of a body.
    Size,
    /// Configured sources, all of them posted to.
    Sources,
    /// Ids in the window.
    Ids,
    /// Records that wait while Kafka is away.
    Backlog,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Curve {
    pub cause: Cause,
    pub places: Vec<Place>,
}

/// One place on a curve.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The amount of the cause.
    pub at: u64,
    /// Microseconds of processor time per notification.
    pub cpu: f64,
    /// The median answer in milliseconds.
    pub p50: f64,
    /// The p99 of answers in milliseconds.
    pub p99: f64,
    /// Resident memory in MiB.
    pub memory: u64,
    /// Seconds from the start of the process to its first 200.
    pub first_answer: f64,
    /// Seconds from the start of the process until it rests: until then it reads the ids of earlier
    /// runs into its filter, while it answers.
    pub rests_after: f64,
}

/// Measures one curve.
pub async fn measure(cause: Cause) -> Curve {
    let places = match cause {
        Cause::Rate => of_rate().await,
        Cause::Size => of_size().await,
        Cause::Sources => of_sources().await,
        Cause::Ids => of_ids().await,
        Cause::Backlog => of_backlog().await,
    };
    Curve { cause, places }
}

async fn of_rate() -> Vec<Place> {
    let kafka = Kafka::start_measured().await;
    let relay = relay(1).kafka(&kafka).start().await;
    warmed(&relay).await;
    let mut places = Vec::new();
    for rate in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        let requests = Arc::new(Requests::make(rate as usize * 3, SHAPE));
        let before = Usage::of(relay.pid());
        let round = fixed_rate(&requests, relay.ingest(), CONNECTIONS, rate).await;
        drained(&relay).await;
        let cpu = Usage::of(relay.pid()).since(&before).cpu();
        places.push(Place {
            at: u64::from(rate),
            cpu: cpu.as_secs_f64() * 1e6 / round.answered as f64,
            p50: round.quantile(0.5),
            p99: round.quantile(0.99),
            memory: process::memory(relay.pid()),
            first_answer: 0.0,
            rests_after: 0.0,
        });
    }
    places
}

async fn of_size() -> Vec<Place> {
    let kafka = Kafka::start_measured().await;
    let relay = relay(1).kafka(&kafka).start().await;
    warmed(&relay).await;
    let mut places = Vec::new();
    for size in [350, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10] {
        // Only some hundreds of the largest bodies fit into a second and into the memory of a test
        // machine.
        let count = (64 << 20) / (size + 2048);
        let place = full_speed(&relay, count, Shape { size, ..SHAPE }, Reach::Up).await;
        places.push(Place { at: size as u64, ..place });
    }
    places
}

async fn of_sources() -> Vec<Place> {
    let kafka = Kafka::start_measured().await;
    let mut places = Vec::new();
    for sources in [1, 10, 100, 1_000] {
        let began = Instant::now();
        let relay = relay(sources).kafka(&kafka).start().await;
        let first_answer = first_answer(&relay, began).await;
        warmed(&relay).await;
        let place = full_speed(&relay, COUNT, Shape { sources, ..SHAPE }, Reach::Up).await;
        places.push(Place { at: sources as u64, first_answer, ..place });
    }
    places
}

async fn of_ids() -> Vec<Place> {
    let mut places = Vec::new();
    for ids in [0, 1_000_000, 3_000_000, 10_000_000] {
        places.push(prepared_spool(ids, ids / 10).await);
    }
    places
}

async fn of_backlog() -> Vec<Place> {
    let mut places = Vec::new();
    for records in [0, 100_000, 300_000, 1_000_000] {
        places.push(prepared_spool(records, records).await);
    }
    places
}

/// Measures a relay that starts, while Kafka is away, on a spool with so many ids and waiting
/// records.
async fn prepared_spool(ids: u64, pending: u64) -> Place {
    let dir = tempfile::tempdir_in(scratch()).expect("a folder");
    let spool = dir.path().join("spool");
    if ids > 0 {
        prepared::fill(&spool, ids, pending, 350).await;
    }
    let builder = relay(1).set("spool.dir", &format!("{spool:?}"));
    let builder = builder.set("kafka.topic_prefix", "'cad.'");
    let began = Instant::now();
    let relay = builder.kafka_with(nowhere()).start().await;
    let first_answer = first_answer(&relay, began).await;
    rested(&relay).await;
    let rests_after = began.elapsed().as_secs_f64();
    let memory = process::memory(relay.pid());
    warmed(&relay).await;
    let place = full_speed(&relay, COUNT, SHAPE, Reach::Away).await;
    Place { at: ids, memory, first_answer, rests_after, ..place }
}

/// Waits until the relay takes less than a twentieth of a core.
async fn rested(relay: &Relay) {
    let began = Instant::now();
    loop {
        let before = Usage::of(relay.pid());
        tokio::time::sleep(LOOK).await;
        if Usage::of(relay.pid()).since(&before).cpu() < LOOK / 20 {
            return;
        }
        assert!(began.elapsed() < LONGEST_UNREST, "the relay never rests after its start");
    }
}

/// The seconds from `began` until one notification is answered 200.
async fn first_answer(relay: &Relay, began: Instant) -> f64 {
    let requests = Arc::new(Requests::make(1, SHAPE));
    let round = closed_loop(&requests, relay.ingest(), 1, LONG, Then::End).await;
    assert_eq!(round.answered, 1, "the first notification is accepted");
    began.elapsed().as_secs_f64()
}

async fn warmed(relay: &Relay) {
    let requests = Arc::new(Requests::make(5_000, SHAPE));
    closed_loop(&requests, relay.ingest(), CONNECTIONS, LONG, Then::End).await;
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    Up,
    Away,
}

/// Measures at full speed; returns the median of three rounds.
async fn full_speed(relay: &Relay, count: usize, shape: Shape, kafka: Reach) -> Place {
    let (mut cpu, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let requests = Arc::new(Requests::make(count, shape));
        let before = Usage::of(relay.pid());
        let time = Duration::from_secs(2);
        let round = closed_loop(&requests, relay.ingest(), CONNECTIONS, time, Then::End).await;
        assert_eq!(round.failed, 0, "everything is answered 200");
        if kafka == Reach::Up {
            drained(relay).await;
        }
        let used = Usage::of(relay.pid()).since(&before).cpu();
        cpu.push(used.as_secs_f64() * 1e6 / round.answered as f64);
        p50.push(round.quantile(0.5));
        p99.push(round.quantile(0.99));
    }
    Place {
        at: 0,
        cpu: median(&cpu),
        p50: median(&p50),
        p99: median(&p99),
        memory: process::memory(relay.pid()),
        first_answer: 0.0,
        rests_after: 0.0,
    }
}

impl Cause {
    /// The label of the axis.
    pub fn told(self) -> &'static str {
        match self {
            Self::Rate => "notifications a second",
            Self::Size => "bytes of a body",
            Self::Sources => "sources",
            Self::Ids => "ids in the window",
            Self::Backlog => "records that wait",
        }
    }

    /// The name of its picture.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Size => "size",
            Self::Sources => "sources",
            Self::Ids => "ids",
            Self::Backlog => "backlog",
        }
    }
}

impl Curve {
    /// Writes the curve as a table.
    pub fn table(&self) -> String {
        let starts = self.places.iter().any(|place| place.first_answer > 0.0);
        let rests = self.places.iter().any(|place| place.rests_after > 0.0);
        let first = if starts { " first 200 after s |" } else { "" };
        let rest = if rests { " rests after s |" } else { "" };
        let mut table = format!(
            "| {} | CPU µs | p50 ms | p99 ms | memory MiB |{first}{rest}\n|--:|--:|--:|--:|--:|{}\n",
            self.cause.told(),
            "--:|".repeat(usize::from(starts) + usize::from(rests))
        );
        for place in &self.places {
            let Place { at, cpu, p50, p99, memory, first_answer, rests_after } = place;
            table.push_str(&format!("| {at} | {cpu:.1} | {p50:.2} | {p99:.2} | {memory} |"));
            if starts {
                table.push_str(&format!(" {first_answer:.2} |"));
            }
            if rests {
                table.push_str(&format!(" {rests_after:.1} |"));
            }
            table.push('\n');
        }
        table
    }
}

const CONNECTIONS: usize = 64;
const SHAPE: Shape = Shape { size: 1024, redeliveries: 0, sources: 1 };
const COUNT: usize = 40_000;
/// The interval between two looks at a relay that should come to rest.
const LOOK: Duration = Duration::from_millis(500);
const LONGEST_UNREST: Duration = Duration::from_secs(180);
/// Longer than any of these rounds takes.
const LONG: Duration = Duration::from_secs(60);
